"""From a file, the name of a shipped experiment or a mapping, with `key=value` overrides, to an ExperimentConfig."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from dialora.config.experiment import ExperimentConfig, build_experiment, dump_experiment
from dialora.errors import ConfigError

DATA_KEYS = ("model", "model_revision", "prompt")
"""What a data check reads of an experiment besides `data.*`."""


def list_experiments() -> list[str]:
    """Return the names of the experiments shipped with dialora."""
    folder = resources.files("dialora.config") / "experiments"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_experiment(
    experiment: str | Path | Mapping[str, Any] | ExperimentConfig, overrides: Iterable[str] | Mapping[str, Any] = ()
) -> ExperimentConfig:
    """Load an experiment from a file, a shipped name or a mapping, and apply overrides.

    `overrides` are `key=value` strings with dotted keys and YAML values, or a mapping of the same. Relative paths in
    `model` and `data.source` count from the working directory. Raises ConfigError.
    """
    if isinstance(experiment, ExperimentConfig):
        values = dump_experiment(experiment)
    elif isinstance(experiment, Mapping):
        values = json.loads(json.dumps(experiment, default=list))
        values.setdefault("name", "experiment")
    else:
        values = _read_file(experiment)
    apply_overrides(values, overrides)
    return build_experiment(values)


def load_data_experiment(source: str | Path, overrides: Iterable[str] | Mapping[str, Any] = ()) -> ExperimentConfig:
    """Load what reading and measuring a data set needs: an experiment around a source that trains nothing.

    Raises ConfigError, also for an override that means nothing to data alone.
    """
    overrides = dict(overrides) if isinstance(overrides, Mapping) else list(overrides)
    keys = [str(item).partition("=")[0].strip() for item in overrides]
    strange = [key for key in keys if not key.startswith("data.") and key not in DATA_KEYS]
    if strange:
        allowed = ", ".join(("data.*", *DATA_KEYS))
        raise ConfigError([f"{key}: means nothing to a data check, which reads {allowed}." for key in strange])
    values = {"name": "data-check", "data": {"source": str(source)}, "methods": {"zero_shot": {}}}
    return load_experiment(values, overrides)


def apply_overrides(values: dict[str, Any], overrides: Iterable[str] | Mapping[str, Any]) -> None:
    """Set dotted keys in plain values. Raises ConfigError where an override is no `key=value`."""
    pairs = overrides.items() if isinstance(overrides, Mapping) else map(_split_override, overrides)
    for key, value in pairs:
        _set(values, key, value)


def _read_file(experiment: str | Path) -> dict[str, Any]:
    path = Path(experiment)
    if isinstance(experiment, str) and experiment in list_experiments() and not path.is_file():
        text = (resources.files("dialora.config") / "experiments" / f"{experiment}.yaml").read_text(encoding="utf-8")
    elif path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}).") from error
    else:
        names = ", ".join(list_experiments())
        raise ConfigError(f"{experiment}: no such file, and no shipped experiment of that name. Shipped: {names}.")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: an experiment file is a mapping with at least `data` and `methods`.")
    values.setdefault("name", path.stem)
    return values


def _split_override(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"--set {text}: must be key=value, as in training.num_train_epochs=3.")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not valid YAML.") from error


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for part in parents:
        child = values.get(part)
        if not isinstance(child, dict):
            child = values[part] = {}
        values = child
    values[last] = value


__all__ = ["apply_overrides", "list_experiments", "load_data_experiment", "load_experiment"]
