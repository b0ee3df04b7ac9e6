"""The nouns of a study. What is blind is all that a rater's page is made from; who wrote what stands in the key alone.

A study asks `raters` about `items`. An item shows a dialogue with one text to rate, or with two to choose from, and
names no system. A sheet is one rater's items in order. What raters do is a list of events that is only ever added to;
`collect_judgements` makes the sheet's present state of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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

JUDGED, ATTENTION, REPEAT = "judged", "attention", "repeat"
ROLES = (JUDGED, ATTENTION, REPEAT)

OPENED, PRACTISED, ANSWERED, UNDONE = "opened", "practised", "answered", "undone"
EVENTS = (OPENED, PRACTISED, ANSWERED, UNDONE)


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


@dataclass(frozen=True, slots=True)
class MarkedError(Record):
    """Words of a rated text that are wrong: `[start, stop)` counts in `text.split()`."""

    start: int
    stop: int
    kind: str
    """The key of an ErrorKind."""


@dataclass(frozen=True, slots=True)
class Event(Record):
    """Something a rater did. Events are only added; the latest of an item counts."""

    id: str
    """Drawn by the page: the same event sent twice is stored once."""
    sheet: int
    kind: str
    """One of EVENTS."""
    item: str | None
    answer: dict[str, Any] | None
    """What `Judgement` holds, of an ANSWERED event: {"answer"} of a pair, {"scores", "errors"} of a rating, "why"."""
    seconds: float | None
    """How long the item was looked at, without pauses, as the page measured."""
    at: str
    """When it was stored: ISO 8601 in UTC; from a file of ratings, when the page saved it."""


@dataclass(frozen=True, slots=True)
class Judgement(Record):
    """What a rater thinks of an item, as it stands now."""

    sheet: int
    item: str
    place: int
    """In the sheet, from 0."""
    answer: str | None = None
    """Of a pair, one of ANSWERS, as it stood on the page."""
    scores: dict[str, int] = field(default_factory=dict)
    """Of a rating, by criterion."""
    errors: tuple[MarkedError, ...] = ()
    why: str = ""
    seconds: float | None = None
    at: str = ""


def collect_judgements(sheets: Iterable[Sheet], events: Iterable[Event]) -> list[Judgement]:
    """Return the present state of all sheets, by sheet and place: of each item the latest answer not taken back.

    `events` come in the order in which they were stored. Events of sheets or items that are not the study's are left
    out.
    """
    places = {(sheet.number, entry.item): at for sheet in sheets for at, entry in enumerate(sheet.entries)}
    found: dict[tuple[int, str], Judgement] = {}
    for event in events:
        if event.item is None or (event.sheet, event.item) not in places:
            continue
        key = (event.sheet, event.item)
        if event.kind == UNDONE:
            found.pop(key, None)
        elif event.kind == ANSWERED and event.answer is not None:
            errors = tuple(MarkedError.from_json(one) for one in event.answer.get("errors", ()))
            found[key] = Judgement(
                event.sheet,
                event.item,
                places[key],
                answer=event.answer.get("answer"),
                scores=dict(event.answer.get("scores", {})),
                errors=errors,
                why=event.answer.get("why", ""),
                seconds=event.seconds,
                at=event.at,
            )
    return [found[key] for key in sorted(found, key=lambda key: (key[0], places[key]))]


__all__ = [
    "ANSWERED",
    "ANSWERS",
    "ATTENTION",
    "BOTH",
    "DESIGNS",
    "EVENTS",
    "FIRST",
    "HIGHEST",
    "JUDGED",
    "KINDS",
    "LOWEST",
    "NEITHER",
    "OPENED",
    "PAIRWISE",
    "PRACTISED",
    "RATING",
    "REPEAT",
    "ROLES",
    "SECOND",
    "TIE",
    "UNDONE",
    "Criterion",
    "Entry",
    "ErrorKind",
    "Event",
    "Item",
    "ItemKey",
    "JudgedSystem",
    "Judgement",
    "MarkedError",
    "PracticeItem",
    "Sheet",
    "StudyKey",
    "StudySettings",
    "collect_judgements",
]
