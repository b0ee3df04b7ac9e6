"""`lean(model)` for the time of a run, everything put back behind it.

What it leaves out changes nothing but rounding (tests/training/test_lean.py and test_lean_causal.py compare
trajectories). Frozen matrices are kept in bf16 where the products are in bf16 anyway, half the memory and no cast at
every use. On a CPU, where random numbers were a quarter of a step, dropout draws bytes. The rest goes by the classes
of a model's modules: a model of which none is known trains as transformers has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from dialora.store import names
from dialora.training.lean import causal, t5
from dialora.training.lean.frozen import frozen_in_bf16
from dialora.training.lean.kernels import ByteDropout


@contextmanager
def lean(model: nn.Module, *, precision: str, work: Path | None) -> Iterator[None]:
    """Let `model` train with less work for the time of the block; it leaves as it came, but for what was trained.

    Frozen weights that bf16 cannot hold lie in `work` meanwhile; without one they stay rounded.
    """
    on_cpu = next(model.parameters()).device.type == "cpu"
    kinds = {type(module) for module in model.modules()}
    is_t5, is_causal = bool(kinds & t5.SWAPS.keys()), bool(kinds & causal.SWAPS.keys())
    swaps = t5.SWAPS | causal.SWAPS
    if on_cpu:
        swaps |= {nn.Dropout: ByteDropout} | causal.CPU_SWAPS
        if is_causal and hasattr(model, "peft_config"):
            from dialora.training.lean import lora

            swaps |= lora.SWAPS
    with ExitStack() as stack:
        if precision == "bf16":
            stack.enter_context(frozen_in_bf16(model, work and work / names.FROZEN_WEIGHTS))
            stack.enter_context(_uncast_adapters(model))
        stack.enter_context(_leaner_modules(model, swaps))
        stack.enter_context(t5.fused_gelu(model))
        if on_cpu and is_t5:
            stack.enter_context(t5.byte_attention(model))
        yield


@contextmanager
def _leaner_modules(model: nn.Module, swaps: Mapping[type, type]) -> Iterator[None]:
    """Give modules their leaner forward: the same object with the same weights, of another class."""
    changed = [(module, type(module)) for module in model.modules() if type(module) in swaps]
    for module, kind in changed:
        module.__class__ = swaps[kind]
    try:
        yield
    finally:
        for module, kind in changed:
            module.__class__ = kind


@contextmanager
def _uncast_adapters(model: nn.Module) -> Iterator[None]:
    """Keep PEFT's layers from casting their input up to the adapter's fp32, which autocast takes back."""
    layers: list[Any] = [m for m in model.modules() if getattr(m, "cast_input_dtype_enabled", False)]
    for layer in layers:
        layer.cast_input_dtype_enabled = False
    try:
        yield
    finally:
        for layer in layers:
            layer.cast_input_dtype_enabled = True


__all__ = ["lean"]
