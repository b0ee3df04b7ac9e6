"""The files of a model or adapter folder, found and opened so that a damaged one is told by its true reason.

Takes a folder or hub id, or a path. Raises ValueError with what is wrong with a file; who reads it says whose it is.
Never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dialora.models.hub import download, find_cached

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
NUM_NAMED = 3
MAX_NAME = 80


def find_file(source: str, name: str, revision: str | None, *, cached_only: bool = False) -> Path | None:
    """Return a file of a folder or hub id, or None; of a hub id it is downloaded unless only the cache is to count."""
    folder = Path(source)
    if folder.is_dir():
        return folder / name if (folder / name).exists() else None
    return (find_cached if cached_only else download)(source, name, revision)


def require_content(path: Path) -> None:
    """Raise ValueError where a file is none, is empty, or stands for another one."""
    if not path.is_file():
        raise ValueError(f"{path.name} is no file")
    with path.open("rb") as file:
        start = file.read(512).lstrip()
    if not start:
        raise ValueError(f"{path.name} is empty; download it again")
    if start.startswith(LFS_POINTER):
        raise ValueError(
            f"{path.name} is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`, or download it again"
        )
    if start[:9].lower().startswith((b"<!doctype", b"<html")):
        raise ValueError(f"{path.name} is a web page, not the file itself; download it again")


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises ValueError for anything else."""
    require_content(path)
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is damaged: it is not JSON ({error}); download it again") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} holds {type(values).__name__}, not an object of keys and values")
    return values


def list_names(names: Iterable[str]) -> str:
    """Return the first few names and how many more there are; nothing of them is more than plain text."""
    names = sorted(names)
    shown = ", ".join(show(name) for name in names[:NUM_NAMED])
    return shown if len(names) <= NUM_NAMED else f"{shown} and {len(names) - NUM_NAMED} more"


def show(value: Any, size: int = MAX_NAME) -> str:
    """Return what a file holds as printable text of at most `size` characters."""
    text = "".join(each if each.isprintable() else "?" for each in str(value)[: size + 1])
    return text if len(text) <= size else f"{text[: size - 1]}…"


__all__ = ["find_file", "list_names", "read_object", "require_content", "show"]
