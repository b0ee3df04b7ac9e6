"""Jobs on other machines that share the experiment's folder: what is done there, and how it is followed from here.

There, `RemoteJob` has a worker do the job and appends its events to a file in the job's work folder; the last one says
how it ended. Here, `RemoteLauncher` passes them on. A file beside it asks the job to save and end. So a launcher only
has to start `RemoteJob` somewhere, and to say whether it is still there.
"""

from __future__ import annotations

import json
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dialora import errors
from dialora.errors import DialoraError, Interrupted, StageError
from dialora.experiment.job import Job, load_job
from dialora.experiment.launchers.launcher import Launcher, begin_job
from dialora.experiment.launchers.process import WorkerProcess
from dialora.records import Observer
from dialora.store import names

POLL_SECONDS = 0.3
ENDED, REQUEUED = "ended", "requeued"
"""The last event of a job, and of a part of it that goes on elsewhere."""
MOVING = "a job has saved a checkpoint, and goes on when its turn comes."


class RemoteJob:
    """Does a job where it is called, in a worker of its own; it holds plain values, and crosses between machines.

    `environment` is added to the worker's. Relative paths count from the working directory that it was made in, or
    from `folder`.
    """

    def __init__(self, values: Mapping[str, Any], environment: Mapping[str, str], folder: str | None = None) -> None:
        self.values, self.environment, self.folder = dict(values), dict(environment), folder or os.getcwd()
        self._worker: WorkerProcess | None = None
        self._thread: threading.Thread | None = None
        self._is_moving = False

    def __call__(self) -> None:
        """Do the job, and say in its events how it ended."""
        os.chdir(self.folder)
        job = load_job(self.values)
        job.place.work.mkdir(parents=True, exist_ok=True)
        self._worker = WorkerProcess(self.environment)
        # Signals and requests come to this thread while that one waits for the worker.
        self._thread = threading.Thread(target=self._do, args=(job, self._worker))
        self._thread.start()
        stop = job.place.work / names.STOP
        while self._thread.is_alive():
            self._thread.join(POLL_SECONDS)
            if stop.exists():
                self._worker.interrupt()
        self._worker.close()

    def checkpoint(self) -> Any:
        """Let the job save, and return what goes on with it: submitit calls this when time is up, or on preemption."""
        from submitit.helpers import DelayedSubmission

        self._is_moving = True
        if self._worker is not None and self._thread is not None:
            self._worker.interrupt()
            self._thread.join()
        return DelayedSubmission(RemoteJob(self.values, self.environment, self.folder))

    def _do(self, job: Job, worker: WorkerProcess) -> None:
        events = job.place.work / names.EVENTS
        ended: dict[str, Any] = {"event": ENDED, "error": None}
        try:
            worker.run(job, lambda event: _append(events, event))
        except Exception as error:
            kind = type(error).__name__ if isinstance(error, DialoraError) else StageError.__name__
            ended |= {"error": kind, "message": str(error)}
        if self._is_moving and ended["error"] == Interrupted.__name__:
            ended = {"event": REQUEUED}
        _append(events, ended)


class Remote(ABC):
    """A job that has been handed over, from this side."""

    @abstractmethod
    def is_there(self) -> bool:
        """Whether it waits or is under way, as far as whoever does it knows."""

    @abstractmethod
    def describe(self) -> str:
        """Say what is known of it, for a message when it is gone without a word."""

    @abstractmethod
    def cancel(self) -> None:
        """End it at once."""

    @abstractmethod
    def let_go(self) -> None:
        """Let go of a job that has said its last."""


class RemoteLauncher(Launcher):
    """Hands jobs to what does them elsewhere."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._followed: dict[Path, Remote] = {}
        self._is_interrupted = False

    @abstractmethod
    def submit(self, job: Job) -> Remote:
        """Hand a job over."""

    def find(self, job: Job) -> Remote | None:
        """Return the job where an earlier command has handed it over and it is still there."""
        return None

    def do(self, job: Job, observer: Observer) -> None:
        """Hand a job over and follow it to its end."""
        place = job.place
        if self._is_interrupted:
            raise Interrupted(f"{place.name}: is not started.")
        begin_job(job, observer)
        (place.work / names.STOP).unlink(missing_ok=True)
        remote = self.find(job)
        if remote is None:
            (place.work / names.EVENTS).unlink(missing_ok=True)
            remote = self.submit(job)
        self._followed[place.work] = remote
        if self._is_interrupted:  # meanwhile
            remote.cancel()
        try:
            last = _follow(place.work / names.EVENTS, remote, observer)
        finally:
            remote.let_go()
            del self._followed[place.work]
            (place.work / names.STOP).unlink(missing_ok=True)
        (place.work / names.EVENTS).unlink(missing_ok=True)
        if self._is_interrupted and not (last and last["error"]):
            raise Interrupted(f"{place.name}: what comes after it is not started.")
        if last is None:
            raise StageError(
                f"{place.name}: ended without a word ({remote.describe()}); details in {place.work}. Finished stages "
                f"are kept, and the same command goes on from the last checkpoint."
            )
        if last["error"]:
            raise getattr(errors, last["error"], StageError)(last["message"])

    def interrupt(self) -> bool:
        """Ask jobs under way to save what they have; those that wait to begin are taken back."""
        self._is_interrupted = True
        for work, remote in list(self._followed.items()):
            (work / names.STOP).touch()
            if not (work / names.EVENTS).exists():
                remote.cancel()
        return bool(self._followed)

    def kill(self) -> None:
        """End all jobs under way."""
        self._is_interrupted = True
        for remote in list(self._followed.values()):
            remote.cancel()


def _follow(path: Path, remote: Remote, observer: Observer) -> dict[str, Any] | None:
    """Pass events on until the job has ended; return the last one, None where it is gone without a word."""
    offset, rest = 0, b""
    while True:
        is_there = remote.is_there()  # before reading: so nothing that it wrote before it went is missed
        with suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(offset)
            found = file.read()
            offset += len(found)
            *lines, rest = (rest + found).split(b"\n")
            for event in filter(None, map(_parse, lines)):
                if event["event"] == ENDED:
                    return event
                observer({"event": "note", "message": MOVING} if event["event"] == REQUEUED else event)
        if not is_there:
            return None
        time.sleep(POLL_SECONDS)


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return an event; None where a crash has cut the line."""
    try:
        event: dict[str, Any] = json.loads(line)
        return event if "event" in event else None
    except (ValueError, TypeError):
        return None


def _append(path: Path, event: dict[str, Any]) -> None:
    with path.open("ab") as file:
        file.write(json.dumps(event).encode() + b"\n")


__all__ = ["Remote", "RemoteJob", "RemoteLauncher"]
