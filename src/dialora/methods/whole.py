"""Methods without adapters: the model as it is, trained whole, or trained in part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dialora.config.method import LearningRate, Method
from dialora.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

T5_RATES = "transformers' T5 page: 1e-4 and 3e-4 work for almost all problems"


class ZeroShot(Method):
    """The base model as it is, told what to do by the prompt alone."""

    name = "zero_shot"
    label = "Original"
    paper = "https://arxiv.org/abs/2210.11416"
    trains = False

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model unchanged."""
        return model


class Full(Method):
    """Full fine-tuning: every weight of the base model is trained."""

    name = "full"
    label = "Instruct"
    paper = "https://arxiv.org/abs/1910.10683"
    learning_rate_range = (1e-5, 1e-3)
    learning_rate_source = T5_RATES

    learning_rate: LearningRate = 1e-4

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model with every weight trainable."""
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        return model


class Decoder(Method):
    """Fine-tuning of the decoder and the output head; the encoder and the embedding stay as they are."""

    name = "decoder"
    label = "Decoder only"
    paper = "https://arxiv.org/abs/1911.03090"
    learning_rate_range = (1e-5, 1e-3)
    learning_rate_source = f"as full fine-tuning ({T5_RATES})"

    learning_rate: LearningRate = 1e-4

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model with only the decoder's weights trainable."""
        return _train_only(model, [*model.decoder.parameters(), *model.lm_head.parameters()])


class LastLayers(Method):
    """Fine-tuning of the decoder's last layers and its final norm; all below and the output head stay as they are."""

    name = "last_layers"
    label = "Last layers"
    paper = "https://arxiv.org/abs/1911.03090"
    learning_rate_range = (1e-5, 1e-3)
    learning_rate_source = f"as full fine-tuning ({T5_RATES})"

    learning_rate: LearningRate = 1e-4
    num_layers: Annotated[int, Field(ge=1, description="how many of the decoder's blocks")] = 2

    def apply(self, model: PreTrainedModel, *, key: str) -> nn.Module:
        """Return the model with only the decoder's last blocks trainable."""
        blocks = model.decoder.block
        if self.num_layers > len(blocks):
            raise ConfigError(f"methods.{key}.num_layers: {self.num_layers} is more than the decoder's {len(blocks)}.")
        last = [p for block in blocks[-self.num_layers :] for p in block.parameters()]
        return _train_only(model, [*last, *model.decoder.final_layer_norm.parameters()])


def _train_only(model: PreTrainedModel, parameters: Iterable[nn.Parameter]) -> PreTrainedModel:
    """Let only these weights require a gradient; never the embedding, which the encoder shares."""
    model.requires_grad_(False)
    for parameter in parameters:
        if parameter is not model.shared.weight:
            parameter.requires_grad_(True)
    return model


__all__ = ["Decoder", "Full", "LastLayers", "ZeroShot"]
