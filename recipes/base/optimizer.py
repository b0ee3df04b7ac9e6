"""The optimisers of the recipe and their state on disk.

T5's attention is unscaled, so `q` starts sqrt(d_kv) smaller than the other matrices; Muon's updates are of
one size for every matrix and drown it (the model never learned to look at the source). So `q` and `k` get
AdamW at a small rate, the other matrices Muon, everything that is no matrix product AdamW at a large one.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

MUON_RATE = 0.01
QUERY_KEY_RATE = 5e-4
ADAM_RATE = 3e-3  # embedding, norms, relative position bias
OUTPUT_RATE = 1e-3  # lm_head: it starts 16 times smaller than the embedding
COOLDOWN = 0.25  # the rate falls from here to the end, linearly
WARMUP_STEPS = 60


def build_optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Return [Muon, AdamW] over the trainable parameters of a T5."""
    muon, query_key, output, rest = [], [], [], []
    for name, parameter in model.named_parameters():
        if name.endswith((".q.weight", ".k.weight")):
            query_key.append(parameter)
        elif name.startswith("lm_head"):
            output.append(parameter)
        elif parameter.ndim == 2 and "shared" not in name and "relative" not in name:
            muon.append(parameter)
        else:
            rest.append(parameter)
    groups = [
        {"params": query_key, "lr": QUERY_KEY_RATE},
        {"params": output, "lr": OUTPUT_RATE},
        {"params": rest, "lr": ADAM_RATE},
    ]
    optimizers = [
        torch.optim.Muon(muon, lr=MUON_RATE, weight_decay=0.0, momentum=0.95),
        torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def rate_factor(progress: float, step: int) -> float:
    """Return the share of the peak rate at `progress` (0 to 1) of the budget."""
    cool = 1.0 if progress < COOLDOWN else max(0.02, (1 - progress) / (1 - COOLDOWN))
    return min(1.0, (step + 1) / WARMUP_STEPS) * cool


def set_rates(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Set every group to `factor` times its peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor


def save_state(model: nn.Module, optimizers: list[torch.optim.Optimizer], path: Path, notes: dict[str, str]) -> None:
    """Write weights, optimiser state and `notes` to one safetensors file, whole or not at all."""
    tensors = {f"model/{name}": p.detach().contiguous() for name, p in model.named_parameters()}
    for number, optimizer in enumerate(optimizers):
        for index, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{index}/{key}": value.contiguous() for key, value in entry.items()}
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata=notes)
    part.replace(path)


def load_state(model: nn.Module, optimizers: list[torch.optim.Optimizer], path: Path) -> None:
    """Restore what `save_state` wrote."""
    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"model/{name}"])
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimizer/{number}/"):
                _, _, index, entry = key.split("/")
                state.setdefault(int(index), {})[entry] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
