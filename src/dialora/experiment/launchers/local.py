"""This machine: as many workers as are asked for, cores and GPUs shared out among them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

from dialora.config.launch import Launch
from dialora.experiment.job import Job
from dialora.experiment.launchers.launcher import Launcher
from dialora.experiment.launchers.process import WorkerProcess
from dialora.measuring.environment import CORES, GPU_CHOICES, SHARED_BY, count_cores, split_cores
from dialora.records import Observer

THREADS = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")
"""What libraries read how many threads they may use from; what the user has set stays."""
NVIDIA = Path("/proc/driver/nvidia/gpus")


class LocalLaunch(Launch):
    """Jobs on this machine, one after the other or side by side."""

    engine: Literal["local"] = "local"

    def require_room(self, num_processes: int) -> None:
        """Raise ValueError where workers and processes would both share out this machine."""
        if num_processes > 1 and self.workers > 1:
            raise ValueError(
                f"launch.workers: {self.workers} and training.num_processes: {num_processes} would both share out this "
                f"machine; set one of them to 1"
            )

    def open(self, root: Path) -> LocalLauncher:
        """Return the launcher."""
        return LocalLauncher(self.workers)

    def describe(self, root: Path, num_jobs: int) -> str:
        """Say how many workers there would be, and what each may use."""
        shares = share_out(self.workers, os.environ)
        lines = [", ".join(f"{name}={value}" for name, value in share.items()) or "all of it" for share in shares]
        return "\n".join(f"worker {at + 1}: {line}" for at, line in enumerate(lines))


class LocalLauncher(Launcher):
    """Does jobs on this machine; each slot has a worker of its own, which keeps the libraries loaded."""

    def __init__(self, workers: int = 1) -> None:
        self.slots = workers
        self._workers = [WorkerProcess(share) for share in share_out(workers, os.environ)]
        self._free: SimpleQueue[WorkerProcess] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)

    def do(self, job: Job, observer: Observer) -> None:
        """Do a job in a free slot; wait for one."""
        worker = self._free.get()
        try:
            worker.run(job, observer)
        finally:
            self._free.put(worker)

    def interrupt(self) -> bool:
        """Let jobs under way save what they have, and begin none."""
        has_begun = [worker.interrupt() for worker in self._workers]
        return any(has_begun)

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.kill()

    def close(self) -> None:
        """Let the workers end, which have nothing to do."""
        for worker in self._workers:
            worker.close()


def share_out(workers: int, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what each worker's environment has besides this one: nothing where it is the only one.

    Cores are divided, each worker bound to its own where there are enough. Each has one GPU, in turn where there are
    fewer.
    """
    if workers == 1:
        return [{}]
    threads = str(max(1, count_cores() // workers))
    shared = {SHARED_BY: str(workers)} | {name: threads for name in THREADS if name not in environment}
    named = next((name for name in GPU_CHOICES if name in environment), GPU_CHOICES[0])
    gpus = [gpu for gpu in environment[named].split(",") if gpu] if named in environment else _list_gpus()
    shares = [shared | ({named: gpus[at % len(gpus)]} if gpus else {}) for at in range(workers)]
    for share, cores in zip(shares, split_cores(workers), strict=False):
        share[CORES] = ",".join(map(str, cores))
    return shares


def _list_gpus() -> list[str]:
    """Return the numbers of NVIDIA's GPUs; others are named in the environment."""
    return [str(number) for number in range(len(list(NVIDIA.iterdir())))] if NVIDIA.is_dir() else []


__all__ = ["LocalLaunch", "LocalLauncher", "share_out"]
