"""The most memory a process has held."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch


def measure_peak_memory() -> int:
    """Return the most memory this process has held, in bytes: allocated on the GPU, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated() > 0:
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: a child process starts with its parent's peak there.
        peak = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


__all__ = ["measure_peak_memory"]
