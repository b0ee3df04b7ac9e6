"""Tables in the other forms that pandas writes as JSON: by columns, by index, or names and cells apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dialora.data.reading.raw import Row
from dialora.errors import DataError


def read_columns(values: dict[str, Any]) -> list[Row] | None:
    """Return the rows of a table by columns, lists of one length or objects with the same index; None of another."""
    columns = list(values.values())
    if columns and all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1:
        cells = zip(*columns, strict=True)
    elif _are_alike(columns) and all(key.isdigit() for key in columns[0]):
        cells = zip(*(column.values() for column in columns), strict=True)
    else:
        return None
    return [dict(zip(values, row, strict=True)) for row in cells]


def read_indexed_rows(values: dict[str, Any]) -> list[Row] | None:
    """Return the rows of an object that holds each one, an object too, under its index; None of another."""
    return rows if _are_alike(rows := list(values.values())) else None


def read_split_form(values: dict[str, Any], path: Path) -> list[Row] | None:
    """Return the rows of a table that has its names under `columns` and its cells under `data`; None of another.

    Raises DataError where a row has other cells than there are names.
    """
    names, rows = values.get("columns"), values.get("data")
    if not isinstance(names, list) or not isinstance(rows, list):
        return None
    if not all(isinstance(row, list) for row in rows):
        return None
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise DataError(f"{path}: row {number}: {len(row)} cells where 'columns' has {len(names)} names.")
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


def require_even(values: dict[str, Any], path: Path) -> None:
    """Raise DataError where an object is a table by columns, but for their lengths."""
    columns = list(values.values())
    if len(columns) > 1 and any(all(isinstance(column, kind) for column in columns) for kind in (list, dict)):
        sizes = ", ".join(f"{str(name)[:40]!r} has {len(column):,}" for name, column in list(values.items())[:10])
        raise DataError(
            f"{path}: a table by columns needs a cell of each row in every column, under the same keys; {sizes}. Fill "
            "the gaps with null, or write a list of rows."
        )


def _are_alike(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) and list(item) == list(items[0]) for item in items)


__all__ = ["read_columns", "read_indexed_rows", "read_split_form", "require_even"]
