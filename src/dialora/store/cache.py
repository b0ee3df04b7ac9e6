"""The user's cache: what is made of things that lie elsewhere, and can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from dialora.errors import ConfigError

VARIABLE = "DIALORA_CACHE"


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


__all__ = ["VARIABLE", "find_cache"]
