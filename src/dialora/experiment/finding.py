"""Finding: what one check of an experiment has found, and a failure of its told as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dialora.errors import DialoraError
from dialora.records import Record


@dataclass(frozen=True, slots=True)
class Finding(Record):
    """What one check found: `status` is ok, warning or failed."""

    check: str
    status: str
    detail: str


def find(name: str, check: Callable[[], tuple[str, str]]) -> Finding:
    """Run a check, which gives its status and details."""
    try:
        return Finding(name, *check())
    except DialoraError as error:
        return Finding(name, "failed", str(error))


__all__ = ["Finding", "find"]
