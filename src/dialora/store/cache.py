"""The user's cache: what is made of things that lie elsewhere, and can be made again."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "DIALORA_CACHE"


def find_cache() -> Path:
    """Return the folder of the cache: DIALORA_CACHE, or `dialora` where the system keeps caches; it need not be there.

    Safe to remove at any time.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    system = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "dialora"


__all__ = ["VARIABLE", "find_cache"]
