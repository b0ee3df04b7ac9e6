"""accelerate's part in a run: autocast, clipping and trackers, in one process whatever started it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from accelerate import Accelerator
from accelerate.state import AcceleratorState

OF_LAUNCHERS = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})
LAUNCHER_PREFIXES = ("ACCELERATE_", "PMI_", "OMPI_", "MV2_", "FSDP_")


def build_accelerator(precision: str, work: Path, *, uses_cuda: bool, trackers: Sequence[str]) -> Accelerator:
    """Return an Accelerator of one process in this precision, whose trackers write to `work`."""
    # A process may train twice, and accelerate would keep the first precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    with _no_launcher():
        return Accelerator(
            mixed_precision="bf16" if precision == "bf16" else "no",
            cpu=not uses_cuda,
            log_with=list(trackers) or None,
            project_dir=work,
        )


@contextmanager
def _no_launcher() -> Iterator[None]:
    """Keep from accelerate what a launcher (torchrun, srun, mpirun, `accelerate launch`) has left in the environment.

    It would wait for other ranks, or scale gradients.
    """
    left = {k: value for k, value in os.environ.items() if k in OF_LAUNCHERS or k.startswith(LAUNCHER_PREFIXES)}
    for name in left:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(left)


__all__ = ["build_accelerator"]
