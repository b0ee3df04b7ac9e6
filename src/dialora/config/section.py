"""Section: a part of a file."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from dialora.config.problems import show

MAX_SEED = 2**32 - 1
"""NumPy takes no larger one."""


class Section(BaseModel):
    """A part of a file: no key but its own, every number finite, and never changed; a name is a list of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _takes_no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if info.field_name is None:
            return value
        kinds = list(_list_kinds(cls.model_fields[info.field_name].annotation))
        items = value if isinstance(value, list | tuple) else [value]
        truth = next((item for item in items if isinstance(item, bool)), None)
        if truth is not None and (int in kinds or float in kinds) and bool not in kinds:
            raise ValueError(f"must be a number, got {str(truth).lower()}")
        if kinds == [bool] and not isinstance(value, bool):
            raise ValueError(f"must be true or false, got {show(value)}")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _takes_a_name_for_a_list_of_one(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and info.field_name is not None:
            annotation = cls.model_fields[info.field_name].annotation
            kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
            # A number is left alone: `seeds: 3` may mean how many.
            if all(kind is NoneType or (get_origin(kind) is tuple and _holds_text(kind)) for kind in kinds):
                return (value,)
        return value


def _holds_text(kind: Any) -> bool:
    item = get_args(kind)[0]
    return item is str or get_origin(item) is Literal


def _list_kinds(annotation: Any) -> list[Any]:
    return [annotation, *(kind for part in get_args(annotation) for kind in _list_kinds(part))]


__all__ = ["MAX_SEED", "Section"]
