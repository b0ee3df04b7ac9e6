"""A PEFT adapter's folder: whether it is one before it is put on a model, and afterwards whether all of it is.

PEFT draws what a file lacks at random and leaves out what a model has no place for. Here both are errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dialora.models.adapter_settings import read_settings, require_sizes
from dialora.models.files import list_names, show
from dialora.models.layout import FLOATS, Header
from dialora.models.weights import is_finite, read_headers

WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_OTHER_SHAPE = re.compile(r"size mismatch for (\S+): .*?torch\.Size\((.*?)\).*?torch\.Size\((.*?)\)")
"""How torch says that a matrix has another shape than its place."""


def read_adapter_headers(folder: Path) -> dict[str, Header]:
    """Check an adapter's settings and return the headers of its weights. Raises ValueError."""
    settings = read_settings(folder)
    path = next((folder / name for name in WEIGHTS if (folder / name).exists()), None)
    if path is None:
        raise ValueError(f"it holds no weights: neither {' nor '.join(WEIGHTS)}; download the whole adapter")
    if not (headers := read_headers([path])):
        raise ValueError(f"{path.name} holds no weights at all; save or download the adapter again")
    shapes = [header.shape for header in headers.values()]
    require_sizes(settings, largest=max(max(shape, default=1) for shape in shapes), total=sum(map(prod, shapes)))
    return headers


def require_whole(model: nn.Module, headers: Mapping[str, Header]) -> None:
    """Raise ValueError, which names the keys, unless all of a file's weights are on the model, and no others."""
    from peft import get_peft_model_state_dict

    expected = get_peft_model_state_dict(model, save_embedding_layers=False)
    # What PEFT saves besides where words were added; another weight of the base is not the adapter's to change.
    expected |= {name: weight for name, weight in _list_embeddings(model).items() if name in headers}
    missing = expected.keys() - headers.keys()
    strange = headers.keys() - expected.keys()
    floating = {name for name, weight in expected.items() if weight.is_floating_point()}
    whole = {name for name in floating & headers.keys() if headers[name].dtype not in FLOATS}
    broken = {name for name in floating - missing if not is_finite(expected[name])}
    problems = {
        "missing": missing,
        "that fit nowhere": strange,
        "that are no plain floating-point numbers": whole,
        "that hold numbers that are not finite": broken,
    }
    said = [f"{len(names)} {what} ({list_names(names)})" for what, names in problems.items() if names]
    if said:
        raise ValueError(f"of its weights there are {'; '.join(said)}; it was made for another base, or is damaged")


def explain_shapes(message: str) -> str | None:
    """Say what torch says of matrices that do not fit, once for all of them; None where it says something else."""
    found = _OTHER_SHAPE.findall(message)
    if not found:
        return None
    name, theirs, ours = found[0]
    return (
        f"{len(found)} of its weights have other shapes than the base has room for ({show(name)}: {theirs}, here "
        f"{ours}); it was made for another base"
    )


def _list_embeddings(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of embedding and output head by name."""
    base: Any = model.get_base_model()  # type: ignore[operator]
    ends = [base.get_input_embeddings(), base.get_output_embeddings()]
    names = [name for name, module in model.named_modules() if any(module is end for end in ends)]
    state = model.state_dict()
    found = [f"{name}.{weight}" for name in names for weight in ("weight", "base_layer.weight")]
    return {name: state[name] for name in found if name in state}


__all__ = ["explain_shapes", "read_adapter_headers", "require_whole"]
