"""What is wrong with an experiment file, one line for each key, with what is allowed there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

ENTRIES = ("methods.", "scoring.learned.")
"""How lines begin that name their key themselves: an entry is checked by the class that it names."""


def suggest(name: Any, allowed: Iterable[str]) -> str:
    """Return the end of a sentence: the nearest allowed name, or all of them."""
    allowed = list(allowed)
    close = difflib.get_close_matches(str(name), allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; allowed: {', '.join(allowed)}."


def describe_problems(error: ValidationError, model: type[BaseModel], *, prefix: str = "") -> list[str]:
    """Return one line for each thing pydantic found wrong."""
    lines: list[str] = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        key = prefix + ".".join(path)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"unknown key{suggest(path[-1], _fields_at(model, path[:-1]))}"
        elif item["type"] == "missing":
            message = "is missing"
        elif item["type"] != "value_error":
            message = f"{message[0].lower()}{message[1:]}, got {item['input']!r}"
        elif message.startswith(ENTRIES):
            lines.extend(message.splitlines())
            continue
        lines.append(f"{key}: {message}" if key else message)
    return lines


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    models = [model]
    for part in path:
        # A part that is no field is the name of an entry.
        fields = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        models = [found for annotation in fields for found in _models_in(annotation)] or models
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models_in(annotation: Any) -> Sequence[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


__all__ = ["describe_problems", "suggest"]
