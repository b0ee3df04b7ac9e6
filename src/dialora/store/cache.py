"""The user's cache: what is made of things that lie elsewhere, and can be made again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from dialora.errors import ConfigError

VARIABLE = "DIALORA_CACHE"
PATIENCE = 600.0
"""Seconds for which another process that makes the same is waited for."""


def find_cache() -> Path:
    """Return the folder of the cache: DIALORA_CACHE, or `dialora` where the system keeps caches; it need not be there.

    Safe to remove at any time. Raises ConfigError where there is no home to keep it in.
    """
    try:
        if named := os.environ.get(VARIABLE):
            return Path(named).expanduser()
        system = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
        return (Path(system) if system else Path.home() / ".cache") / "dialora"
    except RuntimeError as error:
        raise ConfigError(f"the cache: its home folder cannot be told; set {VARIABLE} to a folder.") from error


@contextmanager
def one_at_a_time(folder: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Wait for other processes that make the same folder, and have them wait for the time of the block.

    The lock lies in the cache. Where none can be had there, the block goes on without.
    """
    lock: FileLock | None = None
    with suppress(OSError, ConfigError, Timeout):
        place = find_cache() / "locks"
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / f"{sha256(os.path.realpath(folder).encode()).hexdigest()[:16]}.lock")
        lock.acquire(timeout=patience)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


__all__ = ["VARIABLE", "find_cache", "one_at_a_time"]
