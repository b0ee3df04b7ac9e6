"""The weights a method trains, with its state, as one safetensors file: what a checkpoint needs of a model.

Independent of how a system is saved for use: adapters that are pruned, converted or computed on saving come back here
weight by weight.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from dialora.methods import Method
from dialora.store import names

_STATE = "method-state:"


def save_trained(model: nn.Module, method: Method, path: Path) -> None:
    """Write every weight that requires a gradient, and the method's state. The file is whole or not there."""
    tensors = {name: _copy(p) for name, p in trained_weights(model)}
    tensors |= {f"{_STATE}{name}": _copy(t) for name, t in method.training_state(model).items()}
    temporary = path.with_name(names.unfinished(path.name))
    save_file(tensors, temporary, metadata={"format": "pt"})
    temporary.replace(path)


def load_trained(model: nn.Module, method: Method, path: Path) -> None:
    """Put back on the model what `save_trained` wrote."""
    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in trained_weights(model):
            parameter.copy_(tensors[name])
    state = {name.removeprefix(_STATE): tensor for name, tensor in tensors.items() if name.startswith(_STATE)}
    method.load_training_state(model, state)


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    """Copy into main memory: a second one on a GPU would count as what training takes there."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def trained_weights(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the weights that require a gradient, by name."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


__all__ = ["load_trained", "save_trained", "trained_weights"]
