"""Whose a folder is: nothing is written into another kind's, and one dialora at a time is at work in one.

An experiment's folder and a table's hold `experiment.yaml`, which says which of them it is; a data check's holds
`data-check.json`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from dialora.errors import ConfigError, StageError
from dialora.records import Observer, ignore_events
from dialora.store import names
from dialora.store.damage import telling_damage
from dialora.store.disk import disk_errors_explained
from dialora.store.experiment import ExperimentFolder
from dialora.store.heartbeat import remove_torn
from dialora.store.system import require_posix

BEGUN = tuple(one for name in (names.EXPERIMENT, names.DATA) for one in (name, names.unfinished(name)))
"""What an experiment or table that was broken off at its beginning leaves, besides the lock."""


@contextmanager
def own_folder(
    root: Path, *, tables: Sequence[str] = (), observer: Observer = ignore_events
) -> Iterator[ExperimentFolder]:
    """Make the folder and keep other dialoras out of it meanwhile. Raises StageError, or ConfigError.

    `tables` are the files of outputs that the folder is to be of; without any it is an experiment's. A folder of
    another kind, or of other files, is refused: its results would be overwritten. `observer` is warned of damage.
    """
    require_posix()
    with disk_errors_explained(root):
        _require_free(root, allowed=BEGUN)
        _require_experiment(root, tables)
        root.mkdir(parents=True, exist_ok=True)
        with (
            locked(
                root / names.LOCK, f"{root}: another dialora is at work here; wait for it, or give another --output."
            ),
            telling_damage(lambda message: observer({"event": "warning", "message": message})),
        ):
            remove_torn(root)
            yield ExperimentFolder(root)


@contextmanager
def own_data_check(root: Path) -> Iterator[None]:
    """Look that the folder is a data check's, or free, and for the time of the block explain what the disk refuses.

    Raises ConfigError where something else lies there, or StageError.
    """
    with disk_errors_explained(root):
        _require_free(root, allowed=(names.DATA_CHECK_JSON, names.unfinished(names.DATA_CHECK_JSON)))
        yield


def require_apart(folder: Path) -> None:
    """Raise ConfigError where a folder would lie in an experiment's or a run's, where dialora makes things anew."""
    for place in Path(os.path.realpath(folder)).parents:
        # An experiment's own file may lie anywhere, under the same name.
        if (place / names.RUN_CONFIG).is_file() or all(
            (place / one).is_file() for one in (names.EXPERIMENT, names.LOCK)
        ):
            raise ConfigError(
                f"--output {folder}: lies in {place}, where dialora keeps an experiment and may make anew what it "
                f"finds; give a folder outside of it."
            )


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other dialoras from writing the same folder for the time of the block. Raises StageError, ConfigError."""
    folder = Path(os.path.realpath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f".{folder.name}.lock")
    with locked(lock, f"--output {folder}: another dialora is writing it; wait for it, or give another --output."):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock for the time of the block. Raises StageError with `refusal` where another process has it.

    Raises ConfigError where no file can be made at all.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        if not path.exists():  # as in /proc, whose refusal is taken for a lock that is held
            raise ConfigError(f"{path.parent}: no file can be made there; give another --output.") from error
        raise StageError(refusal) from error
    try:
        yield
    finally:
        lock.release()


def _require_free(root: Path, *, allowed: tuple[str, ...]) -> None:
    """Raise ConfigError when `root` holds anything, and nothing of what a folder of the kind at hand would hold."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"--output {root}: is a file; give a folder.")
    found = {path.name for path in root.iterdir()} if root.is_dir() else set()
    # An experiment that is interrupted at once leaves no more than its lock.
    if found <= {names.LOCK} or set(allowed) & found:
        return
    raise ConfigError(f"--output {root}: holds {_describe(root, found)}; give a new or empty folder.")


def _describe(root: Path, found: set[str]) -> str:
    if names.EXPERIMENT in found:
        table = _load_values(root).get("table")
        return "an experiment" if table is None else f"the scores of the table {table}"
    if names.DATA_CHECK_JSON in found:
        return "a data check"
    return "a run of an experiment" if names.RUN_CONFIG in found else "files that are not dialora's"


def _require_experiment(root: Path, tables: Sequence[str]) -> None:
    """Raise ConfigError where what lies in a folder is not of the kind that is to be written there."""
    if not (root / names.EXPERIMENT).is_file():
        return
    values = _load_values(root)
    found = [str(path) for path in (values.get("table"), *(values.get("further") or ())) if path is not None]
    if not tables and found:
        raise ConfigError(f"--output {root}: holds the scores of the table {found[0]}; give another folder.")
    if tables and not found:
        raise ConfigError(f"--output {root}: holds the experiment {values.get('name')}; give another folder.")
    if len(tables) != len(found) or not all(map(_is_same_table, map(Path, found), map(Path, tables))):
        raise ConfigError(
            f"--output {root}: holds the scores of {', '.join(found)}, not of {', '.join(tables)}; give another folder."
        )


def _load_values(root: Path) -> dict[str, Any]:
    """Return what `experiment.yaml` says; of one that cannot be read, what the folder's content shows of it."""
    try:
        values = yaml.safe_load((root / names.EXPERIMENT).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError):
        values = None
    if isinstance(values, dict):
        return values
    is_table = (root / names.SCORING).is_dir()
    return {"name": root.name} | ({"table": "whose name cannot be read"} if is_table else {})


def _is_same_table(found: Path, table: Path) -> bool:
    # A relative path counts from where it was given, which need not be here.
    return found.name == table.name and (not found.exists() or found.resolve() == table.resolve())


__all__ = ["alone_in", "locked", "own_data_check", "own_folder", "require_apart"]
