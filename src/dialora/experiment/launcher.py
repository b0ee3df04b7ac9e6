"""Have a worker do a job: start it, pass its events on, let Ctrl-C save a checkpoint, raise what ended it.

The parent's side of `worker`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from dialora import errors
from dialora.errors import DialoraError, Interrupted, StageError
from dialora.experiment.job import Job
from dialora.records import Observer
from dialora.store import names

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
"""For the worker's environment. glibc gives every large block back to the system when it is freed, and a training step
frees and asks for hundreds; that costs a sixth of the time. Other C libraries do not know these."""


def run_job(job: Job, observer: Observer) -> None:
    """Do a job in a fresh process, and pass its events on. Raises what the worker raised."""
    place = job.place
    place.work.mkdir(parents=True, exist_ok=True)
    observer({"event": "stage", "stage": job.opening, "run": place.name, "key": place.key})
    # -P: nothing that lies in the working directory is taken for a library.
    command = [sys.executable, "-P", "-m", "dialora.experiment.worker"]
    pipe = subprocess.PIPE
    with (
        (place.work / names.WORKER_LOG).open("ab") as log,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=log, start_new_session=True, env=ALLOCATOR | dict(os.environ)
        ) as process,
    ):
        try:
            last = _talk(process, job, observer)
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.kill()
    _raise_outcome(last, process.returncode, name=place.name, log=place.work / names.WORKER_LOG)


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
                raise Interrupted(f"{job.place.name} is finished; what comes after it is not started.")
            return last
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            observer({"event": "interrupting"})
            process.send_signal(signal.SIGINT)


def _raise_outcome(last: dict[str, Any], code: int, *, name: str, log: Path) -> None:
    """Raise what ended the worker, if it was not the end of its work."""
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
            f"{name}: the worker was killed, most likely because memory ran out (details in {log}). Lower "
            f"training.per_device_train_batch_size or decoding.max_batch_tokens; the same command goes on from the "
            f"last checkpoint."
        )
    raise StageError(f"{name}: the worker ended unexpectedly (exit code {code}); details in {log}.")


__all__ = ["ALLOCATOR", "run_job"]
