"""What reading made of texts besides taking them as they stand: counted by kind, and said in the notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

Changes = Counter[str]
"""By kind, in how many cells."""

TURN_LIST, SUMMARY_LIST, UNREADABLE_LIST = "turn list", "summary list", "unreadable list"
LINE_BREAK, ONE_LINE, SPECIAL_TOKEN, MISSING = "line break", "one line", "special token", "missing"
_SENTENCES = {
    TURN_LIST: "Dialogues written as a list into a cell, of which each turn is read as a line",
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
    return [f"{sentence}: {changes[kind]:,}." for kind, sentence in _SENTENCES.items() if changes[kind]]


def describe_changes_by_column(columns: Mapping[str, Changes]) -> list[str]:
    """Return a sentence for each kind, with the columns that have it and the number of cells in each."""
    sentences = []
    for kind, sentence in _SENTENCES.items():
        found = [f"{column} ({changes[kind]:,})" for column, changes in columns.items() if changes[kind]]
        more = [f"and {len(found) - _NAMED} columns more"] if len(found) > _NAMED else []
        if found:
            sentences.append(f"{sentence}: {', '.join(found[:_NAMED] + more)}.")
    return sentences


__all__ = [
    "LINE_BREAK",
    "MISSING",
    "ONE_LINE",
    "SPECIAL_TOKEN",
    "SUMMARY_LIST",
    "TURN_LIST",
    "UNREADABLE_LIST",
    "Changes",
    "describe_changes",
    "describe_changes_by_column",
]
