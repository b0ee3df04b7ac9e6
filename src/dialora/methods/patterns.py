"""Patterns that name modules, as PEFT takes them: regular expressions, of which some never end.

A list of names is the plain way. A pattern is names with dots, `.*`, `\\d+` and groups of alternatives, which no name
of a module keeps busy for long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod

MAX_STEPS = 500_000
"""Of trying patterns on one name."""
NAME_LENGTH = 50
"""Of a module's name, in letters: so many ways there are for each repetition to end."""
_GROUP = r"\((?:\?:)?[\w.|\\-]*\)"
_SIMPLE = re.compile(rf"(?:(?:\.|\\[dw]|\[[\w-]+\])[*+]|\\\.|\\[dw]|\[[\w-]+\]|{_GROUP}|[\w.|^$-])*")


def explain_pattern(patterns: Iterable[str]) -> str | None:
    """Return what is wrong with patterns that one name is tried on, None where nothing is."""
    steps = 0
    for pattern in patterns:
        if not _is_pattern(pattern):
            return "is no pattern of names, dots, .* and (a|b); give a list of names"
        marked = re.sub(_GROUP, lambda group: group[0].replace("|", ","), pattern)
        steps += sum(map(_count_steps, marked.split("|")))
    return f"takes too long to match ({steps:.0e} steps a name); give a list of names" if steps > MAX_STEPS else None


def _count_steps(branch: str) -> int:
    """Return in how many ways at most a pattern without a choice outside of groups may be tried."""
    choices = prod(group.count(",") + 1 for group in re.findall(r"\([^)]*\)", branch))
    return choices * NAME_LENGTH ** len(re.findall("[*+]", branch))


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return _SIMPLE.fullmatch(text) is not None


__all__ = ["explain_pattern"]
