"""A digest of dialora's own code: what an earlier call has kept is only good for the code that made it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

_SUFFIXES = frozenset({".css", ".j2", ".js", ".py"})


@cache
def digest_code() -> str:
    """Return the SHA-256 of the package's modules and templates, by their places: a change of any changes it."""
    root = Path(str(resources.files("dialora")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in _SUFFIXES:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


__all__ = ["digest_code"]
