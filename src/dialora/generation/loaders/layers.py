"""What all loaders share: matrices, norms and activations of a model, set in a specification without being copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import nn

from dialora.errors import GenerationError
from dialora.models.families.conversion import find_activation


class Loader(Protocol):
    """Makes a specification of a model of one kind."""

    def build(self, model: Any) -> Any:
        """Return the specification of a model with its weights, which are the model's own; no vocabulary yet."""
        ...


def set_linear(into: Any, layer: Any, *, is_transposed: bool = False) -> None:
    """Set a linear layer; `is_transposed` where its matrix has inputs first."""
    into.weight = layer.weight.transpose(0, 1) if is_transposed else layer.weight
    if layer.bias is not None:
        into.bias = layer.bias


def set_fused(into: Any, layers: Sequence[Any]) -> None:
    """Set one linear layer that does what several do that read the same."""
    into.weight = torch.cat([layer.weight for layer in layers])
    if layers[0].bias is not None:
        into.bias = torch.cat([layer.bias for layer in layers])


def set_norm(into: Any, norm: Any) -> None:
    """Set a norm, with its bias if it has one."""
    into.gamma = norm.weight
    if getattr(norm, "bias", None) is not None:
        into.beta = norm.bias


def read_activation(config: Any) -> int:
    """Return CTranslate2's number for a config's activation (`families.conversion.require_activation`)."""
    from ctranslate2.converters.transformers import _SUPPORTED_ACTIVATIONS

    return int(_SUPPORTED_ACTIVATIONS[find_activation(config)[1]])


def read_epsilon(model: nn.Module) -> float:
    """Return what a model's norms add to a variance; CTranslate2 has one for all. Raises GenerationError."""
    norms: list[Any] = [module for module in model.modules() if type(module).__name__.endswith("Norm")]
    found = {float(norm.variance_epsilon if hasattr(norm, "variance_epsilon") else norm.eps) for norm in norms}
    if len(found) != 1:
        raise GenerationError(
            f"the base's norms have {len(found)} different epsilons, and ctranslate2 has one for all; take "
            f"generation.engine: torch."
        )
    return found.pop()


__all__ = ["Loader", "read_activation", "read_epsilon", "set_fused", "set_linear", "set_norm"]
