"""The optimizer and the learning rate's schedule of a run."""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import nn

from dialora.config import TrainingConfig
from dialora.methods import Method

WITHOUT_DECAY = re.compile(r"bias|layernorm|rmsnorm|(?:^|[._])norm(?:$|\.)")
"""Weights by whose names decay is left out, as transformers' Trainer leaves it out: biases and norms."""


def build_optimizer(
    model: nn.Module, method: Method, training: TrainingConfig, *, learning_rate: float
) -> torch.optim.Optimizer:
    """Return the method's own optimizer, or AdamW over every weight that requires a gradient."""
    own = method.build_optimizer(model, learning_rate=learning_rate, weight_decay=training.weight_decay)
    if own is not None:
        return own
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [p for name, p in trained if bool(WITHOUT_DECAY.search(name.lower())) != decays],
            "weight_decay": training.weight_decay if decays else 0.0,
        }
        for decays in (True, False)
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=True)


def build_scheduler(optimizer: torch.optim.Optimizer, training: TrainingConfig, *, num_steps: int) -> Any:
    """Return the learning rate's schedule over `num_steps` optimizer steps."""
    from transformers import get_scheduler

    return get_scheduler(
        training.lr_scheduler_type,
        optimizer,
        num_warmup_steps=math.ceil(num_steps * training.warmup_ratio),
        num_training_steps=num_steps,
    )


__all__ = ["build_optimizer", "build_scheduler"]
