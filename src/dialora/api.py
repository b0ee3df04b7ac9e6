"""The same as the command line, as functions with objects in and out.

`experiment` is everywhere a file, the name of a shipped experiment, a mapping or an ExperimentConfig, and `set` holds
overrides, as `["training.max_steps=10"]` or `{"training.max_steps": 10}`. `output` is the experiment's folder,
`runs/<name>` when it is not given, and `observer` is told what happens. All of them raise DialoraError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dialora.config import ExperimentConfig, OutputsConfig, load_data_experiment, load_experiment, load_outputs_config
from dialora.errors import ConfigError
from dialora.records import Observer, ignore_events

if TYPE_CHECKING:
    import pandas as pd

    from dialora.data.quality import DataCheck
    from dialora.experiment.plan import Plan
    from dialora.report.methods import MethodRow
    from dialora.report.reported import ReportedComparison
    from dialora.report.selection import ExampleSelection
    from dialora.systems import System
    from dialora.systems.precision import PrecisionCost
    from dialora.tuning.rules import SearchOutcome

Experiment = str | Path | Mapping[str, Any] | ExperimentConfig
Overrides = Iterable[str] | Mapping[str, Any]
Folder = str | Path | None
Watch = Observer | None
T = TypeVar("T")


def compare(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> ReportedComparison:
    """Run all that is missing of an experiment, write its report, and return the comparison."""
    from dialora.experiment import pipeline

    return pipeline.compare(load_experiment(experiment, set), output=_path(output), observer=observer or ignore_events)


def tune(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> list[SearchOutcome]:
    """Search for each trained method's learning rate, as the experiment's `tuning` says, and return what was found."""
    from dialora.experiment import pipeline

    config = load_experiment(experiment, set)
    if config.tuning is None:
        raise ConfigError("tuning: this experiment asks for no search; --set tuning.trials=6 does.")

    def step(plan: Plan, observer: Observer) -> list[SearchOutcome]:
        pipeline.require_checks(plan, observer)
        return [*pipeline.tune(pipeline.tokenize(plan, observer), observer).searches]

    return _open(config, output, observer, step)


def train(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> None:
    """Train every system of an experiment that is not trained yet."""
    from dialora.experiment import pipeline

    def step(plan: Plan, observer: Observer) -> None:
        pipeline.require_checks(plan, observer)
        pipeline.train(pipeline.tune(pipeline.tokenize(plan, observer), observer), observer)

    _open(load_experiment(experiment, set), output, observer, step)


def generate(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> None:
    """Summarize the test dialogues with every system; all must be trained."""
    from dialora.experiment import pipeline
    from dialora.experiment.plan import require_runs

    config = load_experiment(experiment, set)
    _open(config, output, observer, lambda plan, observer: pipeline.generate(require_runs(plan), observer))


def score(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> None:
    """Score every system's summaries; all must be there."""
    from dialora.experiment import pipeline
    from dialora.experiment.plan import require_runs

    config = load_experiment(experiment, set)
    _open(config, output, observer, lambda plan, observer: pipeline.score(require_runs(plan), observer))


def report(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> ReportedComparison:
    """Compare the scored systems, write the report, and return the comparison."""
    from dialora.experiment import pipeline
    from dialora.experiment.plan import require_runs

    config = load_experiment(experiment, set)
    return _open(config, output, observer, lambda plan, observer: pipeline.report(require_runs(plan), observer))


def check(experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None) -> pd.DataFrame:
    """Validate an experiment without running it: one row per check with its status and what was found."""
    import pandas as pd

    from dialora.experiment.checks import check_experiment
    from dialora.experiment.workspace import read_dataset
    from dialora.store import RUNS

    config = load_experiment(experiment, set)
    findings = check_experiment(config, read_dataset(config), output=_path(output) or RUNS / config.name)
    return pd.DataFrame([finding.to_json() for finding in findings]).set_index("check")


def check_data(source: str | Path, *, set: Overrides = (), output: Folder = None) -> DataCheck:
    """Check the data of `source`, a hub id, folder, file or `bundled`, before anything is trained on it.

    `set` takes `data.*`, `model` (whose tokenizer counts), `model_revision` and `prompt`. With `output`, the folder
    gets `data-check.html` and `data-check.json`.
    """
    from dialora.experiment.data_check import check_source, render_data_check
    from dialora.store import own_data_check

    config, folder = load_data_experiment(source, set), _path(output)
    with nullcontext() if folder is None else own_data_check(folder):
        found, dataset = check_source(config)
        if folder is not None:
            render_data_check(found, dataset, folder)
    return found


def score_outputs(
    table: str | Path | Sequence[str | Path] | OutputsConfig,
    *,
    set: Overrides = (),
    output: Folder = None,
    observer: Watch = None,
) -> ReportedComparison:
    """Score a table of references and system outputs, whoever made them, and report it like an experiment.

    `table` is a csv, tsv, json, jsonl or parquet file with a column or a row per system, several files (references and
    one per system, tables or texts with a summary a line), or the configuration. `set` takes `outputs.*` (which column
    is which, where the dialogues are), `scoring.*` and `name`.
    """
    from dialora import outputs

    config = load_outputs_config(table, set)
    return outputs.score_outputs(config, output=_path(output), observer=observer or ignore_events)


def load_comparison(run: Experiment, *, set: Overrides = ()) -> ReportedComparison:
    """Load a finished comparison: `run` is the folder of an experiment or scored table, or an experiment in `runs`."""
    from dialora.report.reported import ReportedComparison, find_comparison

    return ReportedComparison.load(find_comparison(run, set))


def examples(
    run: Experiment,
    *,
    n: int = 3,
    sort: str = "disagree",
    ids: str | Sequence[str] = (),
    systems: str | Sequence[str] = (),
    seed: int = 0,
) -> ExampleSelection:
    """Show test dialogues of a finished comparison side by side; see `load_comparison` and its `examples`."""
    return load_comparison(run).examples(n, sort, ids=ids, systems=systems, seed=seed)


def summarize(
    dialogues: Sequence[str], *, run: str | Path, method: str | None = None, set: Overrides = ()
) -> list[str]:
    """Summarize dialogues with a trained system: one summary each, in order; an empty dialogue has an empty one.

    `run` is a run's folder, or an experiment's with `method`. `set` takes `generation.*` and `decoding.*`.
    """
    import warnings

    from dialora.systems import find_system
    from dialora.systems.summaries import summarize_texts

    system = find_system(Path(run), method=method, set=set)
    return summarize_texts(system, dialogues, on_warning=lambda message: warnings.warn(message, stacklevel=3))


def summarize_file(
    source: str | Path,
    *,
    run: str | Path | System,
    output: str | Path,
    method: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> int:
    """Summarize a table of dialogues of any length into a .jsonl or .csv file; return how many were written now.

    `run` is a run's folder, an experiment's with `method`, or a system that is found already. Killed, the same call
    goes on where it was.
    """
    from dialora.systems import summaries

    system = _find_system(run, method, set)
    return summaries.summarize_file(system, Path(source), Path(output), observer=observer or ignore_events)


def parity(
    run: str | Path | System,
    *,
    precision: str = "int8",
    method: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> PrecisionCost:
    """Compare a system's summaries in a lower precision with those in fp32, on its test dialogues."""
    from dialora.systems.precision import measure_precision

    overrides = [f"{key}={value}" for key, value in set.items()] if isinstance(set, Mapping) else [*set]
    system = _find_system(run, method, [*overrides, f"generation.precision={precision}"])
    return measure_precision(system, observer=observer or ignore_events)


def params(experiment: Experiment = "bundled", *, set: Overrides = ()) -> pd.DataFrame:
    """Count every method's parameters from the base model's config alone: trainable, all, and their ratio."""
    from dialora.models.counting import count_methods
    from dialora.report.labels import build_parameters_frame

    config = load_experiment(experiment, set)
    return build_parameters_frame(config, count_methods(config))


def methods(experiment: Experiment = "bundled", *, set: Overrides = ()) -> list[MethodRow]:
    """Describe every method that an experiment may name, with its parameters on this experiment's base model."""
    from dialora.models.counting import count_method
    from dialora.report.methods import describe_methods

    config = load_experiment(experiment, set)
    return describe_methods(lambda method, key: count_method(config, method, key=key))


def load_model(experiment: Experiment = "bundled", *, set: Overrides = (), adapter: Folder = None) -> Any:
    """Load an experiment's base model, with a PEFT adapter from a folder on it when one is given."""
    from dialora.models.adapters import load_adapter
    from dialora.models.loading import load_base_model

    model, folder = load_base_model(load_experiment(experiment, set)), _path(adapter)
    return model if folder is None else load_adapter(model, folder)


def _open(
    config: ExperimentConfig, output: Folder, observer: Observer | None, step: Callable[[Plan, Observer], T]
) -> T:
    """Do a step of an experiment whose data are read and whose folder nobody else is in."""
    from dialora.experiment.pipeline import open_experiment

    observer = observer or ignore_events
    with open_experiment(config, _path(output), observer) as plan:
        return step(plan, observer)


def _find_system(run: str | Path | System, method: str | None, set: Overrides) -> System:
    from dialora.systems import System, find_system

    return run if isinstance(run, System) else find_system(Path(run), method=method, set=set)


def _path(folder: Folder) -> Path | None:
    return None if folder is None else Path(folder)


__all__ = [
    "check",
    "check_data",
    "compare",
    "examples",
    "generate",
    "load_comparison",
    "load_model",
    "methods",
    "params",
    "parity",
    "report",
    "score",
    "score_outputs",
    "summarize",
    "summarize_file",
    "train",
    "tune",
]
