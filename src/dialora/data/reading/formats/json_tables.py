"""Tables in the other forms that pandas writes as JSON: by columns, by index, or names and cells apart."""

from __future__ import annotations

from typing import Any

from dialora.data.reading.raw import Row


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


def read_split_form(values: dict[str, Any]) -> list[Row] | None:
    """Return the rows of a table that has its names under `columns` and its cells under `data`; None of another."""
    names, rows = values.get("columns"), values.get("data")
    if not isinstance(names, list) or not isinstance(rows, list):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


def _are_alike(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) and list(item) == list(items[0]) for item in items)


__all__ = ["read_columns", "read_indexed_rows", "read_split_form"]
