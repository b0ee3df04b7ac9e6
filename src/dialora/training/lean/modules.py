"""T5's training step with less work: `lean(model)` for the time of a run, everything put back behind it.

What it leaves out changes nothing but rounding (tests/test_lean.py compares trajectories):
- frozen matrices are kept in bf16 where the products are in bf16 anyway, half the memory and no cast at every use;
- activations are cast once and not by each of the three or four matrices that read them;
- the loss looks at label positions alone and never holds all logits;
- on a CPU, where random numbers were a quarter of a step, dropout draws bytes; attention stays in bf16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, T5ForConditionalGeneration
from transformers.activations import NewGELUActivation
from transformers.masking_utils import AttentionMaskInterface, eager_mask
from transformers.modeling_outputs import Seq2SeqLMOutput
from transformers.models.t5.modeling_t5 import T5DenseActDense, T5DenseGatedActDense, T5LayerNorm

from dialora.data.tokens import IGNORED_LABEL
from dialora.store import names
from dialora.training.lean.frozen import frozen_in_bf16
from dialora.training.lean.kernels import Attention, ByteDropout, normalize, sum_cross_entropy

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
        return normalize(hidden_states, self.weight, self.variance_epsilon, dtype=_find_dtype(hidden_states))


class _LeanGatedFeedForward(T5DenseGatedActDense):  # type: ignore[misc]
    def forward(self, hidden_states: Tensor) -> Tensor:
        """Leave out the cast to `wo`'s precision, which autocast takes back."""
        return self.wo(self.dropout(self.act(self.wi_0(hidden_states)) * self.wi_1(hidden_states)))


class _LeanFeedForward(T5DenseActDense):  # type: ignore[misc]
    def forward(self, hidden_states: Tensor) -> Tensor:
        return self.wo(self.dropout(self.act(self.wi(hidden_states))))


LEAN: dict[type, type] = {
    T5ForConditionalGeneration: _LeanT5,
    T5LayerNorm: _LeanNorm,
    T5DenseGatedActDense: _LeanGatedFeedForward,
    T5DenseActDense: _LeanFeedForward,
}


@contextmanager
def lean(model: nn.Module, *, precision: str, work: Path) -> Iterator[None]:
    """Let `model` train with less work for the time of the block; it leaves as it came, but for what was trained.

    Frozen weights that bf16 cannot hold lie in `work` meanwhile.
    """
    on_cpu = next(model.parameters()).device.type == "cpu"
    with ExitStack() as stack:
        if precision == "bf16":
            stack.enter_context(frozen_in_bf16(model, work / names.FROZEN_WEIGHTS))
            stack.enter_context(_uncast_adapters(model))
        stack.enter_context(_leaner_modules(model, byte_dropout=on_cpu))
        if on_cpu:
            stack.enter_context(_attention(model))
        yield


@contextmanager
def _leaner_modules(model: nn.Module, *, byte_dropout: bool) -> Iterator[None]:
    """Give T5's modules their leaner forward: the same object with the same weights, of another class."""
    swaps = LEAN | ({nn.Dropout: ByteDropout} if byte_dropout else {})
    changed = [(module, type(module)) for module in model.modules() if type(module) in swaps]
    gelus = [module for module in model.modules() if type(getattr(module, "act", None)) is NewGELUActivation]
    for module, kind in changed:
        module.__class__ = swaps[kind]
    plain = [module.act for module in gelus]
    for module in gelus:
        module.act = nn.GELU(approximate="tanh")  # the same function in one piece
    try:
        yield
    finally:
        for module, kind in changed:
            module.__class__ = kind
        for module, act in zip(gelus, plain, strict=True):
            module.act = act


@contextmanager
def _attention(model: nn.Module) -> Iterator[None]:
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


def _find_dtype(x: Tensor) -> torch.dtype:
    """Return what a linear layer would cast `x` to."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


__all__ = ["lean"]
