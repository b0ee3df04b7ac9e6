"""Which modules a method adapts: names, checked against the model.

PEFT is silent about a name that matches nothing as long as another one matches, and its T5 defaults name `wi`, which
T5 v1.1 and FLAN-T5 do not have (their gated feed-forward has `wi_0` and `wi_1`). Here every name must match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dialora.config.problems import show
from dialora.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts

ALL_LINEAR: Literal["all-linear"] = "all-linear"

_ABOUT = "names of linear layers, or all-linear (each but the output head)"


def _require_names(value: Any) -> Any:
    """Refuse what is neither in one line; pydantic has one for each kind that it might have been."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if value == ALL_LINEAR or (is_list and all(isinstance(name, str) for name in value)):
        return value
    raise ValueError(f"must be a list of names, as in [a, b], or {ALL_LINEAR}, got {show(value)}")


Targets = Annotated[
    tuple[str, ...] | Literal["all-linear"],
    Field(min_length=1, description=_ABOUT),
    BeforeValidator(_require_names),
]
OpenTargets = Annotated[
    tuple[str, ...] | Literal["all-linear"] | None,
    Field(min_length=1, description=f"{_ABOUT}; or queries and values"),
    BeforeValidator(lambda value: value if value is None else _require_names(value)),
]
"""Targets that are the base's queries and values where an experiment does not name them."""


def resolve_targets(
    model: PreTrainedModel, targets: tuple[str, ...] | str | None, base: BaseParts, *, key: str
) -> list[str]:
    """Return the names to hand to PEFT; `all-linear` becomes q, k, v, o, wi_0, wi_1, wo on FLAN-T5, None q and v.

    Raises ConfigError as `require_targets` does.
    """
    if isinstance(targets, str):
        return sorted({_last(name) for name in list_linear(model) if not is_head(name)})
    targets = base.queries_and_values if targets is None else targets
    require_targets(model, targets, base, key=key)
    return list(targets)


def require_targets(
    model: PreTrainedModel, targets: Sequence[str], base: BaseParts, *, key: str, option: str = "target_modules"
) -> None:
    """Raise ConfigError unless every target names a linear layer.

    A target matches as in PEFT: the whole name or its end after a dot.
    """
    names = list_linear(model)
    if base.head_is_embedding and any(matches(name, targets) for name in names if is_head(name)):
        raise ConfigError(
            f"methods.{key}.{option}: the lm_head of {_name(model)} is its embedding too; "
            f"an update merged into one would change the other. Leave it out."
        )
    missing = [target for target in targets if not any(matches(name, [target]) for name in names)]
    if missing:
        found = ", ".join(sorted({_last(name) for name in names if not is_head(name)}))
        quoted = ", ".join(repr(target) for target in missing)
        raise ConfigError(
            f"methods.{key}.{option}: {quoted} matches no linear layer of {_name(model)}. Found: {found}."
        )


def require_divisible(model: PreTrainedModel, targets: Sequence[str], size: int, *, key: str, option: str) -> None:
    """Raise ConfigError unless the input of every target divides into blocks of `size`."""
    for name, module in model.named_modules():
        if name in list_linear(model) and matches(name, targets) and count_inputs(module) % size:
            raise ConfigError(
                f"methods.{key}.{option}: {size} does not divide the {count_inputs(module)} inputs of {_last(name)}."
            )


def list_linear(model: nn.Module) -> list[str]:
    """Return the full names of the model's linear layers."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)]


def count_inputs(layer: Any) -> int:
    """Return a linear layer's inputs; GPT-2's holds its matrix inputs first."""
    return int(layer.in_features if hasattr(layer, "in_features") else layer.weight.shape[0])


def matches(name: str, targets: Iterable[str]) -> bool:
    """Whether a module's full name is one of the targets, or ends with one after a dot."""
    return any(name == target or name.endswith(f".{target}") for target in targets)


def is_head(name: str) -> bool:
    """Whether a linear layer is the output head, or lies in it."""
    return "lm_head" in name.split(".")


def _last(name: str) -> str:
    return re.split(r"\.", name)[-1]


def _name(model: PreTrainedModel) -> str:
    return model.name_or_path or "the model"


__all__ = [
    "ALL_LINEAR",
    "OpenTargets",
    "Targets",
    "count_inputs",
    "is_head",
    "list_linear",
    "matches",
    "require_divisible",
    "require_targets",
    "resolve_targets",
]
