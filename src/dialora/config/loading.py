"""From a file, the name of a shipped experiment or a mapping, with `key=value` overrides, to an ExperimentConfig."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from dialora.config.experiment import ExperimentConfig, build_experiment, dump_experiment
from dialora.config.problems import show
from dialora.config.yaml_file import read_yaml_file
from dialora.config.yaml_text import MAX_DEPTH, parse_yaml
from dialora.errors import ConfigError

Overrides = str | Iterable[str] | Mapping[str, Any] | None
"""One `key=value`, several, or a mapping of dotted keys to values."""
MAX_TEXT = 20_000
"""Characters of one text: a prompt is the longest."""
DATA_KEYS = ("model", "model_revision", "prompt")
"""What a data check reads of an experiment besides `data.*`."""


def list_experiments() -> list[str]:
    """Return the names of the experiments shipped with dialora."""
    folder = resources.files("dialora.config") / "experiments"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_experiment(
    experiment: str | Path | Mapping[str, Any] | ExperimentConfig, overrides: Overrides = ()
) -> ExperimentConfig:
    """Load an experiment from a file, a shipped name or a mapping, and apply overrides.

    `overrides` are `key=value` strings with dotted keys and YAML values, one or several, or a mapping of the same.
    Relative paths in `model` and `data.source` count from the working directory. Raises ConfigError.
    """
    if isinstance(experiment, ExperimentConfig):
        values = dump_experiment(experiment, with_defaults=False)
    elif isinstance(experiment, Mapping):
        # JSON would turn 1, True and None into text, and two keys into one.
        if problems := list(find_bad_values(experiment, ())):
            raise ConfigError(problems)
        try:
            values = json.loads(json.dumps(experiment, default=list))
        except (TypeError, ValueError, RecursionError) as error:
            reason = "a number of too many digits" if str(error).startswith("Exceeds the limit") else str(error)[:200]
            raise ConfigError(f"the experiment holds what no file can: {reason}.") from error
        values.setdefault("name", "experiment")
    else:
        values = _read_file(experiment)
    apply_overrides(values, overrides)
    return build_experiment(values)


def load_data_experiment(source: str | Path, overrides: Overrides = ()) -> ExperimentConfig:
    """Load what reading and measuring a data set needs: an experiment around a source that trains nothing.

    Raises ConfigError, also for an override that means nothing to data alone.
    """
    overrides = list_overrides(overrides)
    keys = [str(item).partition("=")[0].strip() for item in overrides]
    strange = [key for key in keys if not key.startswith("data.") and key not in DATA_KEYS]
    if strange:
        allowed = ", ".join(("data.*", *DATA_KEYS))
        raise ConfigError([f"{key}: means nothing to a data check, which reads {allowed}." for key in strange])
    values = {"name": "data-check", "data": {"source": str(source)}, "methods": {"zero_shot": {}}}
    return load_experiment(values, overrides)


def apply_overrides(values: dict[str, Any], overrides: Overrides) -> None:
    """Set dotted keys in plain values. Raises ConfigError where an override is no `key=value`."""
    overrides = list_overrides(overrides)
    pairs = overrides.items() if isinstance(overrides, Mapping) else map(_split_override, overrides)
    for key, value in pairs:
        if not isinstance(key, str) or not all(parts := key.split(".")) or len(parts) > MAX_DEPTH:
            raise ConfigError(f"--set {show(key)}: is no key; one is as training.num_train_epochs.")
        _set(values, parts, value)
    problems = list(find_bad_values(values, ()))
    if problems:
        raise ConfigError(problems)


def list_overrides(overrides: Overrides) -> list[str] | dict[str, Any]:
    """Return overrides of any form as a list or a mapping. Raises ConfigError where they are neither."""
    if overrides is None:
        return []
    if isinstance(overrides, str):  # whose letters are texts, too
        return [overrides]
    if isinstance(overrides, Mapping):
        return dict(overrides)
    try:
        return list(overrides)
    except TypeError:
        raise ConfigError(
            f"set: {show(overrides)} is neither a list of key=value nor a mapping, as in "
            f"{{'training.num_train_epochs': 3}}."
        ) from None


def _read_file(experiment: str | Path) -> dict[str, Any]:
    path = Path(experiment)
    name = show(str(path))[1:-1]
    if _is_there(path, name):
        values = read_yaml_file(path, example=f"experiment's file, as in {name}/experiment.yaml")
    elif isinstance(experiment, str) and experiment in list_experiments():
        shipped = resources.files("dialora.config") / "experiments" / f"{experiment}.yaml"
        values = parse_yaml(shipped.read_text(encoding="utf-8"))
    else:
        shipped_names = ", ".join(list_experiments())
        raise ConfigError(f"{name}: no such file, and no shipped experiment of that name. Shipped: {shipped_names}.")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: an experiment file is a mapping with at least `data` and `methods`.")
    values.setdefault("name", path.stem)
    return values


def _is_there(path: Path, name: str) -> bool:
    """Whether anything lies at a path. Raises ConfigError where that cannot be told."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror}).") from error
    except ValueError as error:  # a null character
        raise ConfigError(f"{name}: is no name of a file ({error}).") from error
    return True


def _split_override(text: str) -> tuple[str, Any]:
    if not isinstance(text, str):
        raise ConfigError(f"--set {show(text)}: must be a text, key=value, as in training.num_train_epochs=3.")
    key, separator, value = text.partition("=")
    key, shown = key.strip(), show(text)[1:-1]
    if not separator or not all(key.split(".")):
        raise ConfigError(f"--set {shown}: must be key=value, as in training.num_train_epochs=3.")
    try:
        return key, parse_yaml(value)
    except ValueError as error:
        raise ConfigError(f"--set {shown}: the value {error}.") from error


def find_bad_values(value: Any, path: tuple[str, ...], depth: int = 0) -> Iterator[str]:
    """Yield a line for each key or text that no file, folder or terminal takes as it is, and for too deep a value."""
    if depth > MAX_DEPTH:
        yield f"{'.'.join(path[:3]) or 'a list'}: is nested more than {MAX_DEPTH} deep."
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"{'.'.join(path) or 'the experiment'}: a key is text, got {show(key)}."
                continue
            yield from find_bad_values(key, path, depth + 1)
            yield from find_bad_values(item, (*path, show(key)[1:-1]), depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from find_bad_values(item, path, depth + 1)
    elif isinstance(value, str):
        strange = next((char for char in value if _is_strange(char)), None)
        if strange is not None:
            what = "half a character" if "\ud800" <= strange <= "\udfff" else "a control character"
            yield f"{'.'.join(path) or 'a key'}: holds {what}, {strange!r}; leave it out."
        elif len(value) > MAX_TEXT:
            yield f"{'.'.join(path) or 'a key'}: has {len(value):,} characters; at most {MAX_TEXT:,} are allowed."


def _is_strange(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or (unicodedata.category(char) == "Cc" and char not in "\t\n\r")


def _set(values: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    *parents, last = parts
    for part in parents:
        child = values.get(part)
        if not isinstance(child, dict):
            child = values[part] = {}
        values = child
    values[last] = value


__all__ = ["apply_overrides", "find_bad_values", "list_experiments", "load_data_experiment", "load_experiment"]
