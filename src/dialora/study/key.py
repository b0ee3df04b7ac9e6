"""Not blind: what turns judgements of texts into judgements of systems. Serving a study never loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from dialora.records import Record

JUDGED, ATTENTION, REPEAT = "judged", "attention", "repeat"
ROLES = (JUDGED, ATTENTION, REPEAT)


@dataclass(frozen=True, slots=True)
class ItemKey(Record):
    """Not blind: what an item is."""

    id: str
    role: str
    """One of ROLES."""
    dialogue_id: str
    writers: tuple[tuple[str, ...], ...]
    """For each text the keys of all systems that wrote just that; () for a planted one.

    Where one system is compared with all others, its text has its own key alone.
    """
    stratum: str
    """Why the dialogue was drawn: `disagreement`, `length` or `random`; `attention` for a check."""
    of: str | None = None
    """Of a repeat: the item that it repeats."""
    better: int | None = None
    """Of an attention check: of two, the index of the text that belongs to the dialogue; of one, -1: it does not."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the key from `to_json`'s form."""
        return cls(**values | {"writers": tuple(tuple(keys) for keys in values["writers"])})


@dataclass(frozen=True, slots=True)
class JudgedSystem(Record):
    """Not blind: one of those that the study compares."""

    key: str
    method: str
    label: str
    source: str
    """The folder of its experiment or table; "" for the people who wrote the references."""


@dataclass(frozen=True, slots=True)
class StudyKey(Record):
    """Not blind: all that turns judgements of texts into judgements of systems."""

    systems: tuple[JudgedSystem, ...]
    items: tuple[ItemKey, ...]
    identical: tuple[tuple[str, str, str], ...]
    """(dialogue id, system, system) that wrote the same and would have been set side by side; nobody was asked."""
    scores: dict[str, dict[str, dict[str, float]]]
    """By dialogue id, system and metric, aggregated over references: what metrics said of the dialogues drawn."""
    seed: int
    secret: str = ""
    """What all that raters are shown was drawn with, besides the seed; "" of a study from before there was one."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the key from `to_json`'s form."""
        return cls(
            **values
            | {
                "systems": tuple(JudgedSystem.from_json(one) for one in values["systems"]),
                "items": tuple(ItemKey.from_json(one) for one in values["items"]),
                "identical": tuple((dialogue, a, b) for dialogue, a, b in values["identical"]),
            }
        )


__all__ = ["ATTENTION", "JUDGED", "REPEAT", "ROLES", "ItemKey", "JudgedSystem", "StudyKey"]
