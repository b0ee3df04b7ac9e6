"""The cells of a table of outputs: references, of which a cell may hold several, and what a system wrote, once.

How a cell is read is `data.reading.cells`' matter; here it is counted by column, for with many systems it matters whose
texts were not taken as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dialora.data.reading.cells import read_dialogue, read_summaries
from dialora.data.reading.changes import Changes
from dialora.data.reading.raw import Row
from dialora.errors import DataError

ColumnChanges = dict[str, Changes]
"""What reading made of the cells of each column."""


def read_references(row: Row, columns: Sequence[str], where: str, changes: ColumnChanges) -> tuple[str, ...]:
    """Return every reference of a row. Raises DataError, with its place, where a cell holds something else."""
    return tuple(text for name in columns for text in _read(row.get(name), where, name, changes))


def read_output(value: Any, where: str, column: str, changes: ColumnChanges) -> str:
    """Return what a system wrote, "" where that is nothing. Raises DataError where a cell holds several texts."""
    texts = _read(value, where, column, changes)
    if len(texts) > 1:
        raise DataError(
            f"{where}: {column!r} holds {len(texts)} texts where one is scored: join the sentences of a summary "
            "with line breaks, and give several samples a column each."
        )
    return texts[0] if texts else ""


def read_source_text(row: Row, column: str | None, where: str, changes: ColumnChanges) -> str:
    """Return the dialogue of a row, "" where there is none. Raises DataError, with its place."""
    if column is None:
        return ""
    return read_dialogue(row.get(column), where, changes=changes.setdefault(column, Changes()))


def _read(value: Any, where: str, column: str, changes: ColumnChanges) -> list[str]:
    return read_summaries(value, where, role=f"summary in {column!r}", changes=changes.setdefault(column, Changes()))


__all__ = ["ColumnChanges", "read_output", "read_references", "read_source_text"]
