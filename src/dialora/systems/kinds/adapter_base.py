"""Whether an adapter goes on the base that an experiment has for it; PEFT asks for the same shapes and no more.

The adapter of a run is of the base that the run's own configuration pins. Any other says at most what
its base is called.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError, ModelError
from dialora.models.adapter_settings import SETTINGS
from dialora.models.adapters import GIVE_BASE
from dialora.models.checkpoint import FILES, find_other_base, identify_model, is_pinned, resolve_model
from dialora.store import names, require_seal


def choose_base(config: ExperimentConfig, method: str | None) -> ExperimentConfig:
    """Return the experiment with the base of the entry `method`; None leaves its own. Raises ConfigError."""
    if method is None:
        return config
    if method not in config.methods:
        raise ConfigError(f"method {method}: the experiment has no such entry. Found: {', '.join(config.methods)}.")
    return config.for_method(method)


def describe_doubt(adapter: Path, whole: ExperimentConfig, config: ExperimentConfig) -> str | None:
    """Return what speaks against an adapter's being of a configuration's base, if anything.

    Raises ModelError where it is known that it is of another, with what to give of the `whole` experiment.
    """
    if _require_trained_on(adapter, whole, config):
        return None
    other = find_other_base(adapter / SETTINGS, resolve_model(config.model))
    if other is None:
        return None
    return f"adapter {adapter}: names {other} as its base and is put on {config.model}. If they differ, {GIVE_BASE}."


def _require_trained_on(adapter: Path, whole: ExperimentConfig, config: ExperimentConfig) -> bool:
    """Whether a run's configuration shows that it is this base. Raises ModelError where it shows that it is not."""
    file = adapter.resolve().parent / names.RUN_CONFIG
    if adapter.resolve().name != names.TRAINING or not file.is_file():
        return False
    require_seal(file)
    run = load_experiment(file)
    key = next(iter(run.methods))  # a run's own configuration has one
    trained = run.for_method(key)
    if not is_pinned(trained):  # an earlier version made it
        return False
    base = identify_model(trained)
    if base == identify_model(config):
        return True
    found = [name for name in (key, *whole.methods) if name in whole.methods and _has_base(whole, name, base)]
    what = f'give method="{found[0]}"' if found else f'give "{file}" as the experiment and method="{key}"'
    theirs, ours = _name(trained), _name(config)
    if theirs == ours:
        ours = "that, whose config, weights or tokenizer are others by now"
        what = what if found else "put those files back, or train it again"
    raise ModelError(f"adapter {adapter}: was trained on {theirs}, and the base loaded is {ours}; {what}.")


def _has_base(config: ExperimentConfig, key: str, base: str) -> bool:
    with suppress(ModelError):  # a folder that is gone is not it
        return identify_model(config.for_method(key)) == base
    return False


def _name(config: ExperimentConfig) -> str:
    """Return what a base is called, with the revision of a hub id."""
    revision = config.model_revision or ""
    return config.model if revision.startswith(FILES) or not revision else f"{config.model}@{revision}"


__all__ = ["choose_base", "describe_doubt"]
