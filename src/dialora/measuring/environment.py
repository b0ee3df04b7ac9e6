"""Versions and hardware, as they are where the work is done."""

from __future__ import annotations

import os
from pathlib import Path

GPU_CHOICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""Variables that say which GPUs a process sees; two of them that differ may leave none."""
SHARED_BY = "DIALORA_WORKERS"
"""In a worker's environment: how many there are on its machine, where it is not the only one."""


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


def _processor_name() -> str:
    import platform

    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


__all__ = ["GPU_CHOICES", "SHARED_BY", "count_cores", "describe_environment"]
