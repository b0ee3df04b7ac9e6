"""Each system's name in the tables."""

from __future__ import annotations

from dialora.config import ExperimentConfig


def build_labels(config: ExperimentConfig) -> dict[str, str]:
    """Return each system's name in the tables: the notebook's row names, told apart by key where one repeats."""
    kinds = [method.label for method in config.methods.values()]
    return {
        key: method.label if key == method.name and kinds.count(method.label) == 1 else f"{method.label} ({key})"
        for key, method in config.methods.items()
    }


__all__ = ["build_labels"]
