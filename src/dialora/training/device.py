"""Where and in what precision a run computes, and how much memory it took."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

from dialora.config import TrainingConfig
from dialora.errors import TrainingError


def resolve_precision(training: TrainingConfig) -> str:
    """Return `bf16` or `fp32`; `auto` takes bf16 where the processor multiplies it natively."""
    if training.precision != "auto":
        return training.precision
    if uses_cuda(training):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "fp32"


def uses_cuda(training: TrainingConfig) -> bool:
    """Whether this configuration runs on a GPU of this machine. Raises TrainingError when it asks for a missing one."""
    if training.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("training.device: cuda was asked for, but torch sees no GPU; use auto or cpu.")
    return training.device != "cpu" and torch.cuda.is_available()


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


__all__ = ["measure_peak_memory", "resolve_precision", "uses_cuda"]
