"""SLURM, by submitit (`pip install "dialora[slurm]"`): jobs that are ready together go as one array.

A job whose time is up, or that is preempted, saves a checkpoint and is put in the queue again. One whose submitter is
gone goes on; the same command finds it, and submits nothing twice.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dialora.config.launch import Launch, require_devices
from dialora.errors import ConfigError, StageError
from dialora.experiment.job import Job
from dialora.experiment.launchers.remote import Remote, RemoteJob, RemoteLauncher
from dialora.store import load_json, names, save_json

if TYPE_CHECKING:
    import submitit

GATHER_SECONDS = 1.0
"""Jobs that are handed over within this time go as one array."""
MOST_JOBS = 1_000
"""In the queue at once: many clusters allow no larger array."""
END_SECONDS = 10.0
"""From a job's last event to the end of its process, at most."""
FOLDER = "submitit"
"""In the experiment's work folder: batch scripts, and what each job printed."""


class SlurmLaunch(Launch):
    """Jobs in the queue of a SLURM cluster whose nodes see the experiment's folder and this Python."""

    engine: Literal["slurm"] = "slurm"
    workers: Annotated[
        int,
        Field(ge=1, le=1_000, description="jobs of an array that run at once; all that are ready wait in the queue"),
    ] = 64
    executor: Annotated[
        Literal["slurm", "local", "debug"], Field(description="submitit's: local and debug try it out without SLURM")
    ] = "slurm"
    partition: Annotated[str | None, Field(description="the cluster's default where none is named")] = None
    account: Annotated[str | None, Field(description="that pays")] = None
    qos: Annotated[str | None, Field(description="quality of service")] = None
    constraint: Annotated[str | None, Field(description="features of nodes, so that all costs are of one kind")] = None
    dependency: Annotated[str | None, Field(description="sbatch's, as afterok:1234: what must have ended first")] = None
    minutes: Annotated[int, Field(ge=1, le=1_000_000, description="of each job, before it saves and queues again")] = (
        240
    )
    requeues: Annotated[int, Field(ge=0, le=1_000, description="how often a job may go on after its time")] = 20
    signal_seconds: Annotated[int, Field(ge=10, le=3_600, description="before the end, to save a checkpoint in")] = 120
    cpus: Annotated[int, Field(ge=1, le=1_024, description="cores of each job")] = 4
    gpus: Annotated[int, Field(ge=0, le=64, description="of each job: one for each of training.num_processes")] = 0
    memory_gb: Annotated[float | None, Field(gt=0, le=100_000, description="of each job")] = None
    setup: Annotated[tuple[str, ...], Field(description="lines of shell before the job, as `module load …`")] = ()
    options: Annotated[dict[str, str | int], Field(description="further options of sbatch by their long names")] = {}  # noqa: RUF012 - never changed

    def require(self) -> None:
        """Look that submitit is installed, and sbatch there. Raises ConfigError."""
        if importlib.util.find_spec("submitit") is None:
            raise ConfigError('launch.engine: slurm needs submitit; pip install "dialora[slurm]".')
        from shutil import which

        missing = [name for name in ("sbatch", "srun") if which(name) is None]
        if self.executor == "slurm" and missing:
            raise ConfigError(
                f"launch.engine: slurm needs {' and '.join(missing)}, which this machine does not have; run it where "
                f"jobs are submitted, or try it out with launch.executor=local."
            )

    def require_room(self, num_processes: int) -> None:
        """Raise ValueError where a job does not ask for a core or GPU for each process."""
        require_devices(num_processes, cpus=self.cpus, gpus=self.gpus)

    def open(self, root: Path) -> SlurmLauncher:
        """Return the launcher."""
        return SlurmLauncher(self, root)

    def describe(self, root: Path, num_jobs: int) -> str:
        """Return the batch script that sbatch would be given for so many jobs, an array."""
        if importlib.util.find_spec("submitit") is None:
            raise ConfigError('launch.engine: slurm needs submitit; pip install "dialora[slurm]".')
        from submitit import SlurmExecutor

        class Anywhere(SlurmExecutor):
            """Writes scripts on a machine without SLURM too."""

            @classmethod
            def affinity(cls) -> int:
                return 1

        executor = Anywhere(folder=_find_folder(root), max_num_timeout=self.requeues)
        executor.update_parameters(**self._list_parameters())
        if num_jobs > 1:
            executor.parameters["map_count"] = num_jobs
        return executor._make_submission_file_text(executor._submitit_command_str, "").rstrip()

    def build_executor(self, root: Path) -> submitit.Executor:
        """Return submitit's executor for the jobs of an experiment's folder."""
        import submitit

        kinds = {"slurm": submitit.SlurmExecutor, "local": submitit.LocalExecutor, "debug": submitit.DebugExecutor}
        limit = {} if self.executor == "debug" else {"max_num_timeout": self.requeues}
        executor = kinds[self.executor](folder=_find_folder(root), **limit)
        if self.executor == "slurm":
            executor.update_parameters(**self._list_parameters())
        elif self.executor == "local":
            executor.update_parameters(timeout_min=self.minutes, signal_delay_s=self.signal_seconds)
        return executor

    def _list_parameters(self) -> dict[str, Any]:
        """Return the options of sbatch, as submitit names them."""
        named = {name: getattr(self, name) for name in ("partition", "account", "qos", "constraint", "dependency")}
        return {name: value for name, value in named.items() if value is not None} | {
            "job_name": "dialora",
            "time": self.minutes,
            "cpus_per_task": self.cpus,
            "signal_delay_s": self.signal_seconds,
            "array_parallelism": self.workers,
            **({"gpus_per_node": self.gpus} if self.gpus else {}),
            **({"mem": f"{self.memory_gb:g}GB"} if self.memory_gb is not None else {}),
            **({"setup": list(self.setup)} if self.setup else {}),
            "additional_parameters": {"requeue": True, **self.options},
        }


class SlurmJob(Remote):
    """A job that submitit has handed over."""

    def __init__(self, job: submitit.Job[None]) -> None:
        self._job = job

    def is_there(self) -> bool:
        """Whether it waits in the queue or is under way."""
        if self._job.__class__.__name__ == "DebugJob":
            self._job.results()  # in this process, now
        return not self._job.done()

    def describe(self) -> str:
        """Say what SLURM knows of it."""
        return f"job {self._job.job_id}: {self._job.state}; {self._job.paths.stderr}"

    def let_go(self) -> None:
        """Wait a little for its process to end, which has nothing to do any more."""
        deadline = time.monotonic() + END_SECONDS
        while not self._job.done() and time.monotonic() < deadline:
            time.sleep(0.1)

    def cancel(self) -> None:
        """Take it out of the queue, or end it."""
        self._job.cancel(check=False)


class SlurmLauncher(RemoteLauncher):
    """Submits jobs, those that come together as one array."""

    def __init__(self, launch: SlurmLaunch, root: Path) -> None:
        super().__init__(1 if launch.executor == "debug" else MOST_JOBS)
        self._lock = threading.Lock()
        self._build_executor = partial(launch.build_executor, root)
        self._folder = _find_folder(root).parent
        named = "OMP_NUM_THREADS" in os.environ
        self._environment = (
            {} if named else {"OMP_NUM_THREADS": str(launch.cpus), "RAYON_NUM_THREADS": str(launch.cpus)}
        )
        self._batch: _Batch | None = None

    @cached_property
    def _executor(self) -> submitit.Executor:
        # Not before the first job: it makes folders.
        return self._build_executor()

    def submit(self, job: Job) -> SlurmJob:
        """Hand a job over, with those that come at the same moment."""
        handed = self._gather(RemoteJob(job.to_json(), self._environment))
        values = {"job_id": str(handed.job_id), "executor": self._executor.name()}
        save_json(values, job.place.work / names.SUBMITTED)
        return SlurmJob(handed)

    def find(self, job: Job) -> SlurmJob | None:
        """Return the job that an earlier command handed over, if SLURM still has it."""
        with self._lock:
            executor = self._executor
        try:
            values = load_json(job.place.work / names.SUBMITTED)
        except (OSError, ValueError):
            return None
        if values.get("executor") != executor.name() or executor.name() == "debug":
            return None
        found = executor.job_class(folder=executor.folder, job_id=values["job_id"])
        return None if found.done(force_check=True) else SlurmJob(found)

    def close(self) -> None:
        """Remove what jobs were handed over as, which ended jobs need no more; another command's stay."""
        for path in self._folder.rglob("*.pkl") if "_executor" in vars(self) else ():
            path.unlink(missing_ok=True)

    def _gather(self, remote: RemoteJob) -> submitit.Job[None]:
        with self._lock:
            is_first = self._batch is None
            batch = self._batch = self._batch or _Batch()
            at = len(batch.remotes)
            batch.remotes.append(remote)
        if is_first:
            time.sleep(GATHER_SECONDS if self.slots > 1 else 0)
            with self._lock:
                self._batch = None
                try:
                    batch.jobs = self._executor.submit_array(batch.remotes)
                except Exception as error:
                    batch.error = error
            batch.is_submitted.set()
        batch.is_submitted.wait()
        if batch.error is not None:
            said = " ".join(str(batch.error).split())
            raise StageError(f"the jobs could not be submitted: {said}") from batch.error
        return batch.jobs[at]


class _Batch:
    """Jobs that go as one array."""

    def __init__(self) -> None:
        self.remotes: list[RemoteJob] = []
        self.jobs: list[Any] = []
        self.error: Exception | None = None
        self.is_submitted = threading.Event()


def _find_folder(root: Path) -> Path:
    return root.absolute() / names.WORK / FOLDER / "%j"


__all__ = ["SlurmJob", "SlurmLaunch", "SlurmLauncher"]
