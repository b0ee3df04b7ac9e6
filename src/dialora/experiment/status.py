"""What of an experiment is done, running, stopped, failed or waiting: read from its folder alone, by whoever asks.

`keep_jobs` writes down which jobs there are; a job's stages say what is done, its sign of life (`store/heartbeat`) who
is at it and how far, its log why it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.errors import ConfigError
from dialora.experiment.plan import Plan, PlannedRuns
from dialora.records import Record
from dialora.store import ExperimentFolder, is_run_folder, names, read_key, save_json
from dialora.store.heartbeat import read_heartbeat

DONE, RUNNING, STOPPED, FAILED, WAITING = "done", "running", "stopped", "failed", "waiting"
LOG_BYTES = 4_096
"""Of a log's end that is looked at for its last line."""


@dataclass(frozen=True, slots=True)
class JobStatus(Record):
    """How one job stands."""

    job: str
    """The folder of a run or trial, in a word."""
    kind: str
    """run, trial or tokens."""
    state: str
    stage: str = ""
    """Under way, or the last one of which anything is known."""
    done: int | None = None
    total: int | None = None
    loss: float | None = None
    host: str = ""
    begun: float | None = None
    """Seconds since 1970, by the clock of the machine that does it; so is `beat`, its last sign of life."""
    beat: float | None = None
    message: str = ""
    """Why it ended."""


@dataclass(frozen=True, slots=True)
class ExperimentStatus(Record):
    """How an experiment stands, job by job."""

    experiment: str
    is_reported: bool
    jobs: tuple[JobStatus, ...]

    def count(self, state: str) -> int:
        """Return how many jobs are in a state."""
        return sum(job.state == state for job in self.jobs)


def keep_jobs(plan: Plan, runs: PlannedRuns | None) -> None:
    """Write down which jobs the experiment consists of; of runs whose rates are not found yet, how many."""
    root = plan.workspace.folder.root
    config = plan.workspace.config
    searches = [
        {
            "folder": str(planned.plan_trial(0, planned.search.start).folder.parent.relative_to(root)),
            "key": planned.search.key,
            "num_trials": planned.search.num_trials,
        }
        for planned in plan.searches
    ]
    found = [
        {
            "folder": run.folder.name,
            names.TRAINING: run.training and run.training.key,
            names.GENERATION: run.generation.key,
        }
        for run in (runs.runs if runs else ())
    ]
    seeds = {key: config.seeds if method.trains else config.seeds[:1] for key, method in config.methods.items()}
    later = [] if runs else [f"{key}-s{seed}" for key, own in seeds.items() for seed in own]
    work = plan.workspace.folder.place.work
    work.mkdir(parents=True, exist_ok=True)
    save_json({"searches": searches, "runs": found, "later": later}, work / names.PLANNED_JOBS)


def read_status(root: Path) -> ExperimentStatus:
    """Look at an experiment's folder. Raises ConfigError where none lies there."""
    folder = ExperimentFolder(root)
    if is_run_folder(root):
        raise ConfigError(
            f"{root}: is one run of an experiment; give the experiment's folder, {root.resolve().parent}."
        )
    if not folder.config.is_file() and not folder.place.work.is_dir():
        raise ConfigError(
            f"{root}: holds no experiment; give the folder of one (--output of `dialora compare`, or runs/NAME)."
        )
    jobs = tuple(_list_jobs(folder, _load_planned(folder)))
    return ExperimentStatus(folder.root.resolve().name, folder.results.is_file(), jobs)


def _load_planned(folder: ExperimentFolder) -> dict[str, Any]:
    """Return which jobs there are; of a folder of an earlier version, those that have begun."""
    try:
        planned: dict[str, Any] = json.loads((folder.place.work / names.PLANNED_JOBS).read_text(encoding="utf-8"))
        _require_sound(planned)
        return planned
    except (OSError, ValueError, KeyError, TypeError):
        runs = [{"folder": path.name} for path in sorted(folder.root.iterdir()) if names.parse_run(path.name)]
        return {"searches": [], "runs": runs, "later": []}


def _require_sound(planned: dict[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError where jobs are not as `keep_jobs` writes them."""
    texts = [text for search in planned["searches"] for text in (search["folder"], search["key"])]
    texts += [run["folder"] for run in planned["runs"]] + list(planned["later"])
    counts = [search["num_trials"] for search in planned["searches"]]
    if not all(isinstance(text, str) for text in texts) or not all(type(count) is int for count in counts):
        raise ValueError(names.PLANNED_JOBS)


def _list_jobs(folder: ExperimentFolder, planned: dict[str, Any]) -> Iterator[JobStatus]:
    if (sign := read_heartbeat(folder.place.work)) is not None:
        yield _look(sign.job, "tokens", folder.place.work)
    for search in planned["searches"]:
        for number in range(search["num_trials"]):
            trial = folder.root / search["folder"] / names.trial(search["key"], number)
            is_done = (trial / names.RESULT / names.MANIFEST).is_file()
            yield _look(trial.name, "trial", trial / names.WORK, is_done=is_done)
    for run in planned["runs"]:
        place = folder.root / run["folder"]
        generation = read_key(place / names.GENERATION)
        is_done = bool(generation) and run.get(names.GENERATION) in (None, generation)
        yield _look(run["folder"], "run", place / names.WORK, is_done=is_done)
    for name in planned["later"]:
        yield JobStatus(name, "run", WAITING)


def _look(job: str, kind: str, work: Path, *, is_done: bool = False) -> JobStatus:
    if is_done:
        return JobStatus(job, kind, DONE)
    sign = read_heartbeat(work)
    if sign is None:
        return JobStatus(job, kind, WAITING, message=_find_checkpoint(work))
    is_alive = sign.is_alive_at(work / names.HEARTBEAT)
    state = sign.outcome or (RUNNING if is_alive else STOPPED)
    message = sign.message
    if state != RUNNING and not message:
        why = "gave no sign of life for a minute" if sign.may_exist else "its process is gone"
        message = "; ".join(filter(None, (why, _read_last_line(work), _find_checkpoint(work))))
    progress = sign.stage, sign.done, sign.total, sign.loss
    return JobStatus(job, kind, state, *progress, sign.host, sign.begun, sign.beat, message)


def _find_checkpoint(work: Path) -> str:
    steps = [path.name.rpartition("-")[2] for path in work.glob(names.checkpoint("*"))]
    numbers = [int(step) for step in steps if step.isdigit()]
    return f"goes on from step {max(numbers):,}" if numbers else ""


def _read_last_line(work: Path) -> str:
    """Return the last line of a worker's log that says anything."""
    try:
        with (work / names.WORKER_LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


__all__ = [
    "DONE",
    "FAILED",
    "RUNNING",
    "STOPPED",
    "WAITING",
    "ExperimentStatus",
    "JobStatus",
    "keep_jobs",
    "read_status",
]
