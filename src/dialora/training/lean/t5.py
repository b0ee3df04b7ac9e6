"""T5's modules with less work: SWAPS, and attention for the time of a run.

Activations are cast once and not by each of the three or four matrices that read them; the loss looks at label
positions alone and never holds all logits; on a CPU attention stays in bf16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, T5ForConditionalGeneration
from transformers.activations import NewGELUActivation
from transformers.masking_utils import AttentionMaskInterface, eager_mask
from transformers.modeling_outputs import Seq2SeqLMOutput
from transformers.models.t5.modeling_t5 import T5DenseActDense, T5DenseGatedActDense, T5LayerNorm

from dialora.data.tokens import IGNORED_LABEL
from dialora.training.lean.kernels import Attention, find_dtype, normalize, sum_cross_entropy

ATTENTION = "dialora"


class _LeanT5(T5ForConditionalGeneration):  # type: ignore[misc]
    lm_head: nn.Module

    def forward(self, labels: Tensor | None = None, **inputs: Any) -> Any:
        """Return the loss alone where there are labels; the mean over label positions as ever."""
        # A head that a method has wrapped has a forward of its own to be heard.
        if labels is None or type(self.lm_head) is not nn.Linear or self.lm_head.bias is not None:
            return super().forward(labels=labels, **inputs)
        if inputs.get("decoder_input_ids") is None and inputs.get("decoder_inputs_embeds") is None:
            inputs["decoder_input_ids"] = self._shift_right(labels)
        head = self.lm_head
        self.lm_head = _AsItIs()
        try:
            hidden = super().forward(**inputs, use_cache=False).logits  # (B, T, M)
        finally:
            self.lm_head = head
        at = labels != IGNORED_LABEL
        return Seq2SeqLMOutput(loss=sum_cross_entropy(hidden[at], head.weight, labels[at]) / at.sum())


class _AsItIs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class _LeanNorm(T5LayerNorm):  # type: ignore[misc]
    def forward(self, hidden_states: Tensor) -> Tensor:
        """Normalize in the input's precision; give what the matrices behind it read."""
        return normalize(hidden_states, self.weight, self.variance_epsilon, dtype=find_dtype(hidden_states))


class _LeanGatedFeedForward(T5DenseGatedActDense):  # type: ignore[misc]
    def forward(self, hidden_states: Tensor) -> Tensor:
        """Leave out the cast to `wo`'s precision, which autocast takes back."""
        return self.wo(self.dropout(self.act(self.wi_0(hidden_states)) * self.wi_1(hidden_states)))


class _LeanFeedForward(T5DenseActDense):  # type: ignore[misc]
    def forward(self, hidden_states: Tensor) -> Tensor:
        return self.wo(self.dropout(self.act(self.wi(hidden_states))))


SWAPS: dict[type, type] = {
    T5ForConditionalGeneration: _LeanT5,
    T5LayerNorm: _LeanNorm,
    T5DenseGatedActDense: _LeanGatedFeedForward,
    T5DenseActDense: _LeanFeedForward,
}


@contextmanager
def fused_gelu(model: nn.Module) -> Iterator[None]:
    """Let feed-forward layers take GELU in one piece."""
    gelus: list[Any] = [m for m in model.modules() if type(getattr(m, "act", None)) is NewGELUActivation]
    plain = [module.act for module in gelus]
    for module in gelus:
        module.act = nn.GELU(approximate="tanh")
    try:
        yield
    finally:
        for module, act in zip(gelus, plain, strict=True):
            module.act = act


@contextmanager
def byte_attention(model: nn.Module) -> Iterator[None]:
    """Let the model attend with `kernels.Attention`."""
    attention = Attention()
    AttentionInterface.register(ATTENTION, attention)
    AttentionMaskInterface.register(ATTENTION, eager_mask)
    configs: list[Any] = list({id(m.config): m.config for m in model.modules() if _has_attention(m)}.values())
    kept = [config._attn_implementation for config in configs]
    for config in configs:
        config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        attention.forget()
        for config, own in zip(configs, kept, strict=True):
            config._attn_implementation = own


def _has_attention(module: nn.Module) -> bool:
    return hasattr(getattr(module, "config", None), "_attn_implementation")


__all__ = ["SWAPS", "byte_attention", "fused_gelu"]
