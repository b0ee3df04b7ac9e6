"""Launch: where an experiment's jobs are done, and how many at once; never what they give.

An engine is a class in `experiment/launchers/`, found by the name in `launch.engine`; its options are the file's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dialora.config.section import Section

LAUNCH_ENGINES: dict[str, type[Launch]] = {}


class Launch(Section):
    """Where jobs are done."""

    if TYPE_CHECKING:
        engine: str
        """Its own name: a field of each class, with that name as its one value."""
    workers: Annotated[int, Field(ge=1, le=1_000, description="jobs at once; `local` shares out cores and GPUs")] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Enter a class that says its engine in LAUNCH_ENGINES."""
        super().__pydantic_init_subclass__(**kwargs)
        if "engine" in cls.model_fields:
            LAUNCH_ENGINES[cls.model_fields["engine"].default] = cls

    def require(self) -> None:
        """Check what can be known before any job: that the engine is installed, and there. Raises ConfigError."""

    def require_room(self, num_processes: int) -> None:
        """Raise ValueError where jobs are not given what a training in so many processes takes, or more."""

    def open(self, root: Path) -> Any:
        """Return the `experiment.launchers.Launcher` for the jobs of an experiment's folder; it writes nothing before
        the first of them. Raises ConfigError."""
        raise NotImplementedError

    def describe(self, root: Path, num_jobs: int) -> str:
        """Say how so many jobs for an experiment's folder would be done: what `--dry-run` shows."""
        raise NotImplementedError


def require_devices(num_processes: int, *, cpus: float, gpus: float) -> None:
    """Raise ValueError where a job that asks for these has not one for each process, or GPUs that none uses."""
    size = f"training.num_processes is {num_processes}, and each "
    if gpus > num_processes or (num_processes > 1 and 0 < gpus < num_processes):
        raise ValueError(f"launch.gpus: {gpus:g} for each job, but {size}takes one; set it to {num_processes}")
    if num_processes > 1 and not gpus and cpus < num_processes:
        raise ValueError(f"launch.cpus: {cpus:g} for each job, but {size}takes one; set it to {num_processes} or more")


__all__ = ["LAUNCH_ENGINES", "Launch", "require_devices"]
