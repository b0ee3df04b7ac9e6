"""Values of parsed JSON, looked at without trust: what is not of the kind that is asked for is nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dialora.errors import DataError

_LONGEST = 100
_UNBOUNDED = (float("inf"), float("-inf"))
_NUMBER = re.compile(r"[0-9]{1,3}|[A-Za-z]")


def as_object(value: Any) -> Mapping[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list, or an empty one."""
    return value if isinstance(value, list) else []


def as_objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list."""
    return [item for item in as_list(value) if isinstance(item, Mapping)]


def as_text(value: Any) -> str:
    """Return a text, or the digits of a number; nothing for anything else, as what is no number (NaN)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in _UNBOUNDED or value != value:
        return ""
    return str(value).strip()[: _LONGEST if not isinstance(value, str) else None]


def require_text(value: Any, where: str) -> str:
    """Return what is said as it is written, nothing for null. Raises DataError for what is no text, not to lose it."""
    if isinstance(value, str) or value is None:
        return value or ""
    if isinstance(value, bool | list | Mapping):
        raise DataError(f"{where}: must be a text, got {type(value).__name__}.")
    return as_text(value)


def number_speaker(value: Any) -> str | None:
    """Return a speaker that is known by a number or letter alone as `Speaker 0`; None where there is none."""
    text = as_text(value)
    return (f"Speaker {text}" if _NUMBER.fullmatch(text) else text) or None


def require_objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    """Return a list of objects. Raises DataError where it is none, or an item is none, not to lose anything."""
    if not isinstance(value, list):
        raise DataError(f"{where}: must be a list of objects, got {type(value).__name__}.")
    for number, item in enumerate(value, start=1):
        if not isinstance(item, Mapping):
            raise DataError(f"{where}: item {number} must be an object, got {type(item).__name__}.")
    return value


__all__ = ["as_list", "as_object", "as_objects", "as_text", "number_speaker", "require_objects", "require_text"]
