"""What a page sent, checked from the first byte: an Event that may be stored, or a sentence that says why not."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from dialora.errors import InputError
from dialora.study.answers import check_answer
from dialora.study.folder import BlindStudy
from dialora.study.judgements import EVENTS, OPENED, PRACTISED, Event
from dialora.study.records import Sheet

MAX_SECONDS = 86_400
_FIELDS = {"id", "kind", "item", "answer", "seconds"}


def read_event(study: BlindStudy, sheet: Sheet, body: bytes) -> Event:
    """Return the event that a sheet's page sent, stored now. Raises InputError with a sentence for the rater."""
    values = _parse(body)
    if not isinstance(values, dict) or set(values) != _FIELDS:
        raise InputError(f"An event has the fields {', '.join(sorted(_FIELDS))}, and no others.")
    id_, kind, item, answer, seconds = (values[name] for name in ("id", "kind", "item", "answer", "seconds"))
    if not isinstance(id_, str) or not re.fullmatch(r"[0-9A-Za-z-]{8,64}", id_):
        raise InputError("id: give 8 to 64 letters, digits and hyphens, as of a UUID.")
    if kind not in EVENTS:
        raise InputError(f"kind: give one of {', '.join(EVENTS)}.")
    if not (item is None and kind in (OPENED, PRACTISED)) and item not in [entry.item for entry in sheet.entries]:
        raise InputError("item: is not one of this sheet's.")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 0 <= seconds <= MAX_SECONDS):
        raise InputError(f"seconds: give a number from 0 to {MAX_SECONDS}.")
    if item is not None:
        check_answer(study.settings, study.items[item], kind, answer)
    elif answer is not None:
        raise InputError(f"answer: is null where the kind is {kind}.")
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Event(id_, sheet.number, kind, item, answer, None if seconds is None else float(seconds), at)


def _parse(body: bytes) -> Any:
    try:
        values = json.loads(body.decode(), parse_constant=_refuse_constant)
        # JSON can spell half a character, and a number that is none of JavaScript's.
        json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InputError("This is not an event as JSON in UTF-8.") from None
    return values


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


__all__ = ["MAX_SECONDS", "read_event"]
