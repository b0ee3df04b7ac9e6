"""An experiment end to end, one straight way: read data → plan → tokenize → tune → train and
generate → score → report.

Each step is a function that takes what the one before it gave, and does only what is missing. What it did lies in the
experiment's folder (see `store`). Whatever needs a model happens in workers' processes, one per run or trial. An
observer is told what happens, as plain events.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dialora.comparison.yardsticks import load_yardsticks, make_yardsticks
from dialora.config import ExperimentConfig
from dialora.errors import ConfigError
from dialora.experiment.job import GENERATION, TRAINING, RunJob, TokensJob, TrialJob
from dialora.experiment.launchers.local import LocalLaunch
from dialora.experiment.plan import Plan, PlannedRuns, describe_run, lay_out_runs, plan_experiment, require_runs
from dialora.experiment.status import keep_jobs
from dialora.experiment.workspace import read_data
from dialora.measuring.clock import Stopwatch
from dialora.models.bases import settle
from dialora.records import Observer, Prediction, ignore_events
from dialora.report.reported import ReportedComparison
from dialora.scoring import score_predictions
from dialora.scoring.learned import LearnedMetrics
from dialora.store import (
    RUNS,
    Run,
    TrialFolder,
    load_records,
    names,
    own_folder,
    save_json,
    save_records,
    save_sealed,
    save_text,
)
from dialora.tuning.rules import Search, Trial
from dialora.tuning.trials import PlannedSearch, set_learning_rates

OF_FILE = ("methods.", "model:", "training.", "scoring.", "launch.")
"""How findings begin that name what stands in the experiment's file themselves."""


def compare(
    config: ExperimentConfig, *, output: Path | None = None, observer: Observer = ignore_events
) -> ReportedComparison:
    """Run all that is missing of an experiment and report it. Raises DialoraError.

    Running it again is cheap: finished stages are kept. Interrupted, it goes on where it was.
    """
    with open_experiment(config, output, observer) as plan:
        require_checks(plan, observer)
        runs = tune(tokenize(plan, observer), observer)
        return report(score(train_and_generate(runs, observer), observer), observer)


@contextmanager
def open_experiment(
    config: ExperimentConfig, output: Path | None = None, observer: Observer = ignore_events, *, has_jobs: bool = True
) -> Iterator[Plan]:
    """Read the data, plan the experiment, and keep other dialoras out of its folder meanwhile. Raises DialoraError.

    Without jobs nothing is launched, and what `launch` asks for need not be there.
    """
    root, launch = output or RUNS / config.name, (config.launch if has_jobs else None) or LocalLaunch()
    launch.require()
    with launch.open(root) as launcher, own_folder(root, observer=observer) as folder:
        yield plan_experiment(read_data(settle(config), folder, observer), launcher)


def require_checks(plan: Plan, observer: Observer) -> None:
    """Before hours are spent: run the checks where anything is missing. Raises ConfigError when one fails.

    An experiment that has passed them is not checked again when it is resumed.
    """
    from dialora.experiment.checks import check_experiment

    workspace, key = plan.workspace, plan.inputs_key
    passed = workspace.folder.checked
    runs = lay_out_runs(plan)
    is_done = runs is not None and all(run.is_generated for run in runs.runs)
    if is_done or (passed.is_file() and passed.read_bytes() == key.encode()):
        return
    observer({"event": "stage", "stage": "check", "run": workspace.folder.name, "key": ""})
    findings = check_experiment(
        workspace.config, workspace.dataset, output=workspace.folder.root, runs=runs.runs if runs else None
    )
    failed = [
        f.detail if f.detail.startswith(OF_FILE) else f"{f.check}: {f.detail}" for f in findings if f.status == "failed"
    ]
    if failed:
        raise ConfigError(failed)
    for finding in findings:
        if finding.status == "warning":
            observer({"event": "warning", "message": f"{finding.check}: {finding.detail}"})
    save_text(key, passed)


def tokenize(plan: Plan, observer: Observer) -> Plan:
    """Tokenize what is trained and validated on, once for each base, where anything is still to be trained on it."""
    runs, workspace = lay_out_runs(plan), plan.workspace
    for key, tokens in plan.tokens.items():
        is_trained = runs is not None and all(run.is_generated or run.is_trained for run in runs.runs if run.key == key)
        if not is_trained and not tokens.is_complete:
            workspace.data.require()
            plan.launcher.run(TokensJob(workspace.config.for_method(key), workspace.folder, tokens), observer)
    return plan


def tune(plan: Plan, observer: Observer) -> PlannedRuns:
    """Search for learning rates as far as trials are missing, and give the runs that are made with them.

    Every trial is a worker's; one that is finished is never made again. Searches go side by side, as far as there are
    slots; what comes next in one follows from its own trials.
    """
    workspace = plan.workspace
    keep_jobs(plan, lay_out_runs(plan))

    def make_trial(
        search: Search,
        place: TrialFolder,
        learning_rate: float,
        others: tuple[Trial, ...],
        until_first_rung: bool,
        *,
        observer: Observer,
    ) -> None:
        workspace.data.require()
        config = set_learning_rates(workspace.config, {search.key: learning_rate}).for_method(search.key)
        job = TrialJob(config, workspace.folder, plan.tokens[search.key], place, search, others, until_first_rung)
        plan.launcher.run(job, observer)

    def search(planned: PlannedSearch, observer: Observer) -> None:
        planned.finish(partial(make_trial, observer=observer))

    plan.launcher.run_all([partial(search, planned) for planned in plan.searches], observer)
    return require_runs(plan)


def train(runs: PlannedRuns, observer: Observer) -> PlannedRuns:
    """Train every run that is not trained yet."""
    return _do_runs(runs, observer, until=TRAINING)


def generate(runs: PlannedRuns, observer: Observer) -> PlannedRuns:
    """Generate with every trained run. Raises StageError when one is not trained."""
    for run in runs.runs:
        if run.training is not None:
            run.training.require()
    return train_and_generate(runs, observer)


def train_and_generate(runs: PlannedRuns, observer: Observer) -> PlannedRuns:
    """Train and generate, each run in one process: a second one would load the libraries and the base again."""
    return _do_runs(runs, observer, until=GENERATION)


def score(runs: PlannedRuns, observer: Observer) -> PlannedRuns:
    """Score every run's predictions, and the yardsticks. Raises StageError when a run has none."""
    workspace, yardsticks = runs.plan.workspace, runs.plan.yardsticks
    examples = workspace.dataset.test
    protocol = workspace.config.scoring.rules
    about: dict[str, Any] = {}
    learned = LearnedMetrics(
        workspace.config.scoring,
        lambda done, total: observer({"event": "progress", **about, "done": done, "total": total}),
    )
    for run in runs.runs:
        if run.scoring.is_complete:
            continue
        predictions = load_records(Prediction, run.generation.require() / names.PREDICTIONS)
        about |= {"stage": "scoring", "run": run.name, "key": run.key}
        observer({"event": "stage", **about})
        watch = Stopwatch()
        with run.scoring.writing() as folder:
            scores = score_predictions(examples, predictions, protocol)
            scores = learned.add_systems(scores, examples, [prediction.summary for prediction in predictions])
            save_records(scores, folder / names.SCORES)
            save_json({"score_seconds": watch.read()} | learned.take_facts(), folder / names.SCORING_FACTS)
    if not yardsticks.is_complete:
        about |= {"stage": "yardsticks", "run": workspace.folder.name, "key": ""}
        observer({"event": "stage", **about})
        make_yardsticks(yardsticks, examples, protocol, learned)
    return runs


def report(runs: PlannedRuns, observer: Observer) -> ReportedComparison:
    """Compare the scored runs and write `results.json` and the report. Raises StageError when one is not scored."""
    from dialora.report import render_report
    from dialora.report.assembly import build_document
    from dialora.report.comparison_stage import keep_comparison
    from dialora.report.results_json import build_results

    workspace = runs.plan.workspace
    for run in runs.runs:
        run.scoring.require()
    observer({"event": "stage", "stage": "report", "run": workspace.folder.name, "key": ""})
    document = build_document(
        workspace.config,
        workspace.dataset,
        runs.runs,
        load_yardsticks(runs.plan.yardsticks, workspace.config.scoring),
        runs.searches,
        folder=workspace.folder,
    )
    save_json(build_results(document), workspace.folder.results)
    keep_comparison(document, workspace.folder)
    render_report(document, workspace.folder.root)
    observer({"event": "reported", "folder": str(workspace.folder.root), "document": document})
    return ReportedComparison.of(document)


def _do_runs(runs: PlannedRuns, observer: Observer, *, until: str) -> PlannedRuns:
    """Do the missing stages of all runs, side by side as far as there are slots."""
    keep_jobs(runs.plan, runs)
    runs.plan.launcher.run_all([partial(_do_run, runs, run, until=until) for run in runs.runs], observer)
    return runs


def _do_run(runs: PlannedRuns, run: Run, observer: Observer, *, until: str) -> None:
    """Do a run's missing stages in a worker. Raises what it raised."""
    _keep_config(runs.config, run)
    if run.is_trained if until == TRAINING else run.is_generated:
        run.tidy()  # a worker killed at the last moment could not
        return
    run.remove_what_follows()
    workspace = runs.plan.workspace
    workspace.data.require()
    config, tokens = runs.config.for_method(run.key), runs.plan.tokens.get(run.key)
    runs.plan.launcher.run(RunJob(config, workspace.folder, tokens, run, until), observer)


def _keep_config(config: ExperimentConfig, run: Run) -> None:
    """Write down what the run is made from, beside it: the experiment's file may be another tomorrow."""
    run.folder.mkdir(parents=True, exist_ok=True)
    save_sealed(describe_run(config, run), run.config)


__all__ = [
    "compare",
    "generate",
    "open_experiment",
    "report",
    "require_checks",
    "score",
    "tokenize",
    "train",
    "train_and_generate",
    "tune",
]
