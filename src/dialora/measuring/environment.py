"""Versions and hardware, as they are where the work is done."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

GPU_CHOICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""Variables that say which GPUs a process sees; two of them that differ may leave none."""
SHARED_BY = "DIALORA_WORKERS"
"""In a worker's environment: how many there are on its machine, where it is not the only one."""
CORES = "DIALORA_CORES"
"""In a worker's environment: the cores that are its own, as numbers with commas between them."""
TOPOLOGY = Path("/sys/devices/system/cpu")


def describe_environment() -> dict[str, str]:
    """Return versions and hardware, as they are where the work is done."""
    import importlib.util
    import platform
    from importlib.metadata import version

    import torch

    names = ("dialora", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy")
    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    found |= {name: version(name) for name in names}
    if importlib.util.find_spec("ctranslate2") is not None:
        found["ctranslate2"] = version("ctranslate2")
    found["processor"] = _processor_name()
    found["threads"] = str(torch.get_num_threads())
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    # Beside others everything takes longer: costs measured so are not compared with those measured alone.
    if workers := os.environ.get(SHARED_BY):
        found["workers"] = workers
    return found


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def split_cores(parts: int) -> list[list[int]]:
    """Return the cores of each of so many equal parts of those that this process may use.

    Those of one processor, and the threads of one core, stay together. Nothing is split where processes cannot be bound
    to cores, or where there are fewer cores than parts.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0), key=_locate_core)
    size, rest = divmod(len(cores), parts)
    if not size:
        return []
    starts = [part * size + min(part, rest) for part in range(parts + 1)]
    return [sorted(cores[start:end]) for start, end in pairwise(starts)]


def keep_to_cores() -> None:
    """Bind this process to the cores that its environment names, if it names any."""
    named = os.environ.get(CORES, "")
    # One that was taken away since, or a system that binds nothing: it then computes where it may.
    with suppress(AttributeError, OSError, OverflowError, ValueError):
        if named:
            os.sched_setaffinity(0, [int(core) for core in named.split(",")])


def _locate_core(core: int) -> tuple[int, ...]:
    """Return where a core lies: its processor, the core that it is a thread of, its number."""
    try:
        found = [
            int((TOPOLOGY / f"cpu{core}" / "topology" / name).read_text(encoding="ascii"))
            for name in ("physical_package_id", "core_id")
        ]
    except (OSError, ValueError):
        found = [0, core]
    return (*found, core)


def _processor_name() -> str:
    import platform

    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


__all__ = ["CORES", "GPU_CHOICES", "SHARED_BY", "count_cores", "describe_environment", "keep_to_cores", "split_cores"]
