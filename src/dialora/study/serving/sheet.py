"""A sheet as the rater's page gets it: the one place where what is blind turns into what is sent.

Texts come in the order in which they are shown, so that the page never learns the key's; settings come without the
study's name, which may say what is compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dialora.printable import clean_all
from dialora.study.folder import BlindStudy
from dialora.study.judgements import PRACTISED, Event, Judgement, collect_judgements
from dialora.study.records import PAIRWISE, Entry, Sheet


def describe_sheet(study: BlindStudy, sheet: Sheet, events: Iterable[Event]) -> dict[str, Any]:
    """Return plain values for JSON: settings, entries in order, the state after `events`, and whether practice is done.

    Of an entry `words` are those of `text.split()`, in which marked errors are counted; control characters are shown as
    their escapes.
    """
    events = list(events)
    settings = study.settings.to_json()
    shown = ("title", "instructions", "criteria", "error_kinds", "asks_why", "practice")
    return clean_all(
        {
            "settings": {key: settings[key] for key in shown},
            "entries": [_describe_entry(study, entry) for entry in sheet.entries],
            "state": describe_state(study, sheet, events),
            "practised": any(event.kind == PRACTISED and event.sheet == sheet.number for event in events),
        }
    )


def describe_state(study: BlindStudy, sheet: Sheet, events: Iterable[Event]) -> dict[str, Any]:
    """Return the sheet's present answers by item, each in the form in which the page gave it."""
    judgements = collect_judgements([sheet], events)
    return clean_all({one.item: _describe_answer(study, one) for one in judgements})


def _describe_entry(study: BlindStudy, entry: Entry) -> dict[str, Any]:
    item = study.items[entry.item]
    texts = tuple(reversed(item.texts)) if entry.is_swapped else item.texts
    return {
        "item": item.id,
        "kind": item.kind,
        "dialogue": item.dialogue,
        "texts": list(texts),
        "words": [text.split() for text in texts],
    }


def _describe_answer(study: BlindStudy, judgement: Judgement) -> dict[str, Any]:
    values = judgement.to_json()
    given = ("answer", "why") if study.items[judgement.item].kind == PAIRWISE else ("scores", "errors", "why")
    return {key: values[key] for key in given}


__all__ = ["describe_sheet", "describe_state"]
