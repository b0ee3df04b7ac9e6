"""A look at data, methods and models before anything is trained."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.api.inputs import Experiment, Folder, Overrides, find_path
from dialora.config import ExperimentConfig, load_data_experiment, load_experiment
from dialora.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

    from dialora.data.quality import DataCheck
    from dialora.report.methods import MethodRow


def check(experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None) -> pd.DataFrame:
    """Validate an experiment without running it: one row per check with its status and what was found."""
    import pandas as pd

    from dialora.experiment.checks import check_experiment
    from dialora.experiment.workspace import read_dataset
    from dialora.models.bases import settle
    from dialora.store import RUNS

    config = load_experiment(experiment, set)
    with suppress(ModelError):  # which the checks tell
        config = settle(config)
    config = _tell_bases_apart(config)
    findings = check_experiment(config, read_dataset(config), output=find_path(output) or RUNS / config.name)
    return pd.DataFrame([finding.to_json() for finding in findings]).set_index("check")


def check_data(source: str | Path, *, set: Overrides = (), output: Folder = None) -> DataCheck:
    """Check the data of `source`, a hub id, folder, file or `bundled`, before anything is trained on it.

    `set` takes `data.*`, `model` (whose tokenizer counts), `model_revision` and `prompt`. With `output`, the folder
    gets `data-check.html` and `data-check.json`.
    """
    from dialora.experiment.data_check import check_source, render_data_check
    from dialora.store import own_data_check

    config, folder = load_data_experiment(source, set), find_path(output)
    with nullcontext() if folder is None else own_data_check(folder):
        found, dataset = check_source(config)
        if folder is not None:
            render_data_check(found, dataset, folder)
    return found


def params(experiment: Experiment = "bundled", *, set: Overrides = ()) -> pd.DataFrame:
    """Count every method's parameters from the base model's config alone: trainable, all, and their ratio."""
    import pandas as pd

    from dialora.models.counting import count_methods
    from dialora.report.labels import build_labels, name_bases

    config = load_experiment(experiment, set)
    labels, bases = build_labels(config), name_bases(_tell_bases_apart(config))
    rows = [
        {
            "system": labels[key],
            "method": key,
            **({} if bases is None else {"base": bases[key]}),
            "trainable_params": count.trainable,
            "total_params": count.total,
            "trainable_percent": count.percent,
        }
        for key, count in count_methods(config).items()
    ]
    return pd.DataFrame(rows).set_index("system")


def methods(experiment: Experiment = "bundled", *, set: Overrides = ()) -> list[MethodRow]:
    """Describe every method that an experiment may name: its parameters, rates and layers on this one's base model."""
    from dialora.models.bases import find_rates, name_targets
    from dialora.models.counting import count_method
    from dialora.report.methods import OnBase, describe_methods

    config = load_experiment(experiment, set)
    base = OnBase(
        count=lambda method, key: count_method(config, method, key=key),
        find_rates=partial(find_rates, config),
        name_targets=partial(name_targets, config),
    )
    return describe_methods(base)


def _tell_bases_apart(config: ExperimentConfig) -> ExperimentConfig:
    """Return the experiment with its bases pinned where it names several: a copy of one is no other, as when it runs.

    Where a base cannot be had, none is; whatever reads it says so.
    """
    from dialora.models.checkpoint import pin_models

    if any(method.model is not None for method in config.methods.values()):
        with suppress(ModelError):
            return pin_models(config)
    return config


__all__ = ["check", "check_data", "methods", "params"]
