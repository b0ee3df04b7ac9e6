"""Have workers do jobs, one after the other: hand a job over, pass its events on, let Ctrl-C save a checkpoint, raise
what ended it.

The parent's side of `worker`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dialora import errors
from dialora.errors import DialoraError, Interrupted, StageError
from dialora.experiment.events import BEGUN
from dialora.experiment.job import Job
from dialora.records import Observer
from dialora.store import names

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
    "PYTORCH_ALLOC_CONF": "expandable_segments:True",
}
"""For the worker's environment. glibc gives every large block back to the system when it is freed, and a training step
frees and asks for hundreds; that costs a sixth of the time. Other C libraries do not know these. On a GPU, batches of
many lengths would leave holes in memory that no other fits into."""


VMSTAT = Path("/proc/vmstat")


class Launcher:
    """Does jobs on this machine. Its worker has the libraries loaded and makes a fresh process of itself for each job;
    it starts with the first one and ends with the block."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A worker that loads its libraries would not notice for seconds that its input is closed.
        if kind is None:
            self.close()
        else:
            self._kill()

    def run(self, job: Job, observer: Observer) -> None:
        """Do a job in a fresh process, and pass its events on. Raises what the worker raised."""
        place = job.place
        place.work.mkdir(parents=True, exist_ok=True)
        observer({"event": "stage", "stage": job.opening, "run": place.name, "key": place.key})
        log = place.work / names.WORKER_LOG
        if self._worker is not None and self._worker.poll() is not None:
            self.close()
        worker = self._worker = self._worker or _start_worker(log)
        kills = count_memory_kills()
        try:
            last, code = _talk(worker, job, observer)
        except BaseException:
            self._kill()
            raise
        if worker.poll() is not None or code is None:
            code = worker.wait()
            self.close()
        _raise_outcome(last, code, name=place.name, log=log, kills_before=kills)

    def close(self) -> None:
        """Let the worker end, which has nothing to do."""
        worker, self._worker = self._worker, None
        if worker is not None:
            _close_pipes(worker)
            worker.wait()

    def _kill(self) -> None:
        """End the worker and what it is doing."""
        worker, self._worker = self._worker, None
        if worker is not None:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
            _close_pipes(worker)
            worker.wait()


def _start_worker(log: Path) -> subprocess.Popen[bytes]:
    # -P: nothing that lies in the working directory is taken for a library.
    command = [sys.executable, "-P", "-m", "dialora.experiment.worker"]
    pipe = subprocess.PIPE
    with log.open("ab") as stderr:
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=stderr, start_new_session=True, env=ALLOCATOR | dict(os.environ)
        )


def _close_pipes(worker: subprocess.Popen[bytes]) -> None:
    for stream in (worker.stdin, worker.stdout):
        assert stream is not None
        stream.close()


def _talk(worker: subprocess.Popen[bytes], job: Job, observer: Observer) -> tuple[dict[str, Any], int | None]:
    """Hand the worker a job and pass events on until it ends; Ctrl-C lets it save a checkpoint first.

    Before a job has begun there is nothing to save: Ctrl-C raises Interrupted at once. Returns the last event and the
    exit code of the job's process, None where the worker itself is gone.
    """
    assert worker.stdin is not None
    assert worker.stdout is not None
    last: dict[str, Any] = {}
    code: int | None = None
    has_begun = interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = True
        if not has_begun:
            raise Interrupted(f"{job.place.name}: stopped before it began.")
        observer({"event": "interrupting"})
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGINT)

    # An exception could come between a line and what it says, and the line be lost: a handler loses none.
    with _interrupts_handled(interrupt):
        with suppress(BrokenPipeError):  # a worker that is gone is noticed where it is read from
            worker.stdin.write(json.dumps(job.to_json()).encode() + b"\n")
            worker.stdin.flush()
        for line in iter(worker.stdout.readline, b""):
            event = _read_event(line, job)
            if event["event"] == BEGUN:
                has_begun = True
                continue
            if event["event"] == "exited":
                code = event["code"]
                break
            last = event
            observer(last)
        # A worker that was all but done has nothing to save; what was asked for is to stop.
        if interrupted and last.get("event") == "done":
            raise Interrupted(f"{job.place.name} is finished; what comes after it is not started.")
        return last, code


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


@contextmanager
def _interrupts_handled(handle: Callable[[], None]) -> Iterator[None]:
    """For the time of the block, have Ctrl-C call `handle` instead of raising KeyboardInterrupt anywhere.

    Only the main thread gets it; who handles it otherwise goes on doing so.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: handle())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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


def _raise_outcome(last: dict[str, Any], code: int, *, name: str, log: Path, kills_before: int | None) -> None:
    """Raise what ended a job, if it was not the end of its work."""
    event = last.get("event")
    if event == "done":
        return
    if event == "error":
        kind = getattr(errors, last["kind"], DialoraError)
        raise kind(last["message"])
    if event == "crash":
        raise StageError(f"{name}: {last['message']}; details in {log}. Finished stages are kept.")
    if code == -signal.SIGKILL:
        raise StageError(
            f"{name}: the worker was killed, {_explain_kill(kills_before)} (details in {log}). The same command goes "
            f"on from the last checkpoint; where memory is short, lower training.per_device_train_batch_size or "
            f"decoding.max_batch_tokens."
        )
    raise StageError(f"{name}: the worker ended unexpectedly (exit code {code}); details in {log}.")


__all__ = ["ALLOCATOR", "Launcher", "count_memory_kills"]
