"""What reading made of texts besides taking them as they stand: counted by kind, and said in the notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

Changes = Counter[str]
"""By kind, in how many cells; a kind that depends on the data's own names is its sentence."""

TURN_LIST, SUMMARY_LIST, UNREADABLE_LIST = "turn list", "summary list", "unreadable list"
TURN_TEXTS, TURN_PAIRS, TURN_COLUMNS = "turn texts", "turn pairs", "turn columns"
LINE_BREAK, ONE_LINE, SPECIAL_TOKEN, MISSING = "line break", "one line", "special token", "missing"
_SENTENCES = {
    TURN_LIST: "Dialogues written as a list into a cell, of which each turn is read as a line",
    TURN_TEXTS: "Dialogues as lists of texts, each read as a turn",
    TURN_PAIRS: "Dialogues as lists of pairs, of which the first is read as speaker and the second as text",
    TURN_COLUMNS: "Dialogues as lists in two columns, of which one is read as texts and the other as speakers",
    SUMMARY_LIST: "Cells with a written list of summaries, of which each is read as one",
    UNREADABLE_LIST: "Cells that look like a list but hold no texts as JSON or Python writes them, read as plain text",
    LINE_BREAK: "Texts with `<br>`, `<n>`, `\\n` or another sign for a line break, read as one",
    ONE_LINE: "Dialogues on one line, divided into turns where speakers are named",
    SPECIAL_TOKEN: "Summaries with special tokens of a model (`<pad>`, `</s>`, -100), which are left out",
    MISSING: "Cells with nothing but the word nan, None or null, read as empty",
}
_NAMED = 5
"""Columns of one kind that are named."""


def describe_changes(changes: Changes) -> list[str]:
    """Return a sentence for each kind, with its number of cells."""
    return [f"{sentence}: {changes[kind]:,}." for kind, sentence in _list_sentences([changes]) if changes[kind]]


def describe_changes_by_column(columns: Mapping[str, Changes]) -> list[str]:
    """Return a sentence for each kind, with the columns that have it and the number of cells in each."""
    sentences = []
    for kind, sentence in _list_sentences(columns.values()):
        found = [f"{column} ({changes[kind]:,})" for column, changes in columns.items() if changes[kind]]
        more = [f"and {len(found) - _NAMED} columns more"] if len(found) > _NAMED else []
        if found:
            sentences.append(f"{sentence}: {', '.join(found[:_NAMED] + more)}.")
    return sentences


def name_turn_objects(text: str, speaker: str | None) -> str:
    """Return the kind of a dialogue whose turns are objects, with the keys that were read."""
    return f"Dialogues as lists of objects, of which {_name_keys(text, speaker)}"


def name_parallel_lists(texts: str, speakers: str | None) -> str:
    """Return the kind of a dialogue that is an object of lists, with the keys that were read."""
    return f"Dialogues as objects of lists, of which {_name_keys(texts, speakers)}"


def _name_keys(text: str, speaker: str | None) -> str:
    who = (
        "no key as speaker (data.turn_speaker_key names one)" if speaker is None else f"{speaker.strip()!r} as speaker"
    )
    return f"{text.strip()!r} is read as text and {who}"


def _list_sentences(found: Iterable[Changes]) -> Iterator[tuple[str, str]]:
    """Give every kind with its sentence, those that are their own sentence last."""
    yield from _SENTENCES.items()
    own = dict.fromkeys(kind for changes in found for kind in changes if kind not in _SENTENCES)
    yield from zip(own, own, strict=True)


__all__ = [
    "LINE_BREAK",
    "MISSING",
    "ONE_LINE",
    "SPECIAL_TOKEN",
    "SUMMARY_LIST",
    "TURN_COLUMNS",
    "TURN_LIST",
    "TURN_PAIRS",
    "TURN_TEXTS",
    "UNREADABLE_LIST",
    "Changes",
    "describe_changes",
    "describe_changes_by_column",
    "name_parallel_lists",
    "name_turn_objects",
]
