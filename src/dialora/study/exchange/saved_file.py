"""A file that a rater's page or another tool has saved: what is none is refused before anything is read of it."""

from __future__ import annotations

import stat
from pathlib import Path

from dialora.errors import InputError

MAX_BYTES = 500_000_000
"""Of what another tool exports; ten thousand raters' answers are less."""


def read_saved_file(path: Path, *, most: int = MAX_BYTES) -> bytes:
    """Return what a file of at most so many bytes holds. Raises InputError."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{path}: is a folder; give the files in it.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path}: is no file but a pipe or device; save what it gives in a file first.")
        if found.st_size > most:
            raise InputError(f"{path}: is larger than {most:,} bytes; no file of ratings is that large.")
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


__all__ = ["read_saved_file"]
