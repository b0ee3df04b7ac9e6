"""Do jobs, each in a process of its own: `python -m dialora.experiment.worker`.

A fresh process per job keeps the order of methods from favouring any: each starts with the same memory, caches and
random state. Loading the libraries takes seconds, so they are loaded once, and every job's process is forked from the
one that has them and has done nothing with them.

Jobs come as lines of JSON on standard input; events go out as JSON lines on standard output, `exited` after each job's
last; what a library prints goes to the job's log. When standard input closes, the parent is gone and the job ends too.
SIGINT ends it after the step under way, with a checkpoint.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any

from dialora.errors import DialoraError
from dialora.experiment.events import BEGUN, Events
from dialora.experiment.job import Job, load_job
from dialora.experiment.peers import fork_peers
from dialora.experiment.stages import do_job, follow_job, load_libraries
from dialora.measuring.environment import GPU_CHOICES, keep_to_cores
from dialora.models.network import forbid_network
from dialora.store import disk_errors_explained, names, telling_damage
from dialora.store.work import own_work

STOPS = (signal.SIGINT, signal.SIGTERM)
CAN_FORK = sys.platform == "linux"
"""Elsewhere libraries start threads when they are loaded, which a fork would lose: a worker there does one job."""


def main() -> int:
    """Do jobs until standard input closes."""
    keep_to_cores()  # before the libraries, which count them
    # Libraries print where they like; the parent must get nothing but events.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # A job takes those that come while it begins, when it is ready for them; this process ends with its input.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    is_loaded = False
    for line in iter(sys.stdin.readline, ""):
        job = load_job(json.loads(line))
        if not CAN_FORK:
            return _do(job, stream)
        if not is_loaded:
            with suppress(Exception):  # the job itself will say what is wrong
                forbid_network(job.config)  # before the libraries, which ask once
                load_libraries(job)
                gc.collect()
                gc.freeze()  # a collection would write to pages that all processes share
                is_loaded = True
        process = os.fork()
        if process == 0:
            return _do(job, stream)
        _, status = os.waitpid(process, 0)
        stream.write(json.dumps({"event": "exited", "code": os.waitstatus_to_exitcode(status)}) + "\n")
        stream.flush()
    return 0


def _do(job: Job, stream: Any) -> int:
    """Do a job, and say how it ended."""
    _log_to(job)
    stop, events = threading.Event(), Events(stream, name=job.place.name, key=job.place.key)
    try:
        peers, group = fork_peers(job, follow_job, _choose_gpu)  # before signals, threads and anything that computes
    except DialoraError as error:
        return _tell_error(events, error)
    for number in STOPS:
        signal.signal(number, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    _choose_gpu(group.rank)
    threading.Thread(target=_watch_parent, daemon=True).start()
    events.send(BEGUN)
    try:
        with (
            peers.watched(lambda error: _tell_error(events, error)),
            disk_errors_explained(job.place.folder),
            telling_damage(lambda message: events.send("warning", message=message)),
            own_work(job.place.work, job.place.name) as pulse,
        ):
            events.on_progress = pulse.tell
            forbid_network(job.config)
            do_job(job, events, stop, group, peers)
    except DialoraError as error:
        return _tell_error(events, error)
    except Exception as error:
        traceback.print_exc()
        events.send("crash", message=f"{type(error).__name__}: {' '.join(str(error).split())}")
        return 1
    events.send("done")
    return 0


def _tell_error(events: Events, error: DialoraError) -> int:
    """Say what ended a job; return the exit code."""
    events.send("error", kind=type(error).__name__, message=str(error))
    return 1


def _choose_gpu(rank: int) -> None:
    """See one GPU alone, the first of those that the environment names or another process's: others have theirs."""
    named = next((name for name in GPU_CHOICES if name in os.environ), GPU_CHOICES[0])
    gpus = os.environ[named].split(",") if named in os.environ else [str(number) for number in range(rank + 1)]
    os.environ[named] = gpus[rank] if rank < len(gpus) else ""


def _log_to(job: Job) -> None:
    """Let what is printed go to the job's own log."""
    log = os.open(job.place.work / names.WORKER_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)


def _watch_parent() -> None:
    """End this process when standard input closes: whoever wanted the result is gone."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["main"]
