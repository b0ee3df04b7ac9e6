"""The weights a method trains, with its state, as one safetensors file: what a checkpoint needs of a model.

Independent of how a system is saved for use: adapters that are pruned, converted or computed on saving come back here
weight by weight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from dialora.methods import Method
from dialora.store import replacing
from dialora.training.sharding import gather_whole, take_part

_STATE = "method-state:"
_DIGEST = "sha256"


def save_trained(model: nn.Module, method: Method, path: Path | None) -> None:
    """Write every weight that requires a gradient, and the method's state, with their digest.

    The file is whole or not there. Without a path only give this process's parts of them to the one that writes.
    """
    found: list[tuple[str, torch.Tensor]] = list(trained_weights(model))
    found += [(f"{_STATE}{name}", tensor) for name, tensor in method.training_state(model).items()]
    tensors = {}
    for name, tensor in found:
        whole = gather_whole(tensor.detach())
        if path is not None:
            tensors[name] = _copy(whole)
    if path is None:
        return
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt", _DIGEST: _digest(tensors)})


def load_trained(model: nn.Module, method: Method, path: Path) -> None:
    """Put back on the model what `save_trained` wrote."""
    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in trained_weights(model):
            parameter.copy_(take_part(tensors[name], parameter))
    state = {name.removeprefix(_STATE): tensor for name, tensor in tensors.items() if name.startswith(_STATE)}
    method.load_training_state(model, state)


def is_as_saved(path: Path) -> bool:
    """Whether a file is what `save_trained` wrote: its tensors have the digest that it holds."""
    try:
        with safe_open(path, framework="pt") as file:
            digest = (file.metadata() or {}).get(_DIGEST)
        return digest == _digest(load_file(path))
    except (OSError, SafetensorError, ValueError):
        return False


def find_non_finite(model: nn.Module) -> tuple[str, float] | None:
    """Return the name and value of a trained weight that holds a number that is not finite; None where all are."""
    for name, parameter in trained_weights(model):
        # The largest magnitude, which takes no memory of the weight's size: it is nan or inf where any number is.
        largest = torch.linalg.vector_norm(parameter.detach(), float("inf")) if parameter.numel() else None
        largest = None if largest is None else gather_whole(largest)
        if largest is not None and not torch.isfinite(largest):
            return name, float(largest)
    return None


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    """Copy into main memory: a second one on a GPU would count as what training takes there."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def trained_weights(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the weights that require a gradient, by name."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


__all__ = ["find_non_finite", "load_trained", "save_trained", "trained_weights"]
