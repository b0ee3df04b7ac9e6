"""The same as the command line, as functions with objects in and out.

`experiment` is everywhere a file, the name of a shipped experiment, a mapping or an ExperimentConfig, and `set` holds
overrides, as `["training.max_steps=10"]` or `{"training.max_steps": 10}`. All of them raise DialoraError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig, load_experiment

if TYPE_CHECKING:
    import pandas as pd

    from dialora.comparison import Comparison
    from dialora.pipeline import Observer

Experiment = str | Path | Mapping[str, Any] | ExperimentConfig
Overrides = Iterable[str] | Mapping[str, Any]


def compare(
    experiment: Experiment = "bundled",
    *,
    set: Overrides = (),
    output: str | Path | None = None,
    observer: Observer | None = None,
) -> Comparison:
    """Run all that is missing of an experiment, write its report, and return the comparison.

    `output` is the experiment's folder, `runs/<name>` when it is not given.
    """
    from dialora.pipeline import compare as run

    config = load_experiment(experiment, set)
    return run(config, output=None if output is None else Path(output), observer=observer)


def check(experiment: Experiment = "bundled", *, set: Overrides = (), output: str | Path | None = None) -> pd.DataFrame:
    """Validate an experiment without running it: one row per check with its status and what was found."""
    import pandas as pd

    from dialora.checks import check_experiment
    from dialora.pipeline import RUNS, read_dataset

    config = load_experiment(experiment, set)
    root = RUNS / config.name if output is None else Path(output)
    findings = check_experiment(config, read_dataset(config), output=root)
    return pd.DataFrame([finding.to_json() for finding in findings]).set_index("check")


def params(experiment: Experiment = "bundled", *, set: Overrides = ()) -> pd.DataFrame:
    """Count every method's parameters from the base model's config alone: trainable, all, and their ratio."""
    import pandas as pd

    from dialora.assembly import build_labels
    from dialora.model import count_methods

    config = load_experiment(experiment, set)
    labels = build_labels(config)
    rows = [
        {
            "system": labels[key],
            "method": key,
            "trainable_params": count.trainable,
            "total_params": count.total,
            "trainable_percent": count.percent,
        }
        for key, count in count_methods(config).items()
    ]
    return pd.DataFrame(rows).set_index("system")


def load_model(experiment: Experiment = "bundled", *, set: Overrides = (), adapter: str | Path | None = None) -> Any:
    """Load an experiment's base model, with a PEFT adapter from a folder on it when one is given."""
    from dialora.model import load_adapter, load_base_model

    config = load_experiment(experiment, set)
    model = load_base_model(config)
    return model if adapter is None else load_adapter(model, Path(adapter))


__all__ = ["check", "compare", "load_model", "params"]
