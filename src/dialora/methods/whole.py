"""Methods without adapters: the model as it is, trained whole, or trained in part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dialora.config.method import LearningRate, Method
from dialora.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts

T5_RATES = "transformers' T5 page: 1e-4 and 3e-4 work for almost all problems"


class ZeroShot(Method):
    """The base model as it is, told what to do by the prompt alone."""

    name = "zero_shot"
    label = "Original"
    paper = "https://arxiv.org/abs/2210.11416"
    trains = False

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
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

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model with every weight trainable."""
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        return _keep_computed(model, base)


class Decoder(Method):
    """Fine-tuning of the decoder and the output head; the encoder and the embedding stay as they are."""

    name = "decoder"
    label = "Decoder only"
    paper = "https://arxiv.org/abs/1911.03090"
    learning_rate_range = (1e-5, 1e-3)
    learning_rate_source = f"as full fine-tuning ({T5_RATES})"

    learning_rate: LearningRate = 1e-4

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model with only the decoder's weights trainable."""
        return _train_only(model, base, [p for name in base.decoder for p in model.get_submodule(name).parameters()])


class LastLayers(Method):
    """Fine-tuning of the decoder's last layers and its final norm; all below and the output head stay as they are."""

    name = "last_layers"
    label = "Last layers"
    paper = "https://arxiv.org/abs/1911.03090"
    learning_rate_range = (1e-5, 1e-3)
    learning_rate_source = f"as full fine-tuning ({T5_RATES})"

    learning_rate: LearningRate = 1e-4
    num_layers: Annotated[int, Field(ge=1, description="how many of the decoder's blocks")] = 2

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model with only the decoder's last blocks trainable."""
        blocks: Any = model.get_submodule(base.blocks)
        if self.num_layers > len(blocks):
            raise ConfigError(f"methods.{key}.num_layers: {self.num_layers} is more than the decoder's {len(blocks)}.")
        norm = [] if base.final_norm is None else list(model.get_submodule(base.final_norm).parameters())
        last = [p for block in blocks[-self.num_layers :] for p in block.parameters()]
        return _train_only(model, base, [*last, *norm])


def _keep_computed(model: PreTrainedModel, base: BaseParts) -> PreTrainedModel:
    """Let what is computed stay as it is."""
    for name in base.computed:
        model.get_submodule(name).requires_grad_(False)
    return model


def _train_only(model: PreTrainedModel, base: BaseParts, parameters: Iterable[nn.Parameter]) -> PreTrainedModel:
    """Let only these weights require a gradient; never the embedding, which the source is read with."""
    model.requires_grad_(False)
    embedding = model.get_input_embeddings().weight
    for parameter in parameters:
        if parameter is not embedding:
            parameter.requires_grad_(True)
    return _keep_computed(model, base)


__all__ = ["Decoder", "Full", "LastLayers", "ZeroShot"]
