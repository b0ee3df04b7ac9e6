"""Each system's name in the tables."""

from __future__ import annotations

from pathlib import PurePath

from dialora.config import ExperimentConfig


def build_labels(config: ExperimentConfig) -> dict[str, str]:
    """Return each system's name in the tables: the notebook's row names, told apart by key where one repeats."""
    kinds = [method.label for method in config.methods.values()]
    return {
        key: method.label if key == method.name and kinds.count(method.label) == 1 else f"{method.label} ({key})"
        for key, method in config.methods.items()
    }


def name_bases(config: ExperimentConfig) -> dict[str, str] | None:
    """Return each system's base as the tables call it, by method key; None where all stand on one."""
    models = {key: config.for_method(key).model for key in config.methods}
    if len(set(models.values())) == 1:
        return None
    short = {model: PurePath(model).name or model for model in models.values()}
    is_told_apart = len(set(short.values())) == len(short)
    return {key: short[model] if is_told_apart else model for key, model in models.items()}


__all__ = ["build_labels", "name_bases"]
