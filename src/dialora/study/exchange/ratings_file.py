"""Files of ratings that raters send back, and how they come into a study: checked to the last event, or not at all.

A file is what the page without a server saves: {"schema_version", "study", "sheet", "events"}. Importing it again adds
nothing, as events have ids of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from dialora.errors import InputError
from dialora.study.events import EventStore
from dialora.study.exchange.saved_file import read_saved_file
from dialora.study.exchange.static_page import find_sheet
from dialora.study.folder import BlindStudy
from dialora.study.judgements import ANSWERED, Event
from dialora.study.records import Sheet

SCHEMA_VERSION = 1
MAX_BYTES = 50_000_000
_FIELDS = {"schema_version", "study", "sheet", "events"}
_EVENT_FIELDS = {"id", "kind", "item", "answer", "seconds", "at"}


@dataclass(frozen=True, slots=True)
class ImportedSheet:
    """What came of one sheet."""

    sheet: int
    num_events: int
    num_new: int
    num_answered: int
    """Items that the imported events answer."""
    had_others: bool
    """It was answered elsewhere, too: in the study or in another of the files are answers that a file does not have. Of
    each item the one that came in last counts."""


def read_ratings(path: Path, *, study_id: str, study: BlindStudy) -> list[Event]:
    """Return the events of a file of ratings. Raises InputError where any of it is not of this study."""
    values = _load(path)
    if not isinstance(values, dict) or set(values) != _FIELDS:
        raise InputError(f"{path}: is no file of ratings; give one that a rater's page saved.")
    if values["schema_version"] != SCHEMA_VERSION:
        raise InputError(
            f"{path}: is a file of ratings of version {values['schema_version']!r}; this dialora reads "
            f"{SCHEMA_VERSION}."
        )
    if values["study"] != study_id:
        raise InputError(f"{path}: holds ratings of another study ({values['study']!r}); this one is {study_id}.")
    number, events = values["sheet"], values["events"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise InputError(f"{path}: sheet: is {number!r}; the study has sheets 1 to {len(study.sheets)}.")
    sheet = find_sheet(study, number, f"{path}: sheet {number}")
    if not isinstance(events, list):
        raise InputError(f"{path}: events: is no list.")
    return [_read_event(study, sheet, event, f"{path}: event {at}") for at, event in enumerate(events, start=1)]


def add_events(store: EventStore, files: Sequence[Sequence[Event]]) -> list[ImportedSheet]:
    """Add the events of files to the store and tell, by sheet, what was new. Nothing is added unless all of it can be.

    Raises InputError where an event is known and says something else.
    """
    before = store.load()
    events = [event for file in files for event in file]
    known = {event.id: event for event in before}
    fresh: dict[str, Event] = {}
    for event in events:
        other = known.get(event.id) or fresh.get(event.id)
        if other is None:
            fresh[event.id] = event
        elif replace(other, at=event.at) != event:
            raise InputError(
                f"sheet {event.sheet}: event {event.id} was imported before and says something else; ask the rater for "
                "the file as the page saved it."
            )
    for event in fresh.values():
        store.append(event)
    numbers = sorted({event.sheet for event in events})
    return [_describe(number, [*files, before], events, fresh) for number in numbers]


def _describe(
    number: int, sources: Iterable[Iterable[Event]], events: Iterable[Event], fresh: dict[str, Event]
) -> ImportedSheet:
    ids = {event.id: event for event in events if event.sheet == number}
    answered = {event.item for event in ids.values() if event.kind == ANSWERED}
    by_source = [{one.id: one.item for one in file if (one.sheet, one.kind) == (number, ANSWERED)} for file in sources]
    had_others = any(_differ(one, other) for one, other in combinations(by_source, 2))
    return ImportedSheet(number, len(ids), len(ids.keys() & fresh.keys()), len(answered), had_others)


def _differ(one: dict[str, str | None], other: dict[str, str | None]) -> bool:
    """Whether two sources answered the same items by themselves: the longer of two files of one page has the other."""
    is_part = one.keys() <= other.keys() or other.keys() <= one.keys()
    return not is_part and bool(set(one.values()) & set(other.values()))


def _load(path: Path) -> Any:
    content = read_saved_file(path, most=MAX_BYTES)
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is no JSON in UTF-8; give a file that a rater's page saved.") from None


def _read_event(study: BlindStudy, sheet: Sheet, values: Any, where: str) -> Event:
    from dialora.study.serving.checking import read_event

    if not isinstance(values, dict) or set(values) != _EVENT_FIELDS:
        raise InputError(f"{where}: has the fields {', '.join(sorted(_EVENT_FIELDS))}, and no others.")
    at = _read_time(values["at"], where)
    sent = {name: value for name, value in values.items() if name != "at"}
    try:
        # The same judge as for what a served page sends.
        event = read_event(study, sheet, json.dumps(sent).encode())
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return replace(event, at=at)


def _read_time(text: Any, where: str) -> str:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC).isoformat(timespec="milliseconds")
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where}: at: {text!r} is no time in ISO 8601 with its zone.") from None


__all__ = ["SCHEMA_VERSION", "ImportedSheet", "add_events", "read_ratings"]
