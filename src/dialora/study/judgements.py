"""What raters do, event after event, and what of it counts: the sheet's present state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dialora.records import Record
from dialora.study.records import Sheet

OPENED, PRACTISED, ANSWERED, UNDONE = "opened", "practised", "answered", "undone"
EVENTS = (OPENED, PRACTISED, ANSWERED, UNDONE)


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
    "EVENTS",
    "OPENED",
    "PRACTISED",
    "UNDONE",
    "Event",
    "Judgement",
    "MarkedError",
    "collect_judgements",
]
