"""What a cell of a table says: a dialogue, summaries, an id. The one place where structure inside a text is read.

A cell that holds no text is empty, one that holds something else than text is a DataError with its place. Lists that
are written into a cell are lists; other signs for a line break are line breaks; a dialogue on one line is divided into
its turns. What was made of a text besides taking it as it stands is counted in `changes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dialora.data.one_line import split_line
from dialora.data.reading.changes import (
    LINE_BREAK,
    MISSING,
    ONE_LINE,
    SPECIAL_TOKEN,
    SUMMARY_LIST,
    TURN_LIST,
    UNREADABLE_LIST,
    Changes,
)
from dialora.data.reading.marks import is_missing, remove_special_tokens, replace_line_breaks
from dialora.data.reading.raw import TranscriptText
from dialora.data.reading.text import normalise_name, require_whole
from dialora.data.reading.turn_lists import TEXT_KEYS, TurnKeys, is_turns, read_turns
from dialora.data.reading.written_lists import is_token_ids, looks_like_list, parse_list
from dialora.errors import DataError

SUMMARY_KEYS = ("summary", "summary_text", "generated_text", *TEXT_KEYS)
"""Of an object that holds a summary, as those of transformers' pipelines do."""
_ANY_KEYS = TurnKeys()


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return value is None or value != value  # NaN differs from itself


def read_text(value: Any, where: str, role: str) -> str:
    """Return a cell's text as it stands, "" for an empty one. Raises DataError, with its place, where it is no text."""
    if is_empty(value):
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: the {role} must be text, got {type(value).__name__}: {str(value)[:60]!r}.")
    return require_whole(value, where, role).replace("\r\n", "\n").strip()


def read_dialogue(
    value: Any, where: str, *, keys: TurnKeys = _ANY_KEYS, speakers: Any = None, changes: Changes | None = None
) -> str:
    """Return a dialogue as text, one line per turn, "" for an empty cell. Raises DataError, with its place.

    `speakers` are those of the turns where they stand in a column of their own.
    """
    changes = Changes() if changes is None else changes
    if isinstance(value, TranscriptText):
        return str(value)
    if isinstance(value, str):
        text = _read_cell(value, where, "dialogue", changes)
        written = parse_list(text) if looks_like_list(text) else None
        if not is_turns(written):
            changes[UNREADABLE_LIST] += looks_like_list(text)
            return _divide_line(_break_lines(text, changes), changes)
        changes[TURN_LIST] += 1
        value = written
        speakers = parse_list(speakers) if isinstance(speakers, str) and looks_like_list(speakers) else speakers
    if isinstance(value, list | Mapping):
        lines = read_turns(value, where, keys, speakers=speakers, changes=changes)
        return _break_lines("\n".join(lines), changes)
    return read_text(value, where, "dialogue")


def read_summaries(value: Any, where: str, *, role: str = "summary", changes: Changes | None = None) -> list[str]:
    """Return the summaries of a cell that are not empty: its text, or a list's. Raises DataError, with its place."""
    changes = Changes() if changes is None else changes
    parts = _divide_cell(value, where, role, changes)
    return [text for text in (read_summary(part, where, role=role, changes=changes) for part in parts) if text]


def read_summary(value: Any, where: str, *, role: str = "summary", changes: Changes | None = None) -> str:
    """Return one summary without what a model's padding left in it, "" for an empty cell. Raises DataError."""
    changes = Changes() if changes is None else changes
    key = find_summary_key(value)
    if key is None and isinstance(value, Mapping):
        raise DataError(
            f"{where}: the {role} holds an object without a text. Keys: {', '.join(map(str, value))[:200]}. "
            f"Recognised: {', '.join(SUMMARY_KEYS)}."
        )
    text = _break_lines(_read_cell(value if key is None else value[key], where, role, changes), changes)
    plain = remove_special_tokens(text)
    changes[SPECIAL_TOKEN] += plain != text
    return plain


def find_summary_key(value: Any) -> str | None:
    """Return the key under which an object holds a summary; None where it has none, and for what is no object."""
    keys = {normalise_name(str(name)): name for name in value} if isinstance(value, Mapping) else {}
    return next((keys[name] for name in SUMMARY_KEYS if name in keys), None)


def read_label(row: Mapping[str, Any], column: str | None, where: str, role: str) -> str | None:
    """Return an id or topic, None where there is none. Raises DataError as `require_whole` does."""
    value = row.get(column) if column is not None else None
    return None if is_empty(value) else require_whole(str(value), where, role).strip() or None


def _read_cell(value: Any, where: str, role: str, changes: Changes) -> str:
    text = read_text(value, where, role)
    if not is_missing(text):
        return text
    changes[MISSING] += 1
    return ""


def _break_lines(text: str, changes: Changes) -> str:
    broken = replace_line_breaks(text).strip()
    changes[LINE_BREAK] += broken != text
    return broken


def _divide_line(text: str, changes: Changes) -> str:
    if "\n" in text:
        return text
    turns = split_line(text)
    changes[ONE_LINE] += len(turns) > 1
    return "\n".join(turns)


def _divide_cell(value: Any, where: str, role: str, changes: Changes) -> Iterator[Any]:
    """Give what a cell of summaries holds, one after the other: of a list its items, whether it is one or writes one.

    Raises DataError where it holds a tokenizer's numbers.
    """
    if is_token_ids(value):
        raise DataError(f"{where}: the {role} holds token ids, not text; decode them with their tokenizer.")
    if isinstance(value, str):
        text = read_text(value, where, role)
        if not looks_like_list(text):
            yield text
            return
        items = _parse_summaries(text)
        changes[UNREADABLE_LIST if items is None else SUMMARY_LIST] += 1
        yield from [text] if items is None else items
    elif isinstance(value, list):
        for item in value:
            yield from _divide_cell(item, where, role, changes)
    else:
        key = find_summary_key(value)
        yield from [value] if key is None else _divide_cell(value[key], where, role, changes)


def _parse_summaries(text: str) -> list[Any] | None:
    """Return the summaries that a text writes as a list or as an object of one entry, None where it writes none."""
    written = parse_list(text)
    # An object with more entries is an answer of its own kind, which is scored or learned as it stands.
    if not isinstance(written, list) and not (isinstance(written, Mapping) and len(written) == 1):
        return None
    items = list(_flatten(written))
    return items if all(isinstance(item, str) or is_empty(item) for item in items) else None


def _flatten(value: Any) -> Iterator[Any]:
    key = find_summary_key(value)
    if isinstance(value, list):
        for item in value:
            yield from _flatten(item)
    elif key is not None:
        yield from _flatten(value[key])
    else:
        yield value


__all__ = [
    "SUMMARY_KEYS",
    "find_summary_key",
    "is_empty",
    "read_dialogue",
    "read_label",
    "read_summaries",
    "read_summary",
    "read_text",
]
