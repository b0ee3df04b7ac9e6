"""The arithmetic of a training step with less work around it: dropout, T5's attention, norms, cross entropy.

Each gives what the plain operations give, to rounding; dropout drops other positions with the same probability.
Shapes: B batch, H heads, Q queries, K keys, D width of a head, N label positions, M model width, V vocabulary.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 256
"""Dropout compares random bytes: a probability is rounded to this many levels, 0.1 to 26 / 256."""
CHUNK = 256
"""Label positions whose logits are in memory at a time."""
FUSED_CHUNK = 128
"""The same where log-softmax is in one piece, and its logits near the processor."""
KINDS = 3
"""Of attention: in the encoder, in the decoder, between both."""
BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32, torch.float64: torch.int64}


def draw_kept(shape: torch.Size, level: int) -> Tensor:
    """Return bytes that are 1 with probability 1 - level / LEVELS, else 0; torch's generator decides which."""
    size = shape.numel()
    seed = int(torch.randint(2**62, ()))
    # Twice as fast as torch's own generator, whose state stays the only one that a checkpoint has to keep.
    draws = torch.from_numpy(np.random.SFC64(seed).random_raw(-(-size // 8)).view(np.uint8))
    # In place bytes stay bytes, which torch compares ten times as fast as it makes booleans of them.
    return draws[:size].view(shape).ge_(level)


def keep(x: Tensor, kept: Tensor) -> Tensor:
    """Return `x` where `kept` is 1, and 0 where it is 0.

    The bits are multiplied as integers: torch would bring both operands of unlike types to one type first, in copies.
    """
    return (x.view(BITS[x.dtype]) * kept).view(x.dtype)


class _Dropout(torch.autograd.Function):
    """Dropout from random bytes: torch's own draws a number of 64 bits for every position."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, level: int) -> Tensor:
        kept = draw_kept(x.shape, level)
        ctx.save_for_backward(kept)
        ctx.scale = LEVELS / (LEVELS - level)
        return keep(x, kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return keep(grad, kept).mul_(ctx.scale), None


def drop(x: Tensor, p: float) -> Tensor:
    """Set positions to 0 with probability `p` (rounded to 1/256, never to 0) and scale the rest up. CPU only."""
    if p <= 0:
        return x
    dropped: Tensor = _Dropout.apply(x, find_level(p))  # type: ignore[no-untyped-call]
    return dropped


def find_level(p: float) -> int:
    """Return which of LEVELS a probability is rounded to."""
    return min(max(1, round(p * LEVELS)), LEVELS - 1) if p > 0 else 0


def find_dtype(x: Tensor) -> torch.dtype:
    """Return what a linear layer would cast `x` to."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


class ByteDropout(nn.Dropout):
    """nn.Dropout that draws bytes."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop in training."""
        return drop(input, self.p) if self.training else input


class _Attention(torch.autograd.Function):
    """softmax(query · keyᵀ + bias), some of it dropped, · value; keeps three bytes of every weight for the way back."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, level: int) -> Tensor:
        scores = torch.matmul(query, key.transpose(2, 3))  # (B, H, Q, K)
        if bias is not None:
            scores += bias
        weights = functional.softmax(scores, dim=-1)
        kept = draw_kept(weights.shape, level) if level else None
        ctx.scale = LEVELS / (LEVELS - level)
        ctx.bias_shape = bias.shape if ctx.needs_input_grad[3] and bias is not None else None
        ctx.save_for_backward(query, key, value, weights, kept)
        left = weights if kept is None else keep(weights, kept)
        return torch.matmul(left, value).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None, None]:
        query, key, value, weights, kept = ctx.saved_tensors
        grad = grad * ctx.scale
        left = weights if kept is None else keep(weights, kept)
        value_grad = torch.matmul(left.transpose(2, 3), grad)
        del left
        grad = torch.matmul(grad, value.transpose(2, 3))
        grad = grad if kept is None else keep(grad, kept)
        grad = torch.ops.aten._softmax_backward_data(grad, weights, -1, weights.dtype)
        return (
            torch.matmul(grad, key),
            torch.matmul(grad.transpose(2, 3), query),
            value_grad,
            None if ctx.bias_shape is None else grad.sum_to_size(ctx.bias_shape),
            None,
        )


class Attention:
    """Attention with an additive bias, in transformers' attention interface: (B, H, Q, D) → (B, Q, H, D).

    All in the queries' precision but for the sums inside a product: autocast would take every softmax, the largest
    thing in a step, to fp32 and back. The layers of a stack share position bias and mask, whose sum is made once.
    """

    def __init__(self) -> None:
        self._sums: deque[tuple[Tensor | None, Tensor | None, Tensor | None]] = deque(maxlen=KINDS)

    def __call__(
        self,
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
        """Attend."""
        # A prefix comes in its own precision, not from a matrix.
        key, value = key.to(query.dtype), value.to(query.dtype)
        with torch.autocast(query.device.type, enabled=False):
            bias = self._add(position_bias, attention_mask, query.dtype)
            query = query * scaling if scaling != 1 else query
            attended: Tensor = _Attention.apply(query, key, value, bias, find_level(dropout))  # type: ignore[no-untyped-call]
            return attended.transpose(1, 2).contiguous(), None

    def forget(self) -> None:
        """Let go of the sums."""
        self._sums.clear()

    def _add(self, position_bias: Tensor | None, mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
        """Return the sum of both, finite in `dtype`: the lowest number of fp32 is infinite in bf16."""
        for known_bias, known_mask, known in self._sums:
            if known_bias is position_bias and known_mask is mask and (known is None or known.dtype == dtype):
                return known
        lowest = torch.finfo(dtype).min
        if mask is None:
            added = position_bias
        else:
            if mask.dtype == torch.bool:
                low = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, lowest)
            else:
                low = mask.clamp(min=lowest)
            added = low if position_bias is None else position_bias + low
        # Position biases come with the heads last in memory, and are read in every layer.
        added = None if added is None else added.to(dtype).contiguous()
        self._sums.append((position_bias, mask, added))
        return added


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        inverse = squares.div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        return (x * inverse).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        x, weight, inverse = ctx.saved_tensors
        grad = grad.to(x.dtype)
        weight_grad = (grad * x).mul_(inverse).flatten(0, -2).sum(0) if ctx.needs_input_grad[1] else None
        grad = grad * weight
        along = (grad * x).sum(dim=-1, keepdim=True).mul_(inverse.square()).div_(x.shape[-1])
        return grad.addcmul_(x, along, value=-1).mul_(inverse), weight_grad, None, None


def normalize(x: Tensor, weight: Tensor, eps: float, *, dtype: torch.dtype) -> Tensor:
    """Return x / √(mean(x²) + eps) · weight in `dtype`, with means over the last dimension; `weight` (M,)."""
    normalized: Tensor = _RMSNorm.apply(x, weight, eps, dtype)  # type: ignore[no-untyped-call]
    return normalized


class _CrossEntropy(torch.autograd.Function):
    """The sum of cross entropies of a linear head, chunk by chunk; gradients are made on the way."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, fused: bool) -> Tensor:
        total = hidden.new_zeros((), dtype=torch.float32)
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        hidden_grad = torch.empty_like(hidden) if needs_hidden else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if needs_weight else None
        # A trained head's gradient is read and written whole for every chunk.
        size = FUSED_CHUNK if fused and not needs_weight else CHUNK
        for start in range(0, len(labels), size):
            rows, at = hidden[start : start + size], labels[start : start + size, None]
            logits = (rows @ weight.T).float()  # (chunk, V)
            if fused:
                logs = functional.log_softmax(logits, dim=-1)
            else:
                logs = logits.sub_(logits.logsumexp(dim=-1, keepdim=True))
            total -= logs.gather(1, at).sum()
            if hidden_grad is None and weight_grad is None:
                continue
            grad = logs.exp_().scatter_add_(1, at, logs.new_full(at.shape, -1.0)).to(hidden.dtype)
            if hidden_grad is not None:
                torch.mm(grad, weight, out=hidden_grad[start : start + size])
            if weight_grad is not None:
                weight_grad += grad.T @ rows
        ctx.save_for_backward(hidden_grad, weight_grad)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return (
            None if hidden_grad is None else hidden_grad * grad.to(hidden_grad.dtype),
            None if weight_grad is None else weight_grad * grad,
            None,
            None,
        )


def sum_cross_entropy(hidden: Tensor, weight: Tensor, labels: Tensor, *, fused: bool = False) -> Tensor:
    """Return the sum over label positions of −log softmax(hidden · weightᵀ)[label], a scalar in fp32.

    `hidden` (N, M), `weight` (V, M), `labels` (N,). The logits of all positions are never in memory at once.
    `fused` takes log-softmax in one piece, on a processor fifteen times as fast as by its parts, and rounds otherwise.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    with torch.autocast(device, enabled=False):
        total: Tensor = _CrossEntropy.apply(hidden, weight, labels, fused)  # type: ignore[no-untyped-call]
        return total


__all__ = [
    "CHUNK",
    "FUSED_CHUNK",
    "LEVELS",
    "Attention",
    "ByteDropout",
    "draw_kept",
    "drop",
    "find_dtype",
    "find_level",
    "keep",
    "normalize",
    "sum_cross_entropy",
]
