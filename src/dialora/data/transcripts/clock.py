"""Times as transcripts write them → seconds."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

CLOCK = r"(?:\d{1,3}:)?\d{1,2}:\d{2}"
"""As in 0:04 and 1:02:03."""


def parse_clock(text: str) -> float | None:
    """Return the seconds of `M:SS` or `H:MM:SS`; None for anything else."""
    if not re.fullmatch(CLOCK, text.strip()):
        return None
    seconds = 0
    for part in text.strip().split(":"):
        seconds = 60 * seconds + int(part)
    return float(seconds)


def parse_seconds(value: Any, *, per_second: float = 1) -> float | None:
    """Return seconds from a number, or a text of one, that counts `per_second`; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value) / per_second
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def parse_moment(value: Any) -> float | None:
    """Return the seconds since 1970 of an ISO date and time; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


class Beginning:
    """Moments → seconds since the first of them."""

    def __init__(self) -> None:
        self._first: float | None = None

    def since(self, moment: float | None) -> float | None:
        """Return the seconds from the first moment that was given to this one."""
        if moment is None:
            return None
        if self._first is None:
            self._first = moment
        return round(moment - self._first, 3)


__all__ = ["CLOCK", "Beginning", "parse_clock", "parse_moment", "parse_seconds"]
