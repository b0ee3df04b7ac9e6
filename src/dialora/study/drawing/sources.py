"""What a user names as a study's source, as folders of finished comparisons; a table of outputs is scored first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dialora.config import Overrides, list_experiments, list_overrides, load_experiment, load_outputs_config
from dialora.errors import InputError
from dialora.outputs import is_table, score_outputs
from dialora.records import Observer
from dialora.store import RUNS


def find_folders(sources: Sequence[str | Path], overrides: Overrides, observer: Observer) -> list[Path]:
    """Return the folders, in the order of the sources. Raises DialoraError.

    Files belong together, as for `dialora score`: one table, or references and a file for each system.
    """
    if not sources:
        raise InputError("a study needs at least one folder of a finished experiment, or a table of outputs.")
    files = [source for source in sources if not Path(source).is_dir() and is_table(source)]
    folders = [None if source in files else _find_folder(source) for source in sources]
    overrides = list_overrides(overrides)
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
    if path.is_dir():
        return path
    shipped = list_experiments()
    if not path.is_file() and str(source) not in shipped:
        raise InputError(
            f"{source}: no such folder or file; give the folder of a finished experiment or of a scored table, a table "
            f"of outputs, an experiment's file, or the name of a shipped one: {', '.join(shipped)}."
        )
    return RUNS / load_experiment(source).name


__all__ = ["find_folders"]
