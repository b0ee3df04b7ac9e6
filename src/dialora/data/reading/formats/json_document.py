"""One JSON document: a list of rows, an object with a list for each split or under `data`, a table in pandas' forms,
objects one after the other, or lines after all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from dialora.data.reading.columns import DIALOGUE_COLUMNS, normalise_name
from dialora.data.reading.formats.format import Format
from dialora.data.reading.formats.json_lines import JsonLines, build_object, parse_json, require_object
from dialora.data.reading.formats.json_tables import read_columns, read_indexed_rows, read_split_form, require_even
from dialora.data.reading.raw import Content, Row
from dialora.data.reading.splits import find_split, join_names, require_one_table
from dialora.data.reading.text import read_text, stream_lines
from dialora.errors import DataError


class JsonDocument(Format):
    """A document is read whole; JSON lines under this suffix are streamed as such."""

    suffixes = (".json",)

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows of a document that is one list of them."""
        if _is_lines(path):
            yield from JsonLines().stream(path)
            return
        for number, row in enumerate(require_one_table(_read_document(path), path), start=1):
            yield f"row {number}", row

    def read(self, path: Path) -> Content:
        """Read the rows, by split where the document names any."""
        return JsonLines().read(path) if _is_lines(path) else _read_document(path)


def _is_lines(path: Path) -> bool:
    """Whether the file is JSON lines: its first line is a whole object, and there is something behind it."""
    first = list(islice((line for line in stream_lines(path) if line.strip()), 2))
    try:
        return len(first) > 1 and isinstance(json.loads(first[0]), dict)
    except (ValueError, RecursionError):
        return False


def _read_document(path: Path) -> Content:
    values = _parse_all(read_text(path), path)
    if isinstance(values, dict) and isinstance(values.get("data"), list | dict):
        values = read_split_form(values, path) or values["data"]
    if isinstance(values, list):
        return _check_rows(values, path)
    named: dict[str, Any] = values if isinstance(values, dict) else {}
    lists = {key: value for key, value in named.items() if isinstance(value, list)}
    if any(map(find_split, lists)):
        return {key: _check_rows(rows, path) if find_split(key) else rows for key, rows in lists.items()}
    if _is_row(named):
        return [named]
    table = read_columns(named) or read_indexed_rows(named)
    if table:
        return table
    require_even(named, path)
    got = f"an object with {join_names(list(named))}" if named else type(values).__name__
    allowed = "a list of rows, JSON lines, or an object with a list per split, per column or under 'data'"
    raise DataError(f"{path}: must be {allowed}; got {got}.")


def _parse_all(text: str, path: Path) -> Any:
    """Parse a document, or several objects one after the other, which are its rows. Raises DataError."""
    decoder, rows, start = json.JSONDecoder(object_pairs_hook=build_object), [], 0
    text = text.strip()
    try:
        while start < len(text):
            value, start = decoder.raw_decode(text, start)
            rows.append(value)
            start += len(text[start:]) - len(text[start:].lstrip())
            if not isinstance(value, dict):
                break
    except (ValueError, RecursionError):
        return parse_json(text, path)
    return rows if start >= len(text) and len(rows) > 1 else parse_json(text, path)


def _is_row(values: dict[str, Any]) -> bool:
    """Whether an object is a single row: it has a dialogue, and is no table, whose values are all lists or objects."""
    dialogues = [value for key, value in values.items() if normalise_name(key) in DIALOGUE_COLUMNS]
    has_turns = any(isinstance(value, list) and value and isinstance(value[0], dict) for value in dialogues)
    is_table = any(all(isinstance(value, kind) for value in values.values()) for kind in (list, dict))
    return bool(dialogues) and (has_turns or not is_table)


def _check_rows(rows: list[Any], path: Path) -> list[Row]:
    return [require_object(row, f"{path}: row {number}") for number, row in enumerate(rows, start=1)]


__all__ = ["JsonDocument"]
