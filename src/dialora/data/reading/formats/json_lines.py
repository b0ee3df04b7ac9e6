"""JSON lines: an object on each line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import stream_lines
from dialora.errors import DataError

MOST_DIGITS = sys.int_info.default_max_str_digits


class JsonLines(Format):
    """An object on each line; blank lines mean nothing."""

    suffixes = (".jsonl", ".ndjson")

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows."""
        # At line feeds alone: U+2028 and others may stand inside a JSON string.
        for number, line in enumerate(stream_lines(path), start=1):
            if line.strip():
                row = parse_json(line.rstrip("\n"), path, line=number)
                yield f"line {number}", require_object(row, f"{path}: line {number}")


def parse_json(text: str, path: Path, *, line: int = 1) -> Any:
    """Parse a JSON document that begins on a line. Raises DataError."""
    try:
        return json.loads(text, object_pairs_hook=build_object)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {line + error.lineno - 1}: is not valid JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: line {line}: is not valid JSON: {_describe(error)}.") from error


def _describe(error: ValueError | RecursionError) -> str:
    """Say what a parser means by an error of Python's own."""
    if isinstance(error, RecursionError):
        return "it is nested too deep; give each dialogue and summary a key of its row"
    # Of a number with more digits than Python turns into one.
    is_number = str(error).startswith("Exceeds the limit")
    return f"a number has more than {MOST_DIGITS:,} digits; write it as text" if is_number else str(error)


def build_object(pairs: list[tuple[str, Any]]) -> Row:
    """Return an object. Raises ValueError where a key stands twice, of which JSON would keep the last."""
    built = dict(pairs)
    if len(built) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return built


def require_object(value: Any, where: str) -> Row:
    """Return a row. Raises DataError where it is no JSON object."""
    if not isinstance(value, dict):
        raise DataError(f"{where}: must be a JSON object, got {type(value).__name__}.")
    return value


__all__ = ["JsonLines", "build_object", "parse_json", "require_object"]
