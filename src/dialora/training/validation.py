"""The validation split in batches, and the loss on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import nn

from dialora.data.tokens import IGNORED_LABEL, Collator, TrainingPair, fill_batches
from dialora.methods import Method
from dialora.training.distributed import ALONE, Group

BATCH_TOKENS = 16_384
"""Padded tokens per batch; less where training's batches are smaller, since memory is measured."""


class Validation:
    """The pairs of the validation split by length, in batches none of which is larger than training's largest."""

    def __init__(self, pairs: Sequence[TrainingPair], collator: Collator, *, max_tokens: int) -> None:
        lengths = collator.measure(pairs)
        order = sorted(range(len(pairs)), key=lambda i: lengths[i])
        batches = fill_batches([(i, *lengths[i]) for i in order], min(BATCH_TOKENS, max_tokens))
        self.collator, self.batches = collator, [[pairs[i] for i in batch] for batch in batches]

    def measure_loss(self, model: Any, method: Method, accelerator: Accelerator, group: Group = ALONE) -> float:
        """Return the mean loss over all target tokens, whatever batch they are in and whichever process reads it."""
        total, num_tokens = torch.zeros((), dtype=torch.float64), 0
        model.eval()
        with torch.no_grad(), method.validating(model):
            for batch, is_own in group.turns(self.batches):
                inputs = send_to_device(self.collator.collate_pairs(batch), accelerator.device)
                tokens = int((inputs["labels"] != IGNORED_LABEL).sum())
                loss = compute_loss(model, inputs, accelerator).double().cpu() * tokens
                if is_own:
                    total += loss
                    num_tokens += tokens
        return float(group.sum(total) / group.sum(torch.tensor(num_tokens)))


def compute_loss(model: nn.Module, inputs: dict[str, Any], accelerator: Accelerator) -> torch.Tensor:
    """Return the mean loss per target token of one batch, in fp32, computed in the run's precision."""
    with accelerator.autocast():
        loss: torch.Tensor = model(**inputs).loss
    return loss.float()


__all__ = ["Validation", "compute_loss"]
