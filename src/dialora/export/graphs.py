"""The two parts of an encoder-decoder that become graphs, with tensors alone going in and out.

Shapes: B batch, S source tokens, T tokens so far, H heads, D size of a head, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from dialora.generation.onnx_engine import flatten


class Encoder(nn.Module):
    """A source, (B, S), to the keys and values of each layer's attention to it, (B, H, S, D)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Return key and value, layer after layer."""
        encoded = self.model.get_encoder()(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        # Of a first step only what it keeps of the source is asked for, so nothing else of it is left in the graph.
        found = self.model(
            encoder_outputs=BaseModelOutput(encoded),
            attention_mask=attention_mask,
            decoder_input_ids=torch.zeros_like(input_ids[:, :1]),
            use_cache=True,
        )
        return tuple(flatten(found.past_key_values.cross_attention_cache))


class DecoderStep(nn.Module):
    """One token, (B, 1), and what is kept to the next token's logits, (B, 1, V), and all that is to be kept."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, cross: Sequence[Tensor], past: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Return logits, then key and value, layer after layer."""
        cache = EncoderDecoderCache(_fill(past), _fill(cross))
        for layer in range(len(cross) // 2):
            cache.is_updated[layer] = True
        # The encoder's states have been used up; only how many rows there are is looked at.
        states = torch.zeros(input_ids.shape[0], 1, 1)
        found = self.model(
            encoder_outputs=BaseModelOutput(states),
            attention_mask=attention_mask,
            decoder_input_ids=input_ids,
            past_key_values=cache,
            use_cache=True,
        )
        return (found.logits, *flatten(found.past_key_values.self_attention_cache))


def _fill(tensors: Sequence[Tensor]) -> DynamicCache:
    return DynamicCache(list(zip(tensors[::2], tensors[1::2], strict=True)))


__all__ = ["DecoderStep", "Encoder"]
