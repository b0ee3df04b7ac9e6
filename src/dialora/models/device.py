"""Where and in what precision this machine computes: found out without torch where it has no GPU."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.config import TrainingConfig
from dialora.errors import TrainingError

if TYPE_CHECKING:
    import torch

GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""One of these is there where torch may see a GPU under Linux: NVIDIA, ROCm, WSL."""
ROCM_WITHOUT_BF16 = ("gfx8", "gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c", "gfx10")
"""How AMD's architectures without instructions for bf16 begin: all before CDNA (gfx908) and RDNA 3 (gfx11)."""
PROCESSOR = Path("/proc/cpuinfo")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_tile"})
"""Processors with one of these multiply bf16 natively, as torch judges it."""


def identify_device(training: TrainingConfig) -> dict[str, str]:
    """Return the device and precision that this configuration trains with here, as far as results depend on them.

    What `auto` stands for on this machine, so that neither another machine's results are taken for this one's nor the
    same ones made twice. A named device need not be here: finished results are read anywhere.
    """
    device = training.device
    if device == "auto":
        device = "cuda" if _sees_gpu() else "cpu"
    return {"device": device, "precision": _choose_precision(training.precision, is_cuda=device == "cuda")}


def resolve_precision(training: TrainingConfig) -> str:
    """Return `bf16` or `fp32`; `auto` takes bf16 where the processor multiplies it natively."""
    return _choose_precision(training.precision, is_cuda=uses_cuda(training))


def uses_cuda(training: TrainingConfig) -> bool:
    """Whether this configuration runs on a GPU of this machine. Raises TrainingError when it asks for a missing one."""
    if training.device == "cuda" and not _sees_gpu():
        raise TrainingError("training.device: cuda was asked for, but torch sees no GPU; use auto or cpu.")
    return training.device != "cpu" and _sees_gpu()


def find_device(training: TrainingConfig) -> torch.device:
    """Return where this configuration computes. Raises TrainingError when it asks for a missing GPU."""
    import torch

    return torch.device("cuda" if uses_cuda(training) else "cpu")


def _choose_precision(precision: str, *, is_cuda: bool) -> str:
    if precision != "auto":
        return precision
    return "bf16" if (_gpu_has_bf16() if is_cuda else _processor_has_bf16()) else "fp32"


@lru_cache
def _sees_gpu() -> bool:
    if sys.platform == "linux" and not any(Path(device).exists() for device in GPU_DEVICES):
        return False
    import torch

    return torch.cuda.is_available()


@lru_cache
def _gpu_has_bf16() -> bool:
    """Whether the GPU multiplies bf16 itself: older ones emulate it, slower than fp32. One that is not here has it."""
    if not _sees_gpu():
        return True
    import torch

    if torch.version.hip:  # of which torch says that all can
        return not torch.cuda.get_device_properties().gcnArchName.startswith(ROCM_WITHOUT_BF16)
    return torch.cuda.is_bf16_supported(including_emulation=False)


@lru_cache
def _processor_has_bf16() -> bool:
    if PROCESSOR.is_file():
        lines = PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
        flags = next((line for line in lines if line.startswith("flags")), "")
        return not BF16_FLAGS.isdisjoint(flags.split())
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


__all__ = ["find_device", "identify_device", "resolve_precision", "uses_cuda"]
