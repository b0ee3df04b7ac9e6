"""Files that are whole: read, written all at once, hashed; and what a full disk means, in one line."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from dialora.errors import StageError
from dialora.records import Record
from dialora.store import names

T = TypeVar("T", bound=Record)


def save_records(records: Iterable[Record], path: Path) -> None:
    """Write records as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")


def load_records(kind: type[T], path: Path) -> list[T]:
    """Read records from JSON lines."""
    # At line feeds alone: dialogues may hold U+2028 and the like, which others take for line ends.
    with path.open(encoding="utf-8", newline="\n") as file:
        return [kind.from_json(json.loads(line)) for line in file if line != "\n"]


def save_json(values: Any, path: Path) -> None:
    """Write JSON all at once: readers see the old file or the new one."""
    save_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", path)


def load_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def save_text(text: str, path: Path) -> None:
    """Write text all at once: readers see the old file or the new one."""
    temporary = path.with_name(names.unfinished(path.name))
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a StageError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full"
        elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            reason = "writing is not allowed"
        else:
            raise
        raise StageError(
            f"{folder}: {reason}. Finished stages are kept; mend it or give another --output, and run again."
        ) from error


def sync(path: Path) -> None:
    """Have the system put a file's or folder's content on disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = [
    "disk_errors_explained",
    "hash_file",
    "load_json",
    "load_records",
    "save_json",
    "save_records",
    "save_text",
    "sync",
]
