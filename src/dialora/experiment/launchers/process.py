"""A worker on this machine from its parent's side: hand a job over, pass its events on, let it save a checkpoint,
raise what ended it.

The other side is `experiment/worker.py`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dialora import errors
from dialora.errors import DialoraError, Interrupted, StageError
from dialora.experiment.events import BEGUN
from dialora.experiment.job import Job, OtherJob
from dialora.experiment.launchers.launcher import begin_job
from dialora.records import Observer
from dialora.store import names
from dialora.store.heartbeat import tell_end

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
    "PYTORCH_ALLOC_CONF": "expandable_segments:True",
}
"""For the worker's environment. glibc gives every large block back to the system when it is freed, and a training step
frees and asks for hundreds; that costs a sixth of the time. Other C libraries do not know these. On a GPU, batches of
many lengths would leave holes in memory that no other fits into."""

SAME_ORDER = {"PYTHONHASHSEED": "0"}
"""For the worker's environment: what a library writes from a set stands in the same order whoever made it."""
VMSTAT = Path("/proc/vmstat")


class WorkerProcess:
    """A worker that has the libraries loaded and makes a fresh process of itself for each job, one job at a time.

    `environment` is added to what this process has. It starts with the first job. `interrupt` and `kill` may come
    from other threads, and from a handler of signals.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._has_begun = self._is_interrupted = False

    def run(self, job: Job, observer: Observer) -> None:
        """Do a job in a fresh process, and pass its events on. Raises what the worker raised."""
        place = job.place
        if self._is_interrupted:
            raise Interrupted(f"{place.name}: is not started.")
        begin_job(job, observer)
        log = place.work / names.WORKER_LOG
        if self._process is not None and self._process.poll() is not None:
            self.close()
        worker = self._process = self._process or _start_worker(log, self._environment)
        kills = count_memory_kills()
        try:
            last, code = self._talk(worker, job, observer)
        except BaseException:
            _signal(worker, signal.SIGKILL)
            self.close()
            raise
        finally:
            self._has_begun = False
        if worker.poll() is not None or code is None:
            code = worker.wait()
            self.close()
        try:
            _raise_outcome(last, code, job, log=log, kills_before=kills)
        except DialoraError as error:
            tell_end(place.work, place.name, error)
            raise

    def interrupt(self) -> bool:
        """Let the job under way save what it has; return whether there is one that has begun.

        Before that there is nothing to save, and the worker ends at once. No other job begins.
        """
        self._is_interrupted = True
        worker = self._process
        if worker is not None:
            _signal(worker, signal.SIGINT if self._has_begun else signal.SIGKILL)
        return self._has_begun

    def close(self) -> None:
        """Let the worker end, which has nothing to do or is killed."""
        worker, self._process = self._process, None
        if worker is not None:
            _close_pipes(worker)
            worker.wait()

    def kill(self) -> None:
        """End the worker and what it is doing; whoever runs its job, or `close`, does the rest."""
        self._is_interrupted = True
        if (worker := self._process) is not None:
            _signal(worker, signal.SIGKILL)

    def _talk(self, worker: subprocess.Popen[bytes], job: Job, observer: Observer) -> tuple[dict[str, Any], int | None]:
        """Hand the worker a job and pass events on until it ends.

        Returns the last event and the exit code of the job's process, None where the worker itself is gone.
        """
        assert worker.stdin is not None
        assert worker.stdout is not None
        last: dict[str, Any] = {}
        code: int | None = None
        with suppress(BrokenPipeError):  # a worker that is gone is noticed where it is read from
            worker.stdin.write(json.dumps(job.to_json()).encode() + b"\n")
            worker.stdin.flush()
        for line in iter(worker.stdout.readline, b""):
            event = _read_event(line, job)
            if event["event"] == BEGUN:
                self._has_begun = True
                if self._is_interrupted:
                    _signal(worker, signal.SIGINT)
                continue
            if event["event"] == "exited":
                code = event["code"]
                break
            last = event
            observer(last)
        if self._is_interrupted and not self._has_begun:
            raise Interrupted(f"{job.place.name}: stopped before it began.")
        # A worker that was all but done has nothing to save; what was asked for is to stop.
        if self._is_interrupted and last.get("event") == "done":
            raise Interrupted(f"{job.place.name} is finished; what comes after it is not started.")
        return last, code


def _signal(worker: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a worker and what it is doing, where they are still there."""
    if worker.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, number)


def _start_worker(log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # -P: nothing that lies in the working directory is taken for a library.
    command = [sys.executable, "-P", "-m", "dialora.experiment.worker"]
    pipe = subprocess.PIPE
    with log.open("ab") as stderr:
        return subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=stderr,
            start_new_session=True,
            env=ALLOCATOR | SAME_ORDER | dict(os.environ) | dict(environment),
        )


def _close_pipes(worker: subprocess.Popen[bytes]) -> None:
    for stream in (worker.stdin, worker.stdout):
        assert stream is not None
        stream.close()


def _read_event(line: bytes, job: Job) -> dict[str, Any]:
    try:
        event: dict[str, Any] = json.loads(line)
        if "event" in event:
            return event
    except (ValueError, TypeError):
        pass
    raise StageError(
        f"{job.place.name}: its worker said what is no event: {line[:100]!r}; details in "
        f"{job.place.work / names.WORKER_LOG}. Finished stages are kept."
    )


def count_memory_kills() -> int | None:
    """Return how many processes Linux has killed because memory ran out since it started; None where it is not said."""
    try:
        lines = VMSTAT.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _explain_kill(kills_before: int | None) -> str:
    kills = count_memory_kills()
    if kills is None or kills_before is None:
        return "by somebody, or because memory ran out"
    return "most likely because memory ran out" if kills > kills_before else "by somebody: memory did not run out"


def _raise_outcome(last: dict[str, Any], code: int, job: Job, *, log: Path, kills_before: int | None) -> None:
    """Raise what ended a job, if it was not the end of its work."""
    event, name = last.get("event"), job.place.name
    if event == "done":
        return
    if event == "error":
        kind = getattr(errors, last["kind"], DialoraError)
        raise kind(last["message"])
    if event == "crash":
        raise StageError(f"{name}: {last['message']}; details in {log}. Finished stages are kept.")
    if code == -signal.SIGKILL:
        last_saved, settings = (
            ("batch", "decoding.max_batch_tokens")
            if isinstance(job, OtherJob)
            else ("checkpoint", "training.per_device_train_batch_size or decoding.max_batch_tokens")
        )
        raise StageError(
            f"{name}: the worker was killed, {_explain_kill(kills_before)} (details in {log}). The same command goes "
            f"on from the last {last_saved}; where memory is short, lower {settings}."
        )
    raise StageError(f"{name}: the worker ended unexpectedly (exit code {code}); details in {log}.")


__all__ = ["ALLOCATOR", "WorkerProcess", "count_memory_kills"]
