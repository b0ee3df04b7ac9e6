"""An experiment end to end: every stage in order, each done only where it is missing.

Takes an experiment, gives a Comparison; what it did lies in the run directory (see `runs`). Training and generation
happen in worker processes, one per run. An observer is told what happens, as plain events.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dialora import errors
from dialora.checkpoint import identify_model
from dialora.comparison import Comparison
from dialora.config import ExperimentConfig, stable_hash
from dialora.data.examples import DataSummary, DialogueDataset, count_overlap, load_dataset
from dialora.errors import ConfigError, DialoraError, Interrupted, StageError
from dialora.learned import LearnedMetrics, describe_scorer
from dialora.protocols import PROTOCOLS
from dialora.records import Example, Prediction
from dialora.runs import (
    Run,
    Stage,
    build_run,
    disk_errors_explained,
    load_json,
    load_records,
    save_json,
    save_records,
    save_text,
)
from dialora.searches import PlannedSearch, plan_searches, set_learning_rates
from dialora.tuning import TrialJob
from dialora.worker import ALLOCATOR, Job
from dialora.yardsticks import load_yardsticks, make_yardsticks, plan_yardsticks

RUNS = Path("runs")
RESULTLESS = frozenset({"checkpoint_seconds", "report_to"})
"""Training options that do not change what is learned."""

Observer = Callable[[dict[str, Any]], None]
"""Told what happens: {"event": "stage" | "progress" | "done" | …, …}."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """An experiment's folder, its data and its runs."""

    config: ExperimentConfig
    root: Path
    data: Stage
    dataset: DialogueDataset
    runs: tuple[Run, ...]
    yardsticks: Stage
    searches: tuple[PlannedSearch, ...] = ()
    """For learning rates: one for each method that trains, where the experiment asks for them."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates that finished searches have chosen, by method; the runs are made with these."""

    @property
    def missing_runs(self) -> list[Run]:
        """Runs that still have to be trained or generated."""
        return [run for run in self.runs if not (_is_trained(run) and run.generation.is_complete)]

    @property
    def is_tuned(self) -> bool:
        """Every search for a learning rate is finished."""
        return len(self.rates) == len(self.searches)


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
        _run_job(Job(config, run, workspace.data.require(), "training", trial), observer)

    for planned in workspace.searches:
        planned.finish(make_trial)
    return _settle(workspace) if workspace.searches else workspace


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


@contextmanager
def open_workspace(
    config: ExperimentConfig, output: Path | None = None, observer: Observer | None = None
) -> Iterator[Workspace]:
    """Read the data, lay out the runs, and keep other dialoras out of the folder meanwhile. Raises DialoraError."""
    root = output or RUNS / config.name
    with own_folder(root):
        yield _lay_out(config, root, observer or _ignore)


@contextmanager
def own_folder(root: Path) -> Iterator[None]:
    """Make the folder and keep other dialoras out of it meanwhile. Raises StageError, or ConfigError."""
    with disk_errors_explained(root):
        _require_own_folder(root)
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise StageError(
                f"{root}: another dialora is at work here; wait for it, or give another --output."
            ) from error
        try:
            yield
        finally:
            lock.release()


def read_dataset(config: ExperimentConfig) -> DialogueDataset:
    """Read the experiment's data. Raises DataError."""
    return load_dataset(config.data, needs_train=any(method.trains for method in config.methods.values()))


def plan_runs(config: ExperimentConfig, root: Path, fingerprint: Mapping[str, str]) -> tuple[Run, ...]:
    """Lay out every run of the experiment: what each depends on, and so where it lies.

    `fingerprint` is the data's, by split.
    """
    common, trained = _list_inputs(config, fingerprint)
    scorer = describe_scorer(config.scoring)
    decoding = {"test": fingerprint["test"], "decoding": config.decoding.identify()}
    if config.generation.precision != "fp32":  # in fp32 every engine writes the same
        decoding["precision"] = config.generation.precision
    runs = []
    for key, method in config.methods.items():
        # Without training nothing is drawn: one seed says it all.
        for seed in config.seeds if method.trains else config.seeds[:1]:
            inputs = common | {"method": method.name, "options": method.model_dump(mode="json")}
            runs.append(
                build_run(
                    root,
                    key=key,
                    method=method.name,
                    seed=seed,
                    trains=method.trains,
                    inputs=inputs | trained if method.trains else inputs,
                    decoding=decoding,
                    scorer=scorer,
                )
            )
    return tuple(runs)


def _list_inputs(config: ExperimentConfig, fingerprint: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what every system depends on besides method and seed, and what those that train depend on as well."""
    common = {
        "model": identify_model(config),
        "prompt": config.prompt,
        "max_source_length": config.data.max_source_length,
    }
    trained = {
        "train": fingerprint.get("train"),
        "validation": fingerprint.get("validation"),
        "max_target_length": config.data.max_target_length,
        "training": config.training.model_dump(mode="json", exclude=set(RESULTLESS)),
    }
    return common, trained


def _settle(workspace: Workspace) -> Workspace:
    """Put the learning rates that were found in, and lay out the runs anew."""
    outcomes = [planned.load_outcome() for planned in workspace.searches]
    rates = {outcome.key: outcome.chosen.learning_rate for outcome in outcomes if outcome is not None}
    config = set_learning_rates(workspace.config, rates)
    runs = plan_runs(config, workspace.root, workspace.dataset.summary.fingerprint)
    return replace(workspace, runs=runs, rates=rates)


def _lay_out(config: ExperimentConfig, root: Path, observer: Observer) -> Workspace:
    observer({"event": "stage", "stage": "data", "run": root.name, "key": ""})
    started = time.perf_counter()
    dataset = read_dataset(config)
    data = Stage(root / "data", stable_hash(dataset.summary.to_json()))
    if not data.is_complete:
        with data.writing() as folder:
            for name in ("train", "validation", "test"):
                examples: tuple[Example, ...] = getattr(dataset, name)
                save_records(examples, folder / f"{name}.jsonl")
            counted = count_overlap(dataset).summary
            save_json(counted.to_json() | {"load_seconds": time.perf_counter() - started}, folder / "data.json")
    dataset = replace(dataset, summary=DataSummary.from_json(load_json(data.folder / "data.json")))
    save_text(config.to_yaml(), root / "experiment.yaml")
    for note in dataset.summary.notes:
        observer({"event": "note", "message": note})
    fingerprint = dataset.summary.fingerprint
    yardsticks = plan_yardsticks(root, fingerprint["test"], describe_scorer(config.scoring))
    workspace = Workspace(config, root, data, dataset, plan_runs(config, root, fingerprint), yardsticks)
    if config.tuning is None:
        return workspace
    common, trained = _list_inputs(config, fingerprint)
    return _settle(replace(workspace, searches=plan_searches(config, root, common | trained)))


def _require_own_folder(root: Path) -> None:
    """Raise ConfigError when `root` is somebody else's folder."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"--output {root}: is a file; give a folder.")
    if root.is_dir() and any(root.iterdir()) and not ({"experiment.yaml", ".lock"} & set(os.listdir(root))):
        raise ConfigError(f"--output {root}: holds files that are not dialora's; give a new or empty folder.")


def _is_trained(run: Run) -> bool:
    return run.training is None or run.training.is_complete


def _run_worker(workspace: Workspace, run: Run, observer: Observer, *, until: str = "generation") -> None:
    """Do a run's missing stages in a worker. Raises what it raised."""
    if _is_trained(run) and (until == "training" or run.generation.is_complete):
        run.tidy()  # a worker killed at the last moment could not
        return
    config = set_learning_rates(workspace.config, workspace.rates)
    _run_job(Job(config, run, workspace.data.require(), until), observer)


def _run_job(job: Job, observer: Observer) -> None:
    """Do a job in a fresh process, and pass its events on. Raises what the worker raised."""
    run = job.run
    run.work.mkdir(parents=True, exist_ok=True)
    observer({"event": "stage", "stage": "start", "run": run.name, "key": run.key})
    # -P: nothing that lies in the working directory is taken for a library.
    command = [sys.executable, "-P", "-m", "dialora.worker"]
    pipe = subprocess.PIPE
    with (
        (run.work / "worker.log").open("ab") as log,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=log, start_new_session=True, env=ALLOCATOR | dict(os.environ)
        ) as process,
    ):
        try:
            last = _talk(process, job, observer)
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.kill()
    _raise_outcome(last, run, process.returncode)


def _talk(process: subprocess.Popen[bytes], job: Job, observer: Observer) -> dict[str, Any]:
    """Hand the worker its job and pass events on until it ends; Ctrl-C lets it save a checkpoint first."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job.to_json()).encode() + b"\n")
    process.stdin.flush()
    last: dict[str, Any] = {}
    interrupted = False
    lines = iter(process.stdout.readline, b"")
    while True:
        try:
            for line in lines:
                last = json.loads(line)
                observer(last)
            # A worker that was all but done has nothing to save; what was asked for is to stop.
            if interrupted and last.get("event") == "done":
                raise Interrupted(f"{job.run.name} is finished; what comes after it is not started.")
            return last
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            observer({"event": "interrupting"})
            process.send_signal(signal.SIGINT)


def _raise_outcome(last: dict[str, Any], run: Run, code: int) -> None:
    """Raise what ended the worker, if it was not the end of its work."""
    event = last.get("event")
    if event == "done":
        return
    log = run.work / "worker.log"
    if event == "error":
        kind = getattr(errors, last["kind"], DialoraError)
        raise kind(last["message"])
    if event == "crash":
        raise StageError(f"{run.name}: {last['message']}; details in {log}. Finished stages are kept.")
    if code == -signal.SIGKILL:
        raise StageError(
            f"{run.name}: the worker was killed, most likely because memory ran out (details in {log}). Lower "
            f"training.per_device_train_batch_size or decoding.max_batch_tokens; the same command goes on from the "
            f"last checkpoint."
        )
    raise StageError(f"{run.name}: the worker ended unexpectedly (exit code {code}); details in {log}.")


def _ignore(event: dict[str, Any]) -> None:
    return None


__all__ = [
    "Observer",
    "Workspace",
    "compare",
    "generate_runs",
    "open_workspace",
    "own_folder",
    "plan_runs",
    "read_dataset",
    "report_runs",
    "require_checks",
    "require_tuned",
    "score_runs",
    "train_runs",
    "tune_methods",
]
