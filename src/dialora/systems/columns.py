"""The columns of a table that another program holds in memory, read as they are asked for.

Takes an Arrow table or record batch, a pandas data frame, or a dict of columns; gives rows of plain values. What nobody
asks for is not read: a table may hold what Python has no value for, and two columns of one name. Loads pyarrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dialora.errors import DataError


@dataclass(frozen=True)
class Columns:
    """A table's columns."""

    names: list[str]
    num_rows: int
    _read: Callable[[int], list[Any]]
    """Gives the values of the column at a place."""
    _known: dict[str, list[Any]] = field(default_factory=dict)

    def list_rows(self) -> list[Row]:
        """Return the rows, whose values are read when they are asked for."""
        return [Row(self, at) for at in range(self.num_rows)]

    def read(self, name: str) -> list[Any]:
        """Return a column's values. Raises DataError where it cannot be read, and where two have that name."""
        if name not in self._known:
            if self.names.count(name) > 1:
                raise DataError(f"table: has {self.names.count(name)} columns {name!r}; rename all but one.")
            try:
                self._known[name] = self._read(self.names.index(name))
            except UnicodeDecodeError as error:
                raise DataError(f"table: column {name!r}: a text is not UTF-8; make it of whole texts.") from error
        return self._known[name]


@dataclass(frozen=True, slots=True, eq=False)
class Row(Mapping[str, Any]):
    """One row."""

    columns: Columns
    at: int

    def __getitem__(self, name: str) -> Any:
        """Return the value of a column."""
        if name not in self.columns.names:
            raise KeyError(name)
        return self.columns.read(name)[self.at]

    def __iter__(self) -> Iterator[str]:
        """Give the names of columns."""
        return iter(self.columns.names)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.columns.names)


def read_columns(table: Any) -> Columns:
    """Return the columns of a table. Raises DataError where it is none."""
    if is_arrow(table):
        return Columns(table.column_names, table.num_rows, lambda at: list(table.column(at).to_pylist()))
    if hasattr(table, "columns") and hasattr(table, "iloc"):
        return Columns([str(name) for name in table.columns], len(table), lambda at: _list_series(table.iloc[:, at]))
    if isinstance(table, Mapping):
        columns = list(table.values())
        sizes = {_measure(name, column) for name, column in table.items()}
        if len(sizes) > 1:
            raise DataError("table: its columns are not of one length.")
        return Columns([str(name) for name in table], max(sizes, default=0), lambda at: _list_values(columns[at]))
    raise DataError(
        f"table: got {type(table).__name__}; give an Arrow table, a pandas data frame or a dict of columns."
    )


def is_arrow(table: Any) -> bool:
    """Whether something is a table or record batch of Arrow."""
    import pyarrow

    return isinstance(table, pyarrow.Table | pyarrow.RecordBatch)


def _measure(name: Any, column: Any) -> int:
    """Return a column's length. Raises DataError where something else stands for it, as in a single row."""
    is_array = hasattr(column, "tolist") and getattr(column, "ndim", 1) > 0
    if not is_array and (isinstance(column, str | bytes) or not isinstance(column, Sequence)):
        raise DataError(
            f"table: column {str(name)!r} is {type(column).__name__}; give an array or a list, of one value for each "
            f"row (map_batches does; map gives single rows)."
        )
    return len(column)


def _list_series(column: Any) -> list[Any]:
    """Return a column of pandas as plain values, None where its own kinds of nothing stand."""
    gone = column.isna().tolist()
    return [None if none else value for none, value in zip(gone, _list_values(column), strict=True)]


def _list_values(column: Any) -> list[Any]:
    """Return a column as plain values; lists within it may be arrays."""
    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return [value.tolist() if hasattr(value, "tolist") else value for value in values]


__all__ = ["Columns", "Row", "is_arrow", "read_columns"]
