"""PEFT's LoRA with less work: matrix and update in one piece. Imports PEFT, which takes seconds."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn

from dialora.training.lean.causal_kernels import apply_lora
from dialora.training.lean.kernels import find_dtype, find_level


class _LeanLoRA(Linear):  # type: ignore[misc]
    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Go PEFT's way where the layer is anything but one plain adapter beside a frozen matrix."""
        name = self._find_plain_adapter()
        if name is None or args or kwargs:
            return super().forward(x, *args, **kwargs)
        layer, dropout = self.base_layer, self.lora_dropout[name]
        dtype = find_dtype(x)
        with torch.autocast(x.device.type, enabled=False):
            return apply_lora(
                x.to(dtype),
                layer.weight.to(dtype),
                layer.bias,
                self.lora_A[name].weight,
                self.lora_B[name].weight,
                scaling=self.scaling[name],
                level=find_level(getattr(dropout, "p", 0.0)) if dropout.training else 0,
            )

    def _find_plain_adapter(self) -> str | None:
        if self.disable_adapters or self.merged or len(self.active_adapters) != 1:
            return None
        name: str = self.active_adapters[0]
        layer = self.base_layer
        is_plain = (
            name in self.lora_A
            and name not in self.lora_variant
            and type(layer) is nn.Linear
            and not layer.weight.requires_grad
            and (layer.bias is None or not layer.bias.requires_grad)
            and isinstance(self.lora_dropout[name], nn.Dropout | nn.Identity)
            and all(type(part) is nn.Linear and part.bias is None for part in (self.lora_A[name], self.lora_B[name]))
        )
        return name if is_plain else None


SWAPS: dict[type, type] = {Linear: _LeanLoRA}
"""On a processor alone: what is dropped is drawn as bytes."""

__all__ = ["SWAPS"]
