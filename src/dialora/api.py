"""The same as the command line, as functions with objects in and out.

`experiment` is everywhere a file, the name of a shipped experiment, a mapping or an ExperimentConfig, and `set` holds
overrides, as `["training.max_steps=10"]` or `{"training.max_steps": 10}`. All of them raise DialoraError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from dialora.comparison import Comparison
    from dialora.data.quality import DataCheck
    from dialora.launcher import Observer

Experiment = str | Path | Mapping[str, Any] | ExperimentConfig
Overrides = Iterable[str] | Mapping[str, Any]

DATA_KEYS = ("model", "model_revision", "prompt")
"""What a data check reads of an experiment besides `data.*`."""


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
    from dialora.workspace import RUNS, read_dataset

    config = load_experiment(experiment, set)
    root = RUNS / config.name if output is None else Path(output)
    findings = check_experiment(config, read_dataset(config), output=root)
    return pd.DataFrame([finding.to_json() for finding in findings]).set_index("check")


def check_data(source: str | Path, *, set: Overrides = (), output: str | Path | None = None) -> DataCheck:
    """Check the data of `source`, a hub id, folder, file or `bundled`, before anything is trained on it.

    `set` takes `data.*`, `model` (whose tokenizer counts), `model_revision` and `prompt`. With `output`, the folder
    gets `data-check.html` and `data-check.json`.
    """
    from functools import partial

    from dialora.data.examples import build_dataset
    from dialora.data.quality import check_data as run
    from dialora.data.rows import load_rows
    from dialora.data.tokens import count_source_tokens, count_target_tokens
    from dialora.model import load_tokenizer
    from dialora.report.data_check import render_data_check
    from dialora.runs import disk_errors_explained, save_json

    config = load_data_experiment(source, set)
    rows = load_rows(config.data)
    dataset = build_dataset(rows, config.data)
    tokenizer = load_tokenizer(config)
    check = run(
        rows,
        dataset,
        source=config.data.source,
        tokenizer=config.model,
        limits=(config.data.max_source_length, config.data.max_target_length),
        count_source_tokens=partial(count_source_tokens, tokenizer=tokenizer, prompt=config.prompt),
        count_target_tokens=partial(count_target_tokens, tokenizer=tokenizer),
    )
    if output is not None:
        folder = Path(output)
        with disk_errors_explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            save_json(check.to_json(), folder / "data-check.json")
            render_data_check(check, dataset, folder / "data-check.html")
    return check


def score_outputs(
    table: str | Path, *, set: Overrides = (), output: str | Path | None = None, observer: Observer | None = None
) -> Comparison:
    """Score a table of references and system outputs, whoever made them, and report it like an experiment.

    `table` is a csv, tsv, json, jsonl or parquet file with a column per system. `set` takes `outputs.*` (which
    column is which, where the dialogues are), `scoring.*` and `name`. `output` is the report's folder, `runs/<name>`
    when it is not given.
    """
    from dialora.outputs import load_outputs_config
    from dialora.outputs import score_outputs as run

    config = load_outputs_config(table, set)
    return run(config, output=None if output is None else Path(output), observer=observer or (lambda event: None))


def summarize(
    dialogues: Sequence[str], *, run: str | Path, method: str | None = None, set: Overrides = ()
) -> list[str]:
    """Summarize dialogues with a trained system: one summary each, in order; an empty dialogue has an empty one.

    `run` is a run's folder, or an experiment's with `method`. `set` takes `generation.*` and `decoding.*`.
    """
    import warnings

    from dialora.summaries import summarize_texts
    from dialora.systems import find_system

    system = find_system(Path(run), method=method, set=set)
    return summarize_texts(system, dialogues, on_warning=lambda message: warnings.warn(message, stacklevel=3))


def load_data_experiment(source: str | Path, set: Overrides = ()) -> ExperimentConfig:
    """Load what reading and measuring a data set needs: an experiment around a source that trains nothing.

    Raises ConfigError, also for an override that means nothing to data alone.
    """
    overrides = dict(set) if isinstance(set, Mapping) else list(set)
    keys = [str(item).partition("=")[0].strip() for item in overrides]
    strange = [key for key in keys if not key.startswith("data.") and key not in DATA_KEYS]
    if strange:
        allowed = ", ".join(("data.*", *DATA_KEYS))
        raise ConfigError([f"{key}: means nothing to a data check, which reads {allowed}." for key in strange])
    values = {"name": "data-check", "data": {"source": str(source)}, "methods": {"zero_shot": {}}}
    return load_experiment(values, overrides)


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


__all__ = [
    "check",
    "check_data",
    "compare",
    "load_data_experiment",
    "load_model",
    "params",
    "score_outputs",
    "summarize",
]
