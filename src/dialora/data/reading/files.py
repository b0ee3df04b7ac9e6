"""Files as bytes: what can be opened, unpacked where it is gzip, and why the rest cannot."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dialora.errors import DataError

LONGEST_PATH = 200
"""Characters of a path that a message repeats."""
_GZIP_START = b"\x1f\x8b"
_GIT_LFS = b"version https://git-lfs.github.com/spec/"


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """Open a file, unpacked where it is gzip. Raises DataError where that is damaged."""
    with path.open("rb") as file:
        is_packed = is_gzip(file.read(len(_GZIP_START)))
    with unpacking_explained(path), gzip.open(path) if is_packed else path.open("rb") as opened:
        yield opened


def is_gzip(start: bytes) -> bool:
    """Whether bytes begin as a gzip file does."""
    return start.startswith(_GZIP_START)


@contextmanager
def unpacking_explained(path: Path) -> Iterator[None]:
    """Turn what shows that a gzip file is damaged into a DataError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is not a whole gzip file: {describe_error(error)}; get it again.") from error


def require_file(path: Path) -> None:
    """Raise DataError where a path holds no file with the data themselves: a pipe, a device, a Git LFS pointer.

    Raises OSError where the system cannot tell.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError(f"{path}: is no file but a pipe or device, and data are read twice; save them in a file first.")
    with path.open("rb") as file:
        if file.read(len(_GIT_LFS)) == _GIT_LFS:
            raise DataError(
                f"{path}: is a Git LFS pointer, not the data; get them with `git lfs pull`, or download the file."
            )


@contextmanager
def reading_explained(path: Path) -> Iterator[None]:
    """Turn a file that the system cannot read into a DataError."""
    try:
        yield
    except OSError as error:
        place = shorten_path(error.filename or path)
        raise DataError(f"{place}: cannot be read: {error.strerror or describe_error(error)}.") from error


def shorten_path(path: Path | str) -> str:
    """Return a path for a message, its middle left out where it is very long."""
    text, half = str(path), LONGEST_PATH // 2
    return text if len(text) <= LONGEST_PATH else f"{text[:half]}…{text[-half:]} ({len(text):,} characters)"


def describe_error(error: Exception) -> str:
    """Return the first line of what an error says, without its full stop."""
    return (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")


__all__ = [
    "describe_error",
    "is_gzip",
    "open_bytes",
    "reading_explained",
    "require_file",
    "shorten_path",
    "unpacking_explained",
]
