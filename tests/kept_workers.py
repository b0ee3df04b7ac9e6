"""Workers that go on from one experiment of a test to the next one's: loading their libraries takes longer than most
jobs of tests do. What a worker does for a job it does in a fresh process all the same."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from dialora.experiment.launchers import process
from dialora.experiment.launchers.process import WorkerProcess

MOST_IDLE = 3
CHANGING = {"PYTEST_CURRENT_TEST", "COLUMNS", "LINES"}
"""What a test's environment has that says nothing to a worker."""
Key = tuple[tuple[tuple[str, str], ...], str]


class KeptWorkers:
    """Those that have nothing to do just now, by their environment and working directory."""

    def __init__(self) -> None:
        self._start, self._end, self._tell = process._start_worker, WorkerProcess.close, process._signal
        self._keys: dict[int, Key] = {}
        self._idle: list[subprocess.Popen[bytes]] = []

    def start(self, log: Path, environment: Any) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in (os.environ | dict(environment)).items() if name not in CHANGING}
        key = (tuple(sorted(own.items())), str(Path.cwd()))
        for worker in self._idle:
            if self._keys[worker.pid] == key and worker.poll() is None:
                self._idle.remove(worker)
                return worker
        worker = self._start(log, environment)
        self._keys[worker.pid] = key
        return worker

    def close(self, owner: WorkerProcess) -> None:
        worker = owner._process
        if worker is None or worker.poll() is not None or owner._is_interrupted or worker.pid not in self._keys:
            self._end(owner)
            return
        owner._process = None
        self._idle.append(worker)
        while len(self._idle) > MOST_IDLE:
            end(self._idle.pop(0))

    def tell(self, worker: subprocess.Popen[bytes], number: signal.Signals) -> None:
        self._keys.pop(worker.pid, None)  # whatever it does with that, nobody else gets it
        self._tell(worker, number)


def end(worker: subprocess.Popen[bytes]) -> None:
    process._close_pipes(worker)
    worker.wait()


@contextmanager
def keeping_workers() -> Iterator[None]:
    """Let launchers of this process use workers that others of them have left."""
    kept = KeptWorkers()
    with (
        mock.patch.object(process, "_start_worker", kept.start),
        mock.patch.object(WorkerProcess, "close", lambda owner: kept.close(owner)),
        mock.patch.object(process, "_signal", kept.tell),
    ):
        yield
    for worker in kept._idle:
        end(worker)
