"""The arithmetic of a T5 training step with less work around it: dropout, attention, cross entropy.

Each gives what the plain operations give, to rounding; dropout drops other positions with the same probability.
Shapes: B batch, H heads, Q queries, K keys, D width of a head, N label positions, M model width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 256
"""Dropout compares random bytes: a probability is rounded to this many levels, 0.1 to 26 / 256."""
CHUNK = 256
"""Label positions whose logits are in memory at a time."""


class _Dropout(torch.autograd.Function):
    """Dropout from random bytes, eight to a draw: torch's own draws a number of 64 bits for every position."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, level: int) -> Tensor:
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        ctx.kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= level
        ctx.scale = LEVELS / (LEVELS - level)
        return (x * ctx.kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return (grad * ctx.kept).mul_(ctx.scale), None


def drop(x: Tensor, p: float) -> Tensor:
    """Set positions to 0 with probability `p` (rounded to 1/256, never to 0) and scale the rest up. CPU only."""
    if p <= 0:
        return x
    dropped: Tensor = _Dropout.apply(x, min(max(1, round(p * LEVELS)), LEVELS - 1))  # type: ignore[no-untyped-call]
    return dropped


class ByteDropout(nn.Dropout):
    """nn.Dropout that draws bytes."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop in training."""
        return drop(input, self.p) if self.training else input


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float = 1.0,
    position_bias: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend with an additive bias, in transformers' attention interface: (B, H, Q, D) → (B, Q, H, D).

    All in the queries' precision but for the sums inside a product: autocast would take every softmax, the largest
    thing in a step, to fp32 and back.
    """
    # A prefix comes in its own precision, not from a matrix.
    key, value = key.to(query.dtype), value.to(query.dtype)
    with torch.autocast(query.device.type, enabled=False):
        scores = torch.matmul(query * scaling if scaling != 1 else query, key.transpose(2, 3))  # (B, H, Q, K)
        bias = _add(position_bias, attention_mask, scores.dtype)
        if bias is not None:
            scores = scores.add_(bias)
        weights = drop(functional.softmax(scores, dim=-1), dropout)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


def _add(position_bias: Tensor | None, mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Return the sum of both, finite in `dtype`: the lowest number of fp32 is infinite in bf16."""
    lowest = torch.finfo(dtype).min
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, lowest)
    bias = position_bias if mask is None else mask if position_bias is None else position_bias + mask
    return None if bias is None else bias.clamp(min=lowest).to(dtype)


class _CrossEntropy(torch.autograd.Function):
    """The sum of cross entropies of a linear head, chunk by chunk; gradients are made on the way."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        total = hidden.new_zeros((), dtype=torch.float32)
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        hidden_grad = torch.empty_like(hidden) if needs_hidden else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if needs_weight else None
        for start in range(0, len(labels), CHUNK):
            rows, answers = hidden[start : start + CHUNK], labels[start : start + CHUNK]
            logits = (rows @ weight.T).float()  # (chunk, V)
            norm = logits.logsumexp(dim=-1, keepdim=True)
            at = answers[:, None]
            total += (norm - logits.gather(1, at)).sum()
            if hidden_grad is None and weight_grad is None:
                continue
            grad = logits.sub_(norm).exp_().scatter_add_(1, at, logits.new_full(at.shape, -1.0)).to(hidden.dtype)
            if hidden_grad is not None:
                torch.mm(grad, weight, out=hidden_grad[start : start + CHUNK])
            if weight_grad is not None:
                weight_grad += grad.T @ rows
        ctx.save_for_backward(hidden_grad, weight_grad)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return (
            None if hidden_grad is None else hidden_grad * grad.to(hidden_grad.dtype),
            None if weight_grad is None else weight_grad * grad,
            None,
        )


def sum_cross_entropy(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Return the sum over label positions of −log softmax(hidden · weightᵀ)[label], a scalar in fp32.

    `hidden` (N, M), `weight` (V, M), `labels` (N,). The logits of all positions are never in memory at once.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    with torch.autocast(device, enabled=False):
        total: Tensor = _CrossEntropy.apply(hidden, weight, labels)  # type: ignore[no-untyped-call]
        return total


__all__ = ["CHUNK", "LEVELS", "ByteDropout", "attend", "drop", "sum_cross_entropy"]
