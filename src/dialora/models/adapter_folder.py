"""A PEFT adapter's folder: whether it is one before it is put on a model, and afterwards whether all of it is.

PEFT draws what a file lacks at random and leaves out what a model has no place for. Here both are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from dialora.models.files import list_names, read_object, show
from dialora.models.layout import FLOATS, Header
from dialora.models.weights import is_finite, read_headers

SETTINGS = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
MAX_RANK = 2**14


def read_adapter_headers(folder: Path) -> dict[str, Header]:
    """Check an adapter's configuration and return the headers of its weights. Raises ValueError."""
    from peft import PeftType

    if not (folder / SETTINGS).exists():
        raise ValueError(f"it has no {SETTINGS}; give a folder that PEFT saved an adapter in")
    values = read_object(folder / SETTINGS)
    kind, kinds = values.get("peft_type"), [each.value for each in PeftType]
    if kind not in kinds:
        stated = "names no peft_type" if kind is None else f"has peft_type {show(repr(kind))}, which PEFT does not know"
        raise ValueError(f"{SETTINGS} {stated}; of a LoRA adapter it is LORA")
    if values.get("megatron_config"):
        raise ValueError(f"{SETTINGS}: megatron_config names code that would have to run; give an adapter without it")
    rank = values.get("r")
    if isinstance(rank, int | float) and not 0 <= rank <= MAX_RANK:
        raise ValueError(f"{SETTINGS}: r is {show(rank)}, not a rank up to {MAX_RANK:,}")
    path = next((folder / name for name in WEIGHTS if (folder / name).exists()), None)
    if path is None:
        raise ValueError(f"it holds no weights: neither {' nor '.join(WEIGHTS)}; download the whole adapter")
    if not (headers := read_headers([path])):
        raise ValueError(f"{path.name} holds no weights at all; save or download the adapter again")
    return headers


def require_whole(model: nn.Module, headers: Mapping[str, Header]) -> None:
    """Raise ValueError, which names the keys, unless all of a file's weights are on the model, and no others."""
    from peft import get_peft_model_state_dict

    expected = get_peft_model_state_dict(model, save_embedding_layers=False)
    placed = model.state_dict()  # an adapter may bring the embedding along
    missing = expected.keys() - headers.keys()
    strange = {name for name in headers if name not in expected and name not in placed}
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


__all__ = ["SETTINGS", "read_adapter_headers", "require_whole"]
