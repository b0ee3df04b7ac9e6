"""What a user names as a study's source, as folders of finished comparisons; a table of outputs is scored first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dialora.config import load_experiment, load_outputs_config
from dialora.errors import InputError
from dialora.outputs import is_table, score_outputs
from dialora.records import Observer
from dialora.store import RUNS


def find_folders(
    sources: Sequence[str | Path], overrides: Iterable[str] | Mapping[str, Any], observer: Observer
) -> list[Path]:
    """Return the folders, in the order of the sources. Raises DialoraError.

    Files belong together, as for `dialora score`: one table, or references and a file for each system.
    """
    if not sources:
        raise InputError("a study needs at least one folder of a finished experiment, or a table of outputs.")
    files = [source for source in sources if not Path(source).is_dir() and is_table(source)]
    folders = [None if source in files else _find_folder(source) for source in sources]
    overrides = dict(overrides) if isinstance(overrides, Mapping) else list(overrides)
    if overrides and not files:
        raise InputError("--set: means nothing here; it says how a table of outputs is read, and there is none.")
    if not files:
        return [folder for folder in folders if folder is not None]
    config = load_outputs_config(files, overrides)
    table = RUNS / config.name
    score_outputs(config, output=table, observer=observer)
    return list(dict.fromkeys(table if folder is None else folder for folder in folders))


def _find_folder(source: str | Path) -> Path:
    """Return a folder as it is given; of an experiment, by file or name, its default one."""
    path = Path(source)
    return path if path.is_dir() else RUNS / load_experiment(source).name


__all__ = ["find_folders"]
