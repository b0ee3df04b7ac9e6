"""A table with a row per dialogue and system → one with a column per system.

It is recognised by a column called `system`, `model` or alike whose cells are a few short names, beside one of
summaries; `outputs.system_name_column` names another. Every system must have every dialogue.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dialora.config import OutputsConfig
from dialora.data.reading.columns import column_names
from dialora.data.reading.raw import Row
from dialora.data.reading.rows import is_empty
from dialora.errors import DataError
from dialora.outputs.columns import (
    STRONG_REFERENCES,
    check_named,
    describe_left_out,
    find_references,
    find_single_roles,
    find_systems,
    normalise,
)

NAME_COLUMNS = ("system", "system_name", "model", "model_name", "method", "run", "experiment")
_LONGEST_NAME = 80


def widen_table(table: list[Row], config: OutputsConfig, notes: list[str]) -> tuple[list[Row], OutputsConfig]:
    """Return the table with a column per system, or as it is where it has one already; and how that is read.

    Raises DataError.
    """
    present = column_names(table)
    check_named(present, config)
    named = config.outputs
    single = find_single_roles([name for name in present if name not in (named.reference_columns or ())], config)
    free = [name for name in present if name not in single.values()]
    references = named.reference_columns or find_references(free, STRONG_REFERENCES)
    free = [name for name in free if name not in references]
    column = named.system_name_column or next(
        (name for known in NAME_COLUMNS for name in free if normalise(name) == known and _holds_names(table, name)),
        None,
    )
    if column is None:
        return table, config
    free = [name for name in free if name != column]
    candidates, left_out = find_systems(table, free, references=references, dialogue=single["dialogue"])
    candidates = named.system_columns or candidates
    if not references and len(candidates) > 1:
        references = find_references(candidates)
        candidates = tuple(name for name in candidates if name not in references)
    if len(candidates) != 1:
        if named.system_name_column is None:
            return table, config  # with no other column, this one is a system's, whatever it is called
        found = f"{len(candidates)} can: {', '.join(candidates)}" if candidates else "none can"
        raise DataError(
            f"{config.table}: a table with the system's name in {column!r} has one column of summaries, and {found}; "
            "leave the others out."
        )
    notes += describe_left_out(left_out)
    kept = [name for name in (*single.values(), *references) if name is not None]
    wide = named.model_copy(update={"system_name_column": None, "system_columns": None})
    return _pivot(table, column, candidates[0], kept, notes), config.model_copy(update={"outputs": wide})


def _holds_names(table: Sequence[Row], name: str) -> bool:
    """Whether a column's cells are the names of a few systems: no sentences, and each in many rows."""
    values = [row.get(name) for row in table]
    names = {value for value in values if isinstance(value, str)}
    return (
        all(isinstance(value, str) and value.strip() for value in values)
        and 2 * len(names) <= len(values)
        and all(len(one) <= _LONGEST_NAME and one.strip()[-1] not in ".!?。！？" and "\n" not in one for one in names)
    )


def _pivot(table: list[Row], column: str, summaries: str, kept: Sequence[str], notes: list[str]) -> list[Row]:
    wide: dict[str, Row] = {}
    seen: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}
    for at, row in enumerate(table):
        name = "" if is_empty(row.get(column)) else str(row[column]).strip()
        if not name:
            raise DataError(f"row {at + 1}: {column!r} is empty, so nobody knows whose summary it holds.")
        counts[name] = counts.get(name, 0) + 1
        # Without any other column, a system's first row is the first dialogue, and so on.
        key = json.dumps([row.get(one) for one in kept] if kept else counts[name], default=str)
        value = row.get(summaries)
        before = seen.setdefault((key, name), at)
        if before != at and value != table[before].get(summaries):
            raise DataError(
                f"rows {before + 1} and {at + 1}: {name!r} wrote two different things of one dialogue. A system is "
                "compared by one summary per dialogue: give several samples a name each."
            )
        wide.setdefault(key, {one: row.get(one) for one in kept})[_name(name, kept)] = value
    systems = [_name(name, kept) for name in counts]
    rows = list(wide.values())
    require_every_system(rows, systems, first=kept[0] if kept else None)
    notes.append(f"One row per system: {column!r} names the system, {summaries!r} holds what it wrote.")
    return rows


def require_every_system(rows: Sequence[Row], systems: Sequence[str], *, first: str | None) -> None:
    """Raise DataError where a system lacks a dialogue that another has."""
    for name in systems:
        missing = [at for at, row in enumerate(rows) if name not in row]
        if missing:
            value: Any = rows[missing[0]].get(first) if first is not None else None
            example = f", as {str(value)[:60]!r}" if value is not None else ""
            raise DataError(
                f"{name!r} has no summary for {len(missing):,} of {len(rows):,} dialogues{example}; every system must "
                "have every dialogue: leave those dialogues out, or give an empty summary where it wrote nothing."
            )


def _name(name: str, kept: Sequence[str]) -> str:
    """Return a system's column: its name, told apart from the columns that are there."""
    return f"{name} (system)" if name in kept else name


__all__ = ["NAME_COLUMNS", "require_every_system", "widen_table"]
