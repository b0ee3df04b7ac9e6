"""An experiment end to end: every stage in order, each done only where it is missing.

Takes an experiment, gives a Comparison; what it did lies in the run directory (see `runs`). Training and generation
happen in worker processes, one per run. An observer is told what happens, as plain events.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dialora.comparison import Comparison
from dialora.config import ExperimentConfig, stable_hash
from dialora.errors import ConfigError
from dialora.launcher import Observer, run_job
from dialora.learned import LearnedMetrics
from dialora.protocols import PROTOCOLS
from dialora.records import Prediction
from dialora.runs import (
    Run,
    load_records,
    save_json,
    save_records,
    save_text,
)
from dialora.searches import set_learning_rates
from dialora.tuning import TrialJob
from dialora.worker import Job
from dialora.workspace import Workspace, is_trained, open_workspace, plan_runs, settle
from dialora.yardsticks import load_yardsticks, make_yardsticks


def compare(config: ExperimentConfig, *, output: Path | None = None, observer: Observer | None = None) -> Comparison:
    """Run all that is missing of an experiment and report it. Raises DialoraError.

    Running it again is cheap: finished stages are kept. Interrupted, it goes on where it was.
    """
    observer = observer or _ignore
    with open_workspace(config, output, observer) as workspace:
        require_checks(workspace, observer)
        workspace = tune_methods(workspace, observer)
        for run in workspace.runs:
            _run_worker(workspace, run, observer)
        score_runs(workspace, observer)
        return report_runs(workspace, observer)


def tune_methods(workspace: Workspace, observer: Observer) -> Workspace:
    """Search for learning rates as far as trials are missing; give the workspace with the runs that follow from them.

    Every trial is a worker's; one that is finished is never made again.
    """

    def make_trial(run: Run, learning_rate: float, trial: TrialJob) -> None:
        config = set_learning_rates(workspace.config, {run.key: learning_rate})
        run_job(Job(config, run, workspace.data.require(), "training", trial), observer)

    for planned in workspace.searches:
        planned.finish(make_trial)
    return settle(workspace) if workspace.searches else workspace


def require_tuned(workspace: Workspace) -> None:
    """Raise StageError when a search for a learning rate is not finished."""
    for planned in workspace.searches:
        planned.require_outcome()


def train_runs(workspace: Workspace, observer: Observer) -> None:
    """Train every run that is not trained yet."""
    require_tuned(workspace)
    for run in workspace.runs:
        _run_worker(workspace, run, observer, until="training")


def generate_runs(workspace: Workspace, observer: Observer) -> None:
    """Generate with every trained run. Raises StageError when one is not trained."""
    require_tuned(workspace)
    for run in workspace.runs:
        if run.training is not None:
            run.training.require()
    for run in workspace.runs:
        _run_worker(workspace, run, observer)


def score_runs(workspace: Workspace, observer: Observer) -> None:
    """Score every run's predictions, and the yardsticks. Raises StageError when a run has none."""
    from dialora.scoring import score_predictions

    require_tuned(workspace)
    examples = list(workspace.dataset.test)
    protocol = PROTOCOLS[workspace.config.scoring.protocol]
    told: dict[str, Any] = {}
    learned = LearnedMetrics(
        workspace.config.scoring,
        lambda done, total: observer({"event": "progress", **told, "done": done, "total": total}),
    )
    for run in workspace.runs:
        if run.scoring.is_complete:
            continue
        predictions = load_records(Prediction, run.generation.require() / "predictions.jsonl")
        told |= {"stage": "scoring", "run": run.name, "key": run.key}
        observer({"event": "stage", **told})
        started = time.perf_counter()
        with run.scoring.writing() as folder:
            scores = score_predictions(examples, predictions, protocol)
            scores = learned.add_systems(scores, examples, [prediction.summary for prediction in predictions])
            save_records(scores, folder / "scores.jsonl")
            seconds = time.perf_counter() - started
            save_json({"score_seconds": seconds} | learned.take_facts(), folder / "scoring.json")
    if not workspace.yardsticks.is_complete:
        told |= {"stage": "yardsticks", "run": workspace.root.name, "key": ""}
        observer({"event": "stage", **told})
        make_yardsticks(workspace.yardsticks, examples, protocol, learned)


def report_runs(workspace: Workspace, observer: Observer) -> Comparison:
    """Compare the scored runs and write `results.json` and the report. Raises StageError when one is not scored."""
    from dialora.assembly import build_document, build_results
    from dialora.report import render_report

    searches = [planned.require_outcome() for planned in workspace.searches]
    for run in workspace.runs:
        run.scoring.require()
    observer({"event": "stage", "stage": "report", "run": workspace.root.name, "key": ""})
    yardsticks = load_yardsticks(workspace.yardsticks, workspace.config.scoring)
    document = build_document(
        workspace.config, workspace.dataset, workspace.runs, yardsticks, searches, root=workspace.root
    )
    save_json(build_results(document), workspace.root / "results.json")
    render_report(document, workspace.root)
    observer({"event": "reported", "folder": str(workspace.root), "document": document})
    return document.comparison


def require_checks(workspace: Workspace, observer: Observer) -> None:
    """Before hours are spent: run the checks where anything is missing. Raises ConfigError when one fails.

    An experiment that has passed them is not checked again when it is resumed.
    """
    from dialora.checks import check_experiment

    passed = workspace.root / ".checked"
    # Not the runs' own keys where rates are searched for: these change with what is found.
    inputs = [planned.digest for planned in workspace.searches]
    key = stable_hash(inputs + [run.generation.key for run in workspace.runs if not (inputs and run.training)])
    is_done = workspace.is_tuned and not workspace.missing_runs
    if is_done or (passed.is_file() and passed.read_text(encoding="utf-8") == key):
        return
    observer({"event": "stage", "stage": "check", "run": workspace.root.name, "key": ""})
    findings = check_experiment(workspace.config, workspace.dataset, output=workspace.root)
    failed = [
        f.detail if f.detail.startswith(("methods.", "model:", "training.", "scoring.")) else f"{f.check}: {f.detail}"
        for f in findings
        if f.status == "failed"
    ]
    if failed:
        raise ConfigError(failed)
    for finding in findings:
        if finding.status == "warning":
            observer({"event": "warning", "message": f"{finding.check}: {finding.detail}"})
    save_text(key, passed)


def _run_worker(workspace: Workspace, run: Run, observer: Observer, *, until: str = "generation") -> None:
    """Do a run's missing stages in a worker. Raises what it raised."""
    if is_trained(run) and (until == "training" or run.generation.is_complete):
        run.tidy()  # a worker killed at the last moment could not
        return
    config = set_learning_rates(workspace.config, workspace.rates)
    run_job(Job(config, run, workspace.data.require(), until), observer)


def _ignore(event: dict[str, Any]) -> None:
    return None


__all__ = [
    "compare",
    "generate_runs",
    "open_workspace",
    "plan_runs",
    "report_runs",
    "require_checks",
    "require_tuned",
    "score_runs",
    "train_runs",
    "tune_methods",
]
