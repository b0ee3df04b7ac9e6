"""What counts as an answer to an item, wherever it comes from: a served page, a file of ratings, another tool."""

from __future__ import annotations

from typing import Any

from dialora.errors import InputError
from dialora.study.judgements import ANSWERED
from dialora.study.records import ANSWERS, HIGHEST, LOWEST, PAIRWISE, Item, StudySettings

MAX_WHY = 2_000
"""Characters of a reason."""
MAX_ERRORS = 500
"""Marks in one text."""


def check_answer(settings: StudySettings, item: Item, kind: str, answer: Any) -> None:
    """Raise InputError, with a sentence, where an event of this kind cannot hold this answer to the item.

    An answered pair has one of ANSWERS; a rated text a whole score for every criterion, and errors that lie inside its
    words. Both may have a reason. Any other kind of event has none.
    """
    if kind != ANSWERED:
        if answer is not None:
            raise InputError(f"answer: is null where the kind is {kind}.")
        return
    allowed = {"answer", "why"} if item.kind == PAIRWISE else {"scores", "errors", "why"}
    if not isinstance(answer, dict) or not set(answer) <= allowed:
        raise InputError(f"answer: is an object of {', '.join(sorted(allowed))}.")
    why = answer.get("why", "")
    if not isinstance(why, str) or len(why) > MAX_WHY:
        raise InputError(f"why: give a text of at most {MAX_WHY:,} characters.")
    if item.kind == PAIRWISE:
        if answer.get("answer") not in ANSWERS:
            raise InputError(f"answer: give one of {', '.join(ANSWERS)}.")
        return
    _check_scores(settings, answer.get("scores"))
    _check_errors(settings, item, answer.get("errors", []))


def _check_scores(settings: StudySettings, scores: Any) -> None:
    keys = [criterion.key for criterion in settings.criteria]
    if not isinstance(scores, dict) or set(scores) != set(keys):
        raise InputError(f"scores: give one for each of {', '.join(keys)}.")
    if not all(_is_whole(score) and LOWEST <= score <= HIGHEST for score in scores.values()):
        raise InputError(f"scores: are whole numbers from {LOWEST} to {HIGHEST}.")


def _check_errors(settings: StudySettings, item: Item, errors: Any) -> None:
    if not isinstance(errors, list | tuple) or len(errors) > MAX_ERRORS:
        raise InputError(f"errors: give a list of at most {MAX_ERRORS}.")
    num_words = len(item.texts[0].split())
    kinds = [kind.key for kind in settings.error_kinds]
    for error in errors:
        if not isinstance(error, dict) or set(error) != {"start", "stop", "kind"}:
            raise InputError("errors: each has start, stop and kind.")
        start, stop = error["start"], error["stop"]
        if not (_is_whole(start) and _is_whole(stop) and 0 <= start < stop <= num_words):
            raise InputError(f"errors: each lies inside the text's {num_words} words, its stop after its start.")
        if error["kind"] not in kinds:
            raise InputError(f"errors: the kind is one of {', '.join(kinds)}." if kinds else "errors: none are asked.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


__all__ = ["MAX_ERRORS", "MAX_WHY", "check_answer"]
