"""Which system a name is: a run, an experiment with its method, an adapter, a model, a converted folder, a hub id."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialora.config import BUNDLED, Overrides, list_overrides, load_experiment
from dialora.errors import ConfigError, StageError
from dialora.models.files import list_names, show
from dialora.report.comparison_stage import load_comparison
from dialora.store import RUNS, ExperimentFolder, find_runs, is_run_folder, names
from dialora.systems.kinds.converted import find_converted_system, is_converted, require_as_converted
from dialora.systems.kinds.exported import find_exported_system, is_exported
from dialora.systems.kinds.foreign import find_adapter_system, find_model_system, is_adapter, is_loadable, read_revision
from dialora.systems.kinds.runs import find_run_system
from dialora.systems.kinds.system import AskedFor, RunSystem, System

IN_USE = ("generation.", "decoding.", "data.dialogue_column", "data.id_column")
"""What may be set otherwise than a run had it; the rest is part of the system."""
OF_FOREIGN = ("prompt", "data.max_source_length", "model_revision")
"""What no run says of other systems."""
GIVE = (
    "give a run's folder, an experiment's with --method, a PEFT adapter's, a model's, one converted for CTranslate2, "
    "or a hub id as owner/name."
)
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_CONVERSION = re.compile(re.escape(names.conversion("*")).replace(r"\*", "(fp32|bf16|int8)"))


def find_system(
    name: str | Path,
    *,
    method: str | None = None,
    base: str | Path | None = None,
    set: Overrides = (),
) -> System:
    """Find the system that a name is; loads nothing yet.

    `name` is a run's folder; an experiment's, or the name of one below `runs/`, with `method` where it holds several
    (of several seeds, the first); an export's; a PEFT adapter's folder; a model's folder in transformers format; a
    folder converted for CTranslate2; or the hub id of a model or adapter. `base` is the model of an adapter that names
    another place for it, or of a converted folder. `set` overrides `generation.*`, `decoding.*` and the names of
    columns, and of what is neither run nor export also `prompt`, `data.max_source_length` and `model_revision`. Raises
    DialoraError.
    """
    overrides = list_overrides(set)
    base = None if base is None else str(base)
    found = _find(name, method, base, overrides)
    given = overrides if isinstance(overrides, Mapping) else tuple(overrides)
    return replace(found, asked_for=AskedFor(str(name), method, base, given))


def find_run(
    name: str | Path,
    *,
    method: str | None = None,
    set: Overrides = (),
    compared: str = "precisions are compared",
) -> RunSystem:
    """Find the system of a run, as `find_system` does; anything else has no test dialogues. Raises DialoraError."""
    overrides = list_overrides(set)
    path = _find_folder(name)
    run = None if path is None else _find_run(path)
    if path is None or run is None:
        raise ConfigError(
            f"{name}: is no run and no experiment's folder; {compared} on the test dialogues of a run's experiment."
        )
    return _open_run(run, path, method, overrides)


def find_winning_system(root: Path, *, method: str | None = None, set: Overrides = ()) -> System:
    """Find the system of a finished comparison that has the highest ROUGE-1, or that of `method`. Raises DialoraError.

    Raises StageError where the winner's run is gone.
    """
    winner = find_winner(root)
    found = sorted({run.key for run in find_runs(root)})
    if method is None and winner not in found:
        others = f", or choose another with --method: {', '.join(found)}" if found else ""
        raise StageError(
            f"{root}: the run of its winner, {winner}, is not there; `dialora compare {BUNDLED}` makes it anew{others}."
        )
    return find_system(root, method=method or winner, set=set)


def has_comparison(root: Path) -> bool:
    """Whether a folder holds a finished comparison."""
    try:
        load_comparison(root)
    except StageError:
        return False
    return True


def find_winner(root: Path) -> str:
    """Return the method with the highest ROUGE-1 in a finished comparison. Raises StageError where there is none."""
    systems = [system for system in load_comparison(root).comparison.systems if not system.yardstick]
    if not systems:
        raise StageError(f"{root}: its comparison has no systems; `dialora compare` makes it anew.")
    return max(systems, key=lambda system: system.scores["rouge1"].mean).key


def require_bundled(*, method: str | None, base: str | Path | None, set: Overrides) -> None:
    """Raise ConfigError for what the bundled experiment's systems are not to be asked for, before it is run."""
    _refuse("--base", base, "no --system is named, and the bundled experiment says itself what its base is")
    require_in_use(set)
    known = load_experiment(BUNDLED, set).methods
    if method is not None and method not in known:
        raise ConfigError(
            f"--method {show(method)}: the bundled experiment has no such method, and no --system is named. Found: "
            f"{', '.join(sorted(known))}."
        )


def require_in_use(overrides: Overrides) -> frozenset[str]:
    """Return the options of `data` that are set of a run's system. Raises ConfigError for what is not to be changed."""
    return _require_usable(overrides, IN_USE)


def _find(name: str | Path, method: str | None, base: str | None, overrides: list[str] | Mapping[str, Any]) -> System:
    path = _find_folder(name)
    if path is not None and (run := _find_run(path)) is not None:
        _refuse("--base", base, f"{run} says itself what its base is")
        return _open_run(run, path, method, overrides)
    _refuse("--method", method, f"{name} is no experiment's folder")
    if path is not None and is_exported(path):
        named = _require_usable(overrides, IN_USE)
        return find_exported_system(path, base=base, set=overrides, named_columns=named)
    named = _require_usable(overrides, (*IN_USE, *OF_FOREIGN))
    if path is not None and is_converted(path):
        return find_converted_system(path, base=base, set=overrides, named_columns=named)
    source = str(name) if path is None else str(path)
    if source != BUNDLED and is_adapter(source, read_revision(overrides)):
        return find_adapter_system(source, base=base, set=overrides, named_columns=named)
    if path is not None and not (path / "config.json").is_file():
        raise ConfigError(
            f"--system {path}: is neither a run's folder nor an experiment's (no {names.EXPERIMENT}), nor an adapter, "
            f"a model (no config.json) or a converted one.{_name_inner(path)}"
        )
    _refuse("--base", base, f"{name} is a whole model")
    return find_model_system(source, set=overrides, named_columns=named)


def _find_folder(name: str | Path) -> Path | None:
    """Return the folder that a name is; None where it may be a hub id, or is the bundled base. Raises ConfigError."""
    shown = show(str(name))
    try:
        path = Path(name).expanduser()
        if not path.is_dir() and path.parent == Path() and (RUNS / path).is_dir():
            path = RUNS / path
        is_folder, is_there = path.is_dir(), path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # too long, or the home of a user that is not there
        raise ConfigError(f"--system {shown}: is no path; {GIVE}") from error
    if is_folder and str(name):
        return path
    if is_there:
        raise ConfigError(f"--system {shown}: is {'a file' if str(name) else 'empty'}, not a folder; {GIVE}")
    if str(name) == BUNDLED or _HUB_ID.fullmatch(str(name)):
        return None
    raise ConfigError(f"--system {shown}: no such folder; {GIVE}")


def _name_inner(path: Path) -> str:
    """Return what may be meant inside a folder that is no system: a training's checkpoints, say."""
    inner = [child.name for child in path.iterdir() if child.is_dir() and is_loadable(child)]
    return f" What it holds may be meant: {list_names(inner)}." if inner else ""


def _find_run(path: Path) -> Path | None:
    """Return the folder of the run or experiment that a folder is, or the run that it is a part of; else None."""
    folder = Path(os.path.realpath(path))
    is_part = folder.name == names.TRAINING or _CONVERSION.fullmatch(folder.name)
    if is_part and is_run_folder(folder.parent):
        return folder.parent
    return path if is_run_folder(path) or ExperimentFolder(path).config.is_file() else None


def _open_run(run: Path, path: Path, method: str | None, overrides: list[str] | Mapping[str, Any]) -> RunSystem:
    """Return the system of a run's folder, in the precision of its conversion where `path` is one."""
    named = require_in_use(overrides)
    precision = _CONVERSION.fullmatch(Path(os.path.realpath(path)).name) if run != path else None
    if precision is None:
        return find_run_system(run, method=method, set=overrides, named_columns=named)
    # The run knows what it was made from, and makes it anew where it is damaged.
    fixed = {"generation.engine": "ctranslate2", "generation.precision": precision[1]}
    if isinstance(overrides, Mapping):
        overrides = fixed | dict(overrides)
    else:
        overrides = [*(f"{key}={value}" for key, value in fixed.items()), *overrides]
    system = find_run_system(run, method=method, set=overrides, named_columns=named)
    require_as_converted(path, system.config.generation, precision[1])
    return system


def _refuse(option: str, value: str | Path | None, reason: str) -> None:
    if value is not None:
        raise ConfigError(f"{option} {show(value)}: {reason}; leave {option} out.")


def _require_usable(overrides: Overrides, allowed: tuple[str, ...]) -> frozenset[str]:
    """Return the options of `data` that are set. Raises ConfigError for what is not to be changed."""
    keys = [str(item).partition("=")[0].strip() for item in list_overrides(overrides)]
    shown = ", ".join(f"{key}*" if key.endswith(".") else key for key in allowed)
    strange = [
        key for key in keys if not any(key == one or (one.endswith(".") and key.startswith(one)) for one in allowed)
    ]
    if strange:
        raise ConfigError(
            [f"{key}: cannot be changed for a system that is trained; allowed: {shown}." for key in strange]
        )
    return frozenset(key.removeprefix("data.") for key in keys if key.endswith("_column"))


__all__ = ["find_run", "find_system", "find_winner", "find_winning_system", "has_comparison", "require_bundled"]
