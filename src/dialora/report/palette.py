"""One colour and marker per system, the same in every figure, table and browser card.

The colours are Okabe & Ito's colour-blind-safe set (Color Universal Design, 2008), its light members darkened until
each has a contrast of at least 3:1 on white and on near-black, so one set serves light and dark pages and the
terminal. The first untrained system is grey: it is what the others are measured against. Where systems stand on
several bases, and there are colours for all of them, a colour is a base and a marker a method.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
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
    """Return each system's style by key: a colour a base, or a system, when colours repeat with another marker."""
    if has_color_per_base(systems):
        return _style_by_base(systems)
    styles: dict[str, SystemStyle] = {}
    untrained = next((s.key for s in systems if not is_trained(s) and not s.yardstick), None)
    if untrained is not None:
        styles[untrained] = SystemStyle(GREY, MARKERS[0])
    others = [system.key for system in systems if system.key != untrained]
    for index, key in enumerate(others):
        turn, color = divmod(index, len(COLORS))
        styles[key] = SystemStyle(COLORS[color], MARKERS[turn % len(MARKERS)])
    return styles


def has_color_per_base(systems: Iterable[System]) -> bool:
    """Return whether a colour is a base: there are several, and a colour for each."""
    return 1 < len({system.base for system in systems if not system.yardstick}) <= len(COLORS)


def describe_markers(systems: Iterable[System], styles: Mapping[str, SystemStyle]) -> str:
    """Return what a marker says where a colour is a base, as a part of a sentence."""
    shown = [system for system in systems if not system.yardstick]
    markers = {styles[system.key].marker for system in shown}
    if len({(styles[system.key].marker, system.method) for system in shown}) == len(markers):
        return "a marker a method"
    if len({styles[system.key] for system in shown}) == len(shown):
        return "a marker tells its systems apart"
    return f"and a base with more than {len(MARKERS)} systems has some that share a marker"


def _style_by_base(systems: Sequence[System]) -> dict[str, SystemStyle]:
    """Return a colour per base and a marker per method; of more methods than markers some share one.

    What would look like another system of its base gets a marker that none of them has, as long as there is one.
    """
    groups: dict[str | None, list[System]] = {}
    for system in systems:
        if not system.yardstick:
            groups.setdefault(system.base, []).append(system)
    methods = dict.fromkeys(system.method for group in groups.values() for system in group)
    own = dict(zip(methods, cycle(MARKERS), strict=False))
    styles: dict[str, SystemStyle] = {}
    for color, group in zip(COLORS, groups.values(), strict=False):
        used: set[str] = set()
        free = [marker for marker in MARKERS if marker not in {own[system.method] for system in group}]
        for system in group:
            marker = free.pop(0) if own[system.method] in used and free else own[system.method]
            styles[system.key] = SystemStyle(color, marker)
            used.add(marker)
    others = [system.key for system in systems if system.yardstick]
    left = (*COLORS[len(groups) :], GREY)
    return styles | {key: SystemStyle(left[i % len(left)], MARKERS[0]) for i, key in enumerate(others)}


def find_system(label: str, systems: Iterable[System]) -> System | None:
    """Return the system a run's label belongs to, as in `PEFT, seed 1`: the longest that it is or begins with."""
    matches = [system for system in systems if re.match(rf"{re.escape(system.label)}(?!\w)", label)]
    return max(matches, key=lambda system: len(system.label), default=None)


__all__ = [
    "COLORS",
    "GREY",
    "SystemStyle",
    "build_styles",
    "describe_markers",
    "find_system",
    "has_color_per_base",
    "is_trained",
]
