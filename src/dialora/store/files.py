"""Files that are whole: read, written all at once, hashed."""

from __future__ import annotations

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
SEAL = "# sha256 of what follows: "


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file to write; on leaving without an error it is on disk and takes the file's place at once.

    Readers, and whoever comes after a crash, see the old file or the new one.
    """
    temporary = path.with_name(names.unfinished(path.name))
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save_text(text: str, path: Path, *, errors: str = "strict") -> None:
    """Write text all at once, as it is; `errors` says what becomes of half characters, which have no UTF-8 form."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=errors, newline="\n")


def save_json(values: Any, path: Path) -> None:
    """Write JSON all at once."""
    save_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", path)


def load_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def save_records(records: Iterable[Record], path: Path) -> None:
    """Write records as JSON lines all at once."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")


def stream_records(kind: type[T], path: Path) -> Iterator[T]:
    """Give records from JSON lines, one after the other."""
    # At line feeds alone: dialogues may hold U+2028 and the like, which others take for line ends.
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from (kind.from_json(json.loads(line)) for line in file if line != "\n")


def load_records(kind: type[T], path: Path) -> list[T]:
    """Read records from JSON lines."""
    return list(stream_records(kind, path))


def save_sealed(text: str, path: Path) -> None:
    """Write a text that people may read and copy, with its digest as a comment in front; nothing if it is there."""
    sealed = f"{SEAL}{_digest(text)}\n{text}"
    if not path.is_file() or path.read_bytes() != sealed.encode():
        save_text(sealed, path)


def require_seal(path: Path) -> None:
    """Raise StageError where a sealed file is not what was written; one without a seal passes."""
    text = path.read_bytes().decode(errors="replace")
    seal, _, rest = text.partition("\n")
    if seal.startswith(SEAL) and seal.removeprefix(SEAL).strip() != _digest(rest):
        raise StageError(
            f"{path}: is not what was written there. `dialora compare` writes it anew; if you changed it and mean it, "
            f"remove its first line."
        )


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have the system put a file's or folder's content on disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


__all__ = [
    "hash_file",
    "load_json",
    "load_records",
    "replacing",
    "require_seal",
    "save_json",
    "save_records",
    "save_sealed",
    "save_text",
    "stream_records",
    "sync",
]
