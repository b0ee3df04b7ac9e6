"""A toy: only the output head is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialora.config.method import LearningRate, Method

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


class Head(Method):
    """A toy: only the output head is trained."""

    name = "head"
    label = "Head only"
    paper = "https://arxiv.org/abs/1911.03090"
    learning_rate_range = (1e-5, 1e-3)
    learning_rate_source = "as full fine-tuning"

    learning_rate: LearningRate = 1e-4

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model with nothing but its head trainable."""
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        model.lm_head.weight.requires_grad_(True)
        return model


__all__ = ["Head"]
