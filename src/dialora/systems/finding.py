"""Which system a name is: a run, an experiment with its method, an adapter, a model, a converted folder, a hub id."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dialora.config import BUNDLED
from dialora.errors import ConfigError, StageError
from dialora.report.comparison_stage import load_comparison
from dialora.store import RUNS, ExperimentFolder, is_run_folder, names
from dialora.systems.converted import find_converted_system, is_converted
from dialora.systems.exported import find_exported_system, is_exported
from dialora.systems.foreign import find_adapter_system, find_model_system, is_adapter
from dialora.systems.runs import find_run_system
from dialora.systems.system import System

IN_USE = ("generation.", "decoding.", "data.dialogue_column", "data.id_column")
"""What may be set otherwise than a run had it; the rest is part of the system."""
OF_FOREIGN = ("prompt", "data.max_source_length", "model_revision")
"""What no run says of other systems."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_CONVERSION = re.compile(re.escape(names.conversion("*")).replace(r"\*", "(fp32|bf16|int8)"))


def find_system(
    name: str | Path,
    *,
    method: str | None = None,
    base: str | None = None,
    set: Iterable[str] | Mapping[str, Any] = (),
) -> System:
    """Find the system that a name is; loads nothing yet.

    `name` is a run's folder; an experiment's, or the name of one below `runs/`, with `method` where it holds several
    (of several seeds, the first); an export's; a PEFT adapter's folder; a model's folder in transformers format; a
    folder converted for CTranslate2; or the hub id of a model or adapter. `base` is the model of an adapter that names
    another place for it, or of a converted folder. `set` overrides `generation.*`, `decoding.*` and the names of
    columns, and of what is neither run nor export also `prompt`, `data.max_source_length` and `model_revision`. Raises
    DialoraError.
    """
    overrides = set if isinstance(set, Mapping) else list(set)
    path = Path(name).expanduser()
    if not path.is_dir() and path.parent == Path() and (RUNS / path).is_dir():
        path = RUNS / path
    folder = Path(os.path.realpath(path))  # of a link in a circle too
    precision = _CONVERSION.fullmatch(folder.name)
    if path.is_dir() and is_run_folder(folder.parent) and (folder.name == names.TRAINING or precision):
        if precision:  # the run knows what it was made from, and makes it anew where it is damaged
            fixed = {"generation.engine": "ctranslate2", "generation.precision": precision[1]}
            overrides = [*_as_items(overrides), *_as_items(fixed)]
        path = path.parent if path.name else folder.parent
    is_run = path.is_dir() and is_run_folder(path)
    if is_run or ExperimentFolder(path).config.is_file():
        _refuse("--base", base, f"{path} says itself what its base is")
        named = _require_usable(overrides, IN_USE)
        return find_run_system(path, method=method, set=overrides, named_columns=named)
    _refuse("--method", method, f"{name} is no experiment's folder")
    if path.is_dir() and is_exported(path):
        named = _require_usable(overrides, IN_USE)
        return find_exported_system(path, base=base, set=overrides, named_columns=named)
    named = _require_usable(overrides, (*IN_USE, *OF_FOREIGN))
    if path.is_dir() and is_converted(path):
        return find_converted_system(path, base=base, set=overrides, named_columns=named)
    source = str(path) if path.is_dir() else str(name)
    if not path.is_dir() and str(name) != BUNDLED and not _HUB_ID.fullmatch(source):
        raise ConfigError(
            f"--system {name}: no such folder; give a run's, an experiment's with --method, a PEFT adapter's, a "
            f"model's, or a hub id as owner/name."
        )
    if str(name) != BUNDLED and is_adapter(source):
        return find_adapter_system(source, base=base, set=overrides, named_columns=named)
    if path.is_dir() and not (path / "config.json").is_file():
        raise ConfigError(
            f"--system {path}: is neither a run's folder nor an experiment's (no {names.EXPERIMENT}), nor an adapter, "
            f"a model (no config.json) or a converted one."
        )
    _refuse("--base", base, f"{name} is a whole model")
    return find_model_system(source, set=overrides, named_columns=named)


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


def _refuse(option: str, value: str | None, reason: str) -> None:
    if value is not None:
        raise ConfigError(f"{option} {value}: {reason}; leave {option} out.")


def _as_items(overrides: Iterable[str] | Mapping[str, Any]) -> list[str]:
    if isinstance(overrides, Mapping):
        return [f"{key}={value}" for key, value in overrides.items()]
    return list(overrides)


def _require_usable(overrides: Iterable[str] | Mapping[str, Any], allowed: tuple[str, ...]) -> frozenset[str]:
    """Return the options of `data` that are set. Raises ConfigError for what is not to be changed."""
    keys = [str(item).partition("=")[0].strip() for item in overrides]
    shown = ", ".join(f"{key}*" if key.endswith(".") else key for key in allowed)
    strange = [
        key for key in keys if not any(key == one or (one.endswith(".") and key.startswith(one)) for one in allowed)
    ]
    if strange:
        raise ConfigError(
            [f"{key}: cannot be changed for a system that is trained; allowed: {shown}." for key in strange]
        )
    return frozenset(key.removeprefix("data.") for key in keys if key.endswith("_column"))


__all__ = ["find_system", "find_winner", "has_comparison"]
