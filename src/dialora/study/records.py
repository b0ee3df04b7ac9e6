"""The nouns of a study. What is blind is all that a rater's page is made from; who wrote what stands in the key alone.

A study asks `raters` about `items`. An item shows a dialogue with one text to rate, or with two to choose from, and
names no system. A sheet is one rater's items in order. What raters do is in `judgements`, who wrote what in `key`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from dialora.records import Record

PAIRWISE, RATING = "pairwise", "rating"
KINDS = (PAIRWISE, RATING)
BOTH = "both"
DESIGNS = (PAIRWISE, RATING, BOTH)

FIRST, SECOND, TIE, NEITHER = "a", "b", "tie", "neither"
ANSWERS = (FIRST, SECOND, TIE, NEITHER)
"""Of a pair, by where the text stood on the page: the first, the second, equally good, both bad."""
LOWEST, HIGHEST = 1, 5
"""Of a rating."""


@dataclass(frozen=True, slots=True)
class Criterion(Record):
    """A quality that is rated from 1 to 5."""

    key: str
    label: str
    question: str
    lowest: str
    """What 1 means."""
    highest: str
    """What 5 means."""
    example: str


@dataclass(frozen=True, slots=True)
class ErrorKind(Record):
    """A kind of error that a rater marks in a text."""

    key: str
    label: str
    definition: str
    example: str


@dataclass(frozen=True, slots=True)
class PracticeItem(Record):
    """An item with a known answer, which raters try before they begin; what they answer is not analysed."""

    kind: str
    dialogue: str
    texts: tuple[str, ...]
    """One to rate, or two in the order in which they are shown."""
    expected: dict[str, Any]
    """`{"answer": [allowed answers]}` of a pair, `{"scores": {criterion: [lowest, highest]}}` of a rating."""
    feedback: str
    """Why, shown after the answer."""


@dataclass(frozen=True, slots=True)
class StudySettings(Record):
    """Blind: how the page looks and what it asks."""

    name: str
    design: str
    """One of DESIGNS."""
    title: str
    instructions: str
    """Plain text, paragraphs apart by an empty line."""
    num_sheets: int
    criteria: tuple[Criterion, ...] = ()
    """Empty where nothing is rated."""
    error_kinds: tuple[ErrorKind, ...] = ()
    """Empty where errors are not marked."""
    practice: tuple[PracticeItem, ...] = ()
    asks_why: bool = False
    """A pair has a field for the reason, which may stay empty."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the settings from `to_json`'s form."""
        return cls(
            **values
            | {
                "criteria": tuple(Criterion.from_json(one) for one in values["criteria"]),
                "error_kinds": tuple(ErrorKind.from_json(one) for one in values["error_kinds"]),
                "practice": tuple(PracticeItem.from_json(one) for one in values["practice"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Item(Record):
    """Blind: a dialogue with one text to rate or two to choose from."""

    id: str
    """Drawn at random: it says nothing."""
    kind: str
    """One of KINDS."""
    dialogue: str
    texts: tuple[str, ...]
    """In the key's order; the sheet says whether two are shown the other way round."""


@dataclass(frozen=True, slots=True)
class Entry(Record):
    """An item's place in a sheet."""

    item: str
    is_swapped: bool = False
    """Of a pair: the second text is shown as A."""


@dataclass(frozen=True, slots=True)
class Sheet(Record):
    """Blind: what one rater judges, in order. Sheets count from 1."""

    number: int
    entries: tuple[Entry, ...]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the sheet from `to_json`'s form."""
        return cls(values["number"], tuple(Entry.from_json(entry) for entry in values["entries"]))


__all__ = [
    "ANSWERS",
    "BOTH",
    "DESIGNS",
    "FIRST",
    "HIGHEST",
    "KINDS",
    "LOWEST",
    "NEITHER",
    "PAIRWISE",
    "RATING",
    "SECOND",
    "TIE",
    "Criterion",
    "Entry",
    "ErrorKind",
    "Item",
    "PracticeItem",
    "Sheet",
    "StudySettings",
]
