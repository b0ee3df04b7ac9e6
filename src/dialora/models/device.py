"""Where and in what precision this machine computes."""

from __future__ import annotations

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


def find_device(training: TrainingConfig) -> torch.device:
    """Return where this configuration computes. Raises TrainingError when it asks for a missing GPU."""
    return torch.device("cuda" if uses_cuda(training) else "cpu")


__all__ = ["find_device", "resolve_precision", "uses_cuda"]
