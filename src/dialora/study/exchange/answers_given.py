"""Answers from another tool, as they stood on its page, turned into the events of a study's sheets.

A task that leaves for another tool says whose sheet and which item it is, with the texts in the order of that sheet. A
sheet is one rater's: annotators get the sheet whose tasks they did, in the order in which they appear, or the next free
one that holds all their items; an answer is then turned to the order in which that sheet shows the two texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dialora.config import stable_hash
from dialora.errors import InputError
from dialora.printable import clean
from dialora.study.answers import check_answer
from dialora.study.folder import BlindStudy
from dialora.study.judgements import ANSWERED, Event
from dialora.study.records import FIRST, PAIRWISE, SECOND, Entry, Sheet

_MAX_SECONDS = 86_400
"""A longer time is none that an item was looked at."""
_TURNED = {FIRST: SECOND, SECOND: FIRST}


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What an annotator said of a task."""

    tool: str
    annotator: str
    task: str
    """How the tool calls it, for messages."""
    sheet: int
    """The sheet that the task was made of."""
    item: str
    answer: dict[str, Any]
    """As the task showed the texts."""
    seconds: float | None
    at: str
    """ISO 8601, in UTC."""


def show_text(text: str) -> str:
    """Return a rated or compared text as other tools show it: its words with single spaces, safe to show.

    So a place in it is a word's, whatever the tool does with white space.
    """
    return clean(" ".join(text.split()))


def show_texts(study: BlindStudy, entry: Entry) -> list[str]:
    """Return the texts of an entry in the order in which its sheet shows them."""
    texts = [show_text(text) for text in study.items[entry.item].texts]
    return texts[::-1] if entry.is_swapped else texts


def find_words(text: str, start: int, end: int, quoted: str | None, *, task: str) -> tuple[int, int]:
    """Return which words, `[start, stop)`, the characters `[start, end)` of a shown text touch.

    Where `quoted` says what they are, offsets that count UTF-16 units, as some versions of Label Studio do, are told
    from those that count characters. Raises InputError where the place is none.
    """
    encoded = text.encode("utf-16-le")
    if quoted is not None and text[start:end].strip() != quoted.strip():
        start, end = (len(encoded[: 2 * at].decode("utf-16-le", errors="ignore")) for at in (start, end))
        if text[start:end].strip() != quoted.strip():
            raise InputError(f"{task}: the marked words {quoted[:60]!r} are not where they are said to be in the text.")
    words, at = [], 0
    for number, word in enumerate(text.split()):
        place = text.index(word, at)
        at = place + len(word)
        if place < end and at > start:
            words.append(number)
    if not words:
        raise InputError(f"{task}: characters {start} to {end} mark no word of the text.")
    return words[0], words[-1] + 1


def build_events(study: BlindStudy, given: Sequence[GivenAnswer], *, sheet: int | None = None) -> list[Event]:
    """Turn answers into events, in the order given. Raises InputError for what is not this study's or no answer.

    With `sheet`, all are of one annotator and go there.
    """
    for one in given:
        if one.item not in study.items:
            raise InputError(f"{one.task}: is of no item of this study ({one.item!r}); is it another study's?")
    sheets = _assign_sheets(study, given, sheet)
    return [_build_event(study, one, sheets[one.annotator]) for one in given]


def _build_event(study: BlindStudy, one: GivenAnswer, sheet: Sheet) -> Event:
    answer = dict(one.answer)
    if study.items[one.item].kind == PAIRWISE and _is_swapped(study, one.sheet, one) != _find(sheet, one).is_swapped:
        answer["answer"] = _TURNED.get(answer.get("answer", ""), answer.get("answer"))
    try:
        check_answer(study.settings, study.items[one.item], ANSWERED, answer)
    except InputError as error:
        raise InputError(f"{one.task}: {error}") from error
    # The same answer read twice is the same event; one that was changed since is another, and counts as the later.
    number = stable_hash([one.tool, one.annotator, sheet.number, one.item, answer, one.at])[:32]
    seconds = one.seconds if one.seconds is not None and 0 <= one.seconds <= _MAX_SECONDS else None
    return Event(number, sheet.number, ANSWERED, one.item, answer, seconds, one.at)


def _assign_sheets(study: BlindStudy, given: Iterable[GivenAnswer], sheet: int | None) -> dict[str, Sheet]:
    done: dict[str, list[GivenAnswer]] = {}
    for one in given:
        done.setdefault(one.annotator, []).append(one)
    known = {one.number: one for one in study.sheets}
    if sheet is not None:
        if sheet not in known:
            raise InputError(f"--sheet {sheet}: there is no such sheet; there are {len(known)}, from 1.")
        if len(done) > 1:
            raise InputError(f"--sheet {sheet}: a sheet is one rater's, and these are {len(done)} annotators' answers.")
        known = {sheet: known[sheet]}
    free = dict(known)
    taken: dict[str, Sheet] = {}
    for annotator, answers in done.items():
        items = {one.item for one in answers}
        own = {one.sheet for one in answers}
        order = sorted(free, key=lambda number: (number not in own, number))
        fitting = [number for number in order if items <= {entry.item for entry in free[number].entries}]
        if not fitting:
            where = f"sheet {sheet}" if sheet is not None else f"none of the {len(free)} sheets that are left"
            raise InputError(
                f"annotator {annotator}: {where} holds all {len(items):,} items that were judged; a sheet is one "
                "rater's, so there can be no more annotators than sheets, each with the tasks of one sheet."
            )
        taken[annotator] = free.pop(fitting[0])
    return taken


def _is_swapped(study: BlindStudy, number: int, one: GivenAnswer) -> bool:
    try:
        return _find(study.find_sheet(number), one).is_swapped
    except KeyError:
        raise InputError(f"{one.task}: says that it is of sheet {number}, and there is no such sheet.") from None


def _find(sheet: Sheet, one: GivenAnswer) -> Entry:
    for entry in sheet.entries:
        if entry.item == one.item:
            return entry
    raise InputError(f"{one.task}: item {one.item} is not in sheet {sheet.number}.")


__all__ = ["GivenAnswer", "build_events", "find_words", "show_text", "show_texts"]
