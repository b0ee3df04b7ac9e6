"""Ray (`pip install "dialora[ray]"`): jobs as tasks on a cluster whose nodes see the experiment's folder.

A task whose node or process dies is done again elsewhere, from its last checkpoint; when the driver dies its tasks
end, and the same command goes on.
"""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dialora.config.launch import Launch, require_devices
from dialora.errors import ConfigError
from dialora.experiment.job import Job
from dialora.experiment.launchers.remote import Remote, RemoteJob, RemoteLauncher
from dialora.measuring.environment import SHARED_BY, count_cores
from dialora.records import Observer

AUTO, HERE = "auto", "local"
KNOCK_SECONDS = 10


class RayLaunch(Launch):
    """Jobs as tasks of a Ray cluster."""

    engine: Literal["ray"] = "ray"
    workers: Annotated[
        int, Field(ge=1, le=1_000, description="tasks at once; the cluster's resources limit them too")
    ] = 64
    address: Annotated[
        str, Field(min_length=1, description="of the cluster; auto: the one that runs here, local: one of this machine")
    ] = "auto"
    cpus: Annotated[float, Field(gt=0, le=1_024, description="cores of each task, its resource CPU")] = 1
    gpus: Annotated[
        float,
        Field(ge=0, le=64, description="of each task: one for each process; a share lets tasks have one together"),
    ] = 0
    memory_gb: Annotated[float | None, Field(gt=0, le=100_000, description="of each task")] = None
    resources: Annotated[
        dict[str, float], Field(description="further resources of each task, as the cluster names them")
    ] = {}  # noqa: RUF012 - never changed
    placement: Annotated[Literal["pack", "spread"], Field(description="fill a node, or go round all of them")] = "pack"
    retries: Annotated[int, Field(ge=0, le=1_000, description="of a task whose node or process dies")] = 20

    def require(self) -> None:
        """Look that Ray is installed. Raises ConfigError."""
        if importlib.util.find_spec("ray") is None:
            raise ConfigError('launch.engine: ray needs Ray; pip install "dialora[ray]".')

    def require_room(self, num_processes: int) -> None:
        """Raise ValueError where a job does not ask for a core or GPU for each process."""
        require_devices(num_processes, cpus=self.cpus, gpus=self.gpus)

    def open(self, root: Path) -> RayLauncher:
        """Return the launcher. Raises ConfigError where no cluster is."""
        return RayLauncher(self)

    def describe(self, root: Path, num_jobs: int) -> str:
        """Say what each task would ask the cluster for."""
        asked = {"CPU": self.cpus, "GPU": self.gpus} | ({"memory": f"{self.memory_gb:g} GB"} if self.memory_gb else {})
        named = ", ".join(f"{name} {value}" for name, value in (asked | self.resources).items())
        return (
            f"cluster {self.address}; each task: {named}; placement {self.placement}; up to {self.retries} retries "
            f"when its node or process dies"
        )

    def list_options(self) -> dict[str, Any]:
        """Return the options of a task."""
        memory = {} if self.memory_gb is None else {"memory": int(self.memory_gb * 10**9)}
        return memory | {
            "num_cpus": self.cpus,
            "num_gpus": self.gpus,
            "resources": dict(self.resources) or None,
            "max_retries": self.retries,
            "scheduling_strategy": "SPREAD" if self.placement == "spread" else "DEFAULT",
        }


class RayTask(Remote):
    """A task that the cluster has."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def is_there(self) -> bool:
        """Whether it waits, is under way or will be tried again."""
        import ray

        return not ray.wait([self._reference], timeout=0)[0]

    def describe(self) -> str:
        """Say what Ray knows of it."""
        import ray

        try:
            ray.get(self._reference, timeout=1)
        except Exception as error:
            return " ".join(str(error).split())[:300]
        return "its task is done"

    def let_go(self) -> None:
        """Leave it to the cluster."""

    def cancel(self) -> None:
        """End it at once."""
        import ray

        with suppress(Exception):  # a task that has ended, or a cluster that is gone
            ray.cancel(self._reference, force=True)


class RayLauncher(RemoteLauncher):
    """Hands jobs to a Ray cluster."""

    def __init__(self, launch: RayLaunch) -> None:
        super().__init__(launch.workers)
        self._options, self._cpus = launch.list_options(), launch.cpus
        self._was_there = _connect(launch)
        # Ray itself would wait for ever, and say nothing.
        self._lack = _describe_lack(self._options)
        if self._lack and launch.address == HERE:
            self.close()
            raise ConfigError(f"launch: {self._lack}; lower what each task asks for.")

    def do(self, job: Job, observer: Observer) -> None:
        """Hand a job over and follow it; say once where no node could do it now."""
        lack, self._lack = self._lack, ""
        if lack:
            observer({"event": "warning", "message": f"launch: {lack}; jobs wait until one comes that has."})
        super().do(job, observer)

    def submit(self, job: Job) -> RayTask:
        """Hand a job over as a task."""
        import ray

        threads = str(max(1, int(self._cpus)))
        named = "OMP_NUM_THREADS" in os.environ
        environment = {} if named else {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
        task = ray.remote(_do).options(name=job.place.name, **self._options)
        return RayTask(task.remote(RemoteJob(job.to_json(), environment), self._cpus))

    def close(self) -> None:
        """Leave the cluster, or end the one that was started."""
        import ray

        if not self._was_there:
            ray.shutdown()


def _do(job: RemoteJob, cpus: float) -> None:
    """Do a job on the node that this is called on."""
    if (beside := int(count_cores() / cpus)) > 1:
        job.environment[SHARED_BY] = str(beside)
    job()


def _connect(launch: RayLaunch) -> bool:
    """Join the cluster; return whether this process had done so before. Raises ConfigError where there is none."""
    import ray

    if ray.is_initialized():
        return True
    named = os.environ.get("RAY_ADDRESS", AUTO) if launch.address == AUTO else launch.address
    # What a job prints goes to its own log, and its events come back by its folder.
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if launch.address == HERE:
        options |= {"include_dashboard": False}
    else:
        options |= {"address": launch.address}
    try:
        if named not in (AUTO, HERE):
            _knock(named)
        ray.init(**options)
    except (OSError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"launch.address: no Ray cluster at {named} ({said}); start one (`ray start --head`), or give the address "
            f"of one, or `local`."
        ) from error
    return False


def _describe_lack(options: Mapping[str, Any]) -> str:
    """Say what a task asks for where no node of the cluster has all of it; "" where one has."""
    import ray

    asked = {"CPU": options["num_cpus"], "GPU": options["num_gpus"], "memory": options.get("memory", 0)}
    asked = {name: amount for name, amount in (asked | (options["resources"] or {})).items() if amount}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    if any(all(node.get(name, 0) >= amount for name, amount in asked.items()) for node in nodes):
        return ""
    most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in asked}
    told = ", ".join(f"{name} {amount:g} (the most that one has is {most[name]:g})" for name, amount in asked.items())
    return f"no node of the cluster has what each task asks for, {told}"


def _knock(address: str) -> None:
    """Connect to a port and leave: Ray itself tries for minutes. Raises OSError, or ValueError for what is none."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("an address is host:port")
    socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


__all__ = ["RayLaunch", "RayLauncher", "RayTask"]
