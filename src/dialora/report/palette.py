"""One colour and marker per system, the same in every figure, table and browser card.

The colours are Okabe & Ito's colour-blind-safe set (Color Universal Design, 2008), its light members darkened until
each has a contrast of at least 3:1 on white and on near-black, so one set serves light and dark pages and the
terminal. The first untrained system is grey: it is what the others are measured against. Where systems stand on
several bases, a colour is a base and a marker a method.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dialora.comparison import System
from dialora.methods import METHODS

GREY = "#7a828c"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#c4659a", "#b07d00", "#7a6fd0", "#a0673f")
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 3)))
"""A line for each marker, which tells apart curves of systems sharing a colour."""


@dataclass(frozen=True, slots=True)
class SystemStyle:
    """How a system is drawn: a hex colour, and a matplotlib marker that tells apart systems sharing one."""

    color: str
    marker: str

    @property
    def line(self) -> Any:
        """Matplotlib's style of the system's curves."""
        return LINES[MARKERS.index(self.marker)]


def is_trained(system: System) -> bool:
    """Return whether the system had training: neither zero-shot nor a yardstick row."""
    method = METHODS.get(system.method)
    return not system.yardstick and (method is None or method.trains)


def build_styles(systems: Sequence[System]) -> dict[str, SystemStyle]:
    """Return each system's style by key; colours repeat with another marker when there are more systems."""
    if (by_base := _style_by_base(systems)) is not None:
        return by_base
    styles: dict[str, SystemStyle] = {}
    untrained = next((s.key for s in systems if not is_trained(s) and not s.yardstick), None)
    if untrained is not None:
        styles[untrained] = SystemStyle(GREY, MARKERS[0])
    others = [system.key for system in systems if system.key != untrained]
    for index, key in enumerate(others):
        turn, color = divmod(index, len(COLORS))
        styles[key] = SystemStyle(COLORS[color], MARKERS[turn % len(MARKERS)])
    return styles


def _style_by_base(systems: Sequence[System]) -> dict[str, SystemStyle] | None:
    """Return a colour per base and a marker per method; None where there is one base, or more than can be told apart.

    A method that a base has twice gets a marker that no other of its systems has.
    """
    groups: dict[str | None, list[System]] = {}
    for system in systems:
        if not system.yardstick:
            groups.setdefault(system.base, []).append(system)
    methods = list(dict.fromkeys(system.method for group in groups.values() for system in group))
    if not 1 < len(groups) <= len(COLORS) or len(methods) > len(MARKERS):
        return None
    styles: dict[str, SystemStyle] = {}
    for color, group in zip(COLORS, groups.values(), strict=False):
        if len(group) > len(MARKERS):
            return None
        own = dict(zip(methods, MARKERS, strict=False))
        free = [marker for marker in MARKERS if marker not in {own[system.method] for system in group}]
        for system in group:
            marker = own.pop(system.method, None) or free.pop(0)
            styles[system.key] = SystemStyle(color, marker)
    others = [system.key for system in systems if system.yardstick]
    left = (*COLORS[len(groups) :], GREY)
    return styles | {key: SystemStyle(left[i % len(left)], MARKERS[0]) for i, key in enumerate(others)}


def find_system(label: str, systems: Iterable[System]) -> System | None:
    """Return the system a run's label belongs to, as in `PEFT, seed 1`: the longest that it is or begins with."""
    matches = [system for system in systems if re.match(rf"{re.escape(system.label)}(?!\w)", label)]
    return max(matches, key=lambda system: len(system.label), default=None)


__all__ = ["COLORS", "GREY", "SystemStyle", "build_styles", "find_system", "is_trained"]
