"""Each system's name in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dialora.config import ExperimentConfig
from dialora.records import ParameterCount

if TYPE_CHECKING:
    import pandas as pd


def build_labels(config: ExperimentConfig) -> dict[str, str]:
    """Return each system's name in the tables: the notebook's row names, told apart by key where one repeats."""
    kinds = [method.label for method in config.methods.values()]
    return {
        key: method.label if key == method.name and kinds.count(method.label) == 1 else f"{method.label} ({key})"
        for key, method in config.methods.items()
    }


def build_parameters_frame(config: ExperimentConfig, counts: Mapping[str, ParameterCount]) -> pd.DataFrame:
    """Return one row per system, with its parameters: trainable, all, and their ratio; `counts` go by method key."""
    import pandas as pd

    labels = build_labels(config)
    rows = [
        {
            "system": labels[key],
            "method": key,
            "trainable_params": count.trainable,
            "total_params": count.total,
            "trainable_percent": count.percent,
        }
        for key, count in counts.items()
    ]
    return pd.DataFrame(rows).set_index("system")


__all__ = ["build_labels", "build_parameters_frame"]
