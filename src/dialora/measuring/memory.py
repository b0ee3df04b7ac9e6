"""The most memory a process has held since its peak was last reset: the one place that resets and reads it.

On a GPU what torch has allocated there; else the resident set: what lies in memory now is in it, libraries and weights
included, what was let go of before the reset is not.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""What the kernel takes for: let the peak be what is resident now (proc(5))."""


def reset_peak_memory() -> bool:
    """Let the peak be what is held now; return whether this system can. What nobody needs is given back first."""
    gc.collect()
    if on_gpu := _is_on_gpu():
        torch.cuda.reset_peak_memory_stats()
    # glibc keeps freed blocks for the next step, and so what loading freed; another C library knows no such call.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR.write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return on_gpu
    return True


def measure_peak_memory() -> int:
    """Return the most memory this process has held since the reset, in bytes: allocated on the GPU, else resident."""
    if _is_on_gpu():
        return torch.cuda.max_memory_allocated()
    if STATUS.is_file():
        # Not getrusage: a child process starts with its parent's peak there.
        lines = STATUS.read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _is_on_gpu() -> bool:
    """Whether this process computes on a GPU: torch has taken memory there, and not only asked what it can do."""
    return torch.cuda.is_initialized() and torch.cuda.max_memory_allocated() > 0  # type: ignore[no-untyped-call]


__all__ = ["measure_peak_memory", "reset_peak_memory"]
