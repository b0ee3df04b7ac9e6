"""The arithmetic of a causal model's training step with less work around it, on a processor.

Each gives what the plain operations give, to rounding. Sums inside a product, softmax, rotation and the gate's sigmoid
are in fp32, as under autocast; what goes from one to the next is in the products' precision.
Shapes: B batch, S tokens, G query heads that share a key head, K key heads, D width of a head, N = B · S rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from dialora.training.lean.kernels import LEVELS, draw_kept, keep

BLOCK = 64
"""Queries that are attended for at a time: the keys behind them need no product."""
ROWS = 128
"""Tokens of a feed-forward layer whose numbers in fp32 stay in a core's cache."""


class _LoRALinear(torch.autograd.Function):
    """A frozen matrix with a low-rank update beside it, in seven products; only the update's factors are trained."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scaling: float, level: int
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])  # (N, inputs)
        kept = draw_kept(rows.shape, level) if level else None
        ctx.scales = LEVELS / (LEVELS - level), scaling
        down, up = (a * ctx.scales[0]).to(rows.dtype), (b * scaling).to(rows.dtype)  # (r, inputs), (outputs, r)
        low = (rows if kept is None else keep(rows, kept)) @ down.T  # (N, r)
        y = rows @ weight.T if bias is None else torch.addmm(bias.to(rows.dtype), rows, weight.T)
        ctx.save_for_backward(rows, weight, down, up, low, kept)
        return y.addmm_(low, up.T).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None, Tensor | None, Tensor | None, None, None]:
        rows, weight, down, up, low, kept = ctx.saved_tensors
        shape, grad = (*grad.shape[:-1], -1), grad.reshape(-1, grad.shape[-1])
        low_grad = grad @ up
        x_grad = a_grad = b_grad = None
        if ctx.needs_input_grad[0]:
            x_grad = grad @ weight
            if kept is None:
                x_grad.addmm_(low_grad, down)
            else:
                x_grad += keep(low_grad @ down, kept)
            x_grad = x_grad.view(shape)
        if ctx.needs_input_grad[3]:
            left = rows if kept is None else keep(rows, kept)
            a_grad = (low_grad.T @ left).float().mul_(ctx.scales[0])
        if ctx.needs_input_grad[4]:
            b_grad = (low.T @ grad).T.float().mul_(ctx.scales[1])
        return x_grad, None, None, a_grad, b_grad, None, None


def apply_lora(
    x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, *, scaling: float, level: int
) -> Tensor:
    """Return x · weightᵀ + bias + scaling · drop(x) · aᵀ · bᵀ in x's precision, which `weight` (outputs, inputs) has.

    `x` (…, inputs), `a` (r, inputs) and `b` (outputs, r) in fp32; of what the update reads, level / LEVELS is dropped.
    """
    made: Tensor = _LoRALinear.apply(x, weight, bias, a, b, scaling, level)  # type: ignore[no-untyped-call]
    return made


class _SwiGLU(torch.autograd.Function):
    """silu(gate) · up in fp32, some rows at a time: in bf16 torch's sigmoid takes five times as long."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        made = torch.empty_like(gate)
        for rows in _cut(len(gate), ROWS):
            made[rows] = functional.silu(gate[rows].float()).mul_(up[rows].float())
        return made

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        gate_grad, up_grad = torch.empty_like(gate), torch.empty_like(up)
        for rows in _cut(len(gate), ROWS):
            wide, given = gate[rows].float(), grad[rows].float()
            up_grad[rows] = functional.silu(wide).mul_(given)
            gate_grad[rows] = torch.ops.aten.silu_backward(given.mul_(up[rows].float()), wide)
        return gate_grad, up_grad


def gate_linear_unit(gate: Tensor, up: Tensor) -> Tensor:
    """Return silu(gate) · up in their precision; both (…, inner)."""
    made: Tensor = _SwiGLU.apply(gate.flatten(0, -2), up.flatten(0, -2))  # type: ignore[no-untyped-call]
    return made.view(gate.shape)


class _Rotation(torch.autograd.Function):
    """Rotary positions, and the order of dimensions that attention reads: (B, S, K, G, D) → (B, K, S, G, D)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        half = x.shape[-1] // 2
        wide = x.transpose(1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        turned = wide * cos
        turned[..., :half].addcmul_(wide[..., half:], sin[..., :half], value=-1)
        turned[..., half:].addcmul_(wide[..., :half], sin[..., half:])
        return turned.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        half, wide = grad.shape[-1] // 2, grad.float()
        turned = wide * cos
        turned[..., :half].addcmul_(wide[..., half:], sin[..., half:])
        turned[..., half:].addcmul_(wide[..., :half], sin[..., :half], value=-1)
        return turned.to(grad.dtype).transpose(1, 2), None, None


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return heads turned by their positions, (B, S, K, G, D) → (B, K, S, G, D); `cos` and `sin` (B or 1, 1, S, 1, D).

    The second half of a head turns with the first: x · cos + (−x₂, x₁) · sin.
    """
    turned: Tensor = _Rotation.apply(x, cos, sin)  # type: ignore[no-untyped-call]
    return turned


class _CausalAttention(torch.autograd.Function):
    """softmax(query · keyᵀ) · value with every token reading itself and those before it, block by block."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, num_shared: int) -> Tensor:
        attended, weights = torch.empty_like(query), []
        hidden = torch.full((BLOCK, BLOCK), float("-inf")).triu_(1).repeat_interleave(num_shared, dim=0)
        for start, end in _blocks(key.shape[1]):
            rows = slice(start * num_shared, end * num_shared)
            scores = torch.bmm(query[:, rows], key[:, :end].transpose(1, 2)).float()  # (B·K, block·G, end)
            scores[:, :, start:] += hidden[: (end - start) * num_shared, : end - start]
            weights.append(functional.softmax(scores, dim=-1).to(query.dtype))
            torch.bmm(weights[-1], value[:, :end], out=attended[:, rows])
        ctx.num_shared = num_shared
        ctx.save_for_backward(query, key, value, *weights)
        return attended

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, *weights = ctx.saved_tensors
        query_grad = torch.empty_like(query)
        key_grad, value_grad = (torch.zeros_like(t, dtype=torch.float32) for t in (key, value))
        for weight, (start, end) in zip(weights, _blocks(key.shape[1]), strict=True):
            rows = slice(start * ctx.num_shared, end * ctx.num_shared)
            value_grad[:, :end] += torch.bmm(weight.transpose(1, 2), grad[:, rows])
            scores = torch.bmm(grad[:, rows], value[:, :end].transpose(1, 2))
            scores = torch.ops.aten._softmax_backward_data(scores, weight, -1, weight.dtype)
            torch.bmm(scores, key[:, :end], out=query_grad[:, rows])
            key_grad[:, :end] += torch.bmm(scores.transpose(1, 2), query[:, rows])
        return query_grad, key_grad.to(key.dtype), value_grad.to(value.dtype), None


def _blocks(length: int) -> list[tuple[int, int]]:
    return [(rows.start, rows.stop) for rows in _cut(length, BLOCK)]


def _cut(length: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what causal attention gives, of `query`'s shape.

    `query` (B, K, S, G, D) is scaled already, `key` and `value` are (B, K, S, D). The queries of a token that share a
    key head lie next to each other, so no key is repeated. What it keeps for the backward pass grows with S².
    """
    flat = query.flatten(2, 3).flatten(0, 1)  # (B·K, S·G, D)
    made: Tensor = _CausalAttention.apply(flat, key.flatten(0, 1), value.flatten(0, 1), query.shape[3])  # type: ignore[no-untyped-call]
    return made.view(query.shape)


__all__ = ["BLOCK", "apply_lora", "attend", "gate_linear_unit", "rotate"]
