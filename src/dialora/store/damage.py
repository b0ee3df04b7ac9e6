"""Whether a file is still what was written: digests, compared when the file is used, and who is told of a difference.

A file is read for its digest once in a process, and again when its size or time is another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from dialora.store.files import hash_file

JUST_NOW = 2.0
"""Seconds: a file that is younger may change again without a new time, as clocks of file systems tick slowly."""

Tell = Callable[[str], None]
_digests: dict[tuple[int, int, int, int], str] = {}
_told: set[str] = set()
_tell: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextmanager
def telling_damage(tell: Tell) -> Iterator[None]:
    """For the time of the block, have `tell` called with a sentence about each file that is not as it was written."""
    token = _tell.set(tell)
    _told.clear()
    try:
        yield
    finally:
        _tell.reset(token)


def tell_damage(message: str) -> None:
    """Tell whoever listens, once."""
    tell = _tell.get()
    if tell is not None and message not in _told:
        _told.add(message)
        tell(message)


def digest_once(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; a file that has not changed meanwhile is read once. Raises OSError."""
    found = path.stat()
    key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    if key in _digests:
        return _digests[key]
    digest = hash_file(path)
    if time.time() - found.st_mtime > JUST_NOW:
        _digests[key] = digest
    return digest


__all__ = ["digest_once", "tell_damage", "telling_damage"]
