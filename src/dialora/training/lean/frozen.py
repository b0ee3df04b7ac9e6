"""Frozen matrices in bf16 while a model trains: half the memory, and no cast at every use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn


@contextmanager
def frozen_in_bf16(model: nn.Module, spill: Path | None) -> Iterator[None]:
    """Keep the frozen matrices in bf16 for the time of the block.

    Autocast would round them the same way at every use. A checkpoint that is in bf16 on disk comes back by itself;
    what does not is spilled to a file, not to memory, since memory is what PEFT is to save. Without a file it stays
    rounded.
    """
    frozen = list_frozen_matrices(model)
    lossy = {
        str(i): p.data for i, p in enumerate(frozen) if not torch.equal(p.data.to(torch.bfloat16).to(p.dtype), p.data)
    }
    if spill is None:
        lossy = {}
    elif lossy:
        spill.parent.mkdir(parents=True, exist_ok=True)
        save_file(lossy, spill)
    kinds = [p.dtype for p in frozen]
    lost = set(lossy)
    del lossy
    for parameter in frozen:
        parameter.data = parameter.data.to(torch.bfloat16)
    try:
        yield
    finally:
        exact = load_file(spill) if spill and lost else {}
        for i, (parameter, kind) in enumerate(zip(frozen, kinds, strict=True)):
            # A file is read into main memory; one matrix at a time goes to where the model is.
            parameter.data = exact.pop(str(i)).to(parameter.device) if str(i) in lost else parameter.data.to(kind)
        if spill is not None:
            spill.unlink(missing_ok=True)


def list_frozen_matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the frozen fp32 weights that nothing but a linear layer reads."""
    linear: dict[int, Any] = {id(m.weight): m.weight for m in model.modules() if type(m) is nn.Linear}
    elsewhere = {id(p) for m in model.modules() if type(m) is not nn.Linear for p in m.parameters(recurse=False)}
    return [p for i, p in linear.items() if i not in elsewhere and not p.requires_grad and p.dtype == torch.float32]


__all__ = ["frozen_in_bf16", "list_frozen_matrices"]
