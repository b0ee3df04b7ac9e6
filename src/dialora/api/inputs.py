"""What the functions take: experiments in every form, overrides, folders, observers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dialora.config import ExperimentConfig, Overrides
from dialora.records import Observer

Experiment = str | Path | Mapping[str, Any] | ExperimentConfig
Folder = str | Path | None
Watch = Observer | None


def find_path(folder: Folder) -> Path | None:
    """Return a folder as a path, None as None."""
    return None if folder is None else Path(folder)


__all__ = ["Experiment", "Folder", "Overrides", "Watch", "find_path"]
