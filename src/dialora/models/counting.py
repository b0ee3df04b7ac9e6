"""Count a system's parameters, from the base model's config alone where there is no system yet."""

from __future__ import annotations

import torch
from torch import nn

from dialora.config import ExperimentConfig
from dialora.methods import Method
from dialora.models.adapters import apply_method
from dialora.models.checkpoint import naming_entry
from dialora.models.loading import build_meta_model
from dialora.records import ParameterCount


def count_methods(config: ExperimentConfig) -> dict[str, ParameterCount]:
    """Count the parameters of every method of the experiment, by key, from the base model's config alone."""
    counts = {}
    for key, method in config.methods.items():
        with naming_entry(config, key):
            counts[key] = count_method(config.for_method(key), method, key=key)
    return counts


def count_method(config: ExperimentConfig, method: Method, *, key: str) -> ParameterCount:
    """Count the parameters of one method from the base model's config alone. Raises ConfigError, ModelError."""
    return count_parameters(apply_method(build_meta_model(config), method, key=key))


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count trainable and all parameters; a matrix used in two places counts once."""
    parameters = list(model.parameters())
    return ParameterCount(
        trainable=sum(p.numel() for p in parameters if p.requires_grad), total=sum(_numel(p) for p in parameters)
    )


def _numel(parameter: nn.Parameter) -> int:
    is_packed = type(parameter).__name__ == "Params4bit" and parameter.dtype == torch.uint8  # two numbers in a byte
    return parameter.numel() * (2 if is_packed else 1)


__all__ = ["count_method", "count_methods", "count_parameters"]
