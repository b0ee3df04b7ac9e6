"""Parts of a table → the same with their summaries beside: for programs that cut tables up themselves, as Ray Data and
Spark do.

A part is an Arrow table or record batch, a pandas data frame, or a dict of NumPy arrays, and comes back as what it was,
with a column for each field of a summary. Dialogues are found and read as in a file. Loads pyarrow when it is used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dialora.data.reading.tables import read_dialogues
from dialora.errors import DataError
from dialora.systems.columns import Columns, is_arrow, read_columns
from dialora.systems.items import Item
from dialora.systems.output import COLUMNS, list_cells
from dialora.systems.writing import SummaryWriter

if TYPE_CHECKING:
    import pyarrow

WRITTEN = COLUMNS[3:]
"""What is known of a summary; the columns before say which dialogue it is of, as the table itself does here."""
ARRAYS: dict[str, Any] = {"num_parts": "int64", "truncated": "bool"}
FRAMES: dict[str, Any] = ARRAYS | {"unsupported_names": object}
"""Types of columns in NumPy and pandas where they are no texts."""


def summarize_table(writer: SummaryWriter, table: Any, *, prefix: str = "") -> Any:
    """Return a table with the columns `WRITTEN` behind its own, their names below `prefix`. Raises DataError.

    Rows stay as they are and in their order; an empty dialogue has an empty summary.
    """
    columns = read_columns(table)
    _require_free(columns.names, prefix)
    items = _list_items(writer, columns) if columns.num_rows else []
    made = writer.write(items)
    cells = [list_cells(item, summary) for item, summary in zip(items, made, strict=True)]
    return _add(table, {f"{prefix}{name}": [row[name] for row in cells] for name in WRITTEN}, prefix)


def extend_schema(schema: pyarrow.Schema, *, prefix: str = "") -> pyarrow.Schema:
    """Return the schema of a table of `schema` once it is summarized. Raises DataError where a column is there."""
    import pyarrow

    kinds = {
        "num_parts": pyarrow.int64(),
        "truncated": pyarrow.bool_(),
        "unsupported_names": pyarrow.list_(pyarrow.string()),
    }
    _require_free(schema.names, prefix)
    added = [pyarrow.field(f"{prefix}{name}", kinds.get(name, pyarrow.string())) for name in WRITTEN]
    return pyarrow.schema([*schema, *added], metadata=schema.metadata)


def _require_free(names: Collection[str], prefix: str) -> None:
    for name in (f"{prefix}{name}" for name in WRITTEN):
        if name in names:
            raise DataError(
                f"table: has a column {name!r} already; give the summaries' columns other names, as prefix='made_'."
            )


def _list_items(writer: SummaryWriter, columns: Columns) -> list[Item]:
    numbered = ((f"row {number}", row) for number, row in enumerate(columns.list_rows(), start=1))
    system = writer.system
    found = read_dialogues(numbered, system.config.data, where="table", required=system.named_columns, notes=[])
    return [Item(one.number, one.id, "", one.dialogue) for one in found]


def _add(table: Any, columns: Mapping[str, list[Any]], prefix: str) -> Any:
    """Return what was given with columns behind its own."""
    import numpy
    import pyarrow

    if is_arrow(table):
        schema = extend_schema(table.schema, prefix=prefix)
        arrays = [pyarrow.array(column, schema.field(name).type) for name, column in columns.items()]
        return type(table).from_arrays([*table.columns, *arrays], schema=schema)
    # As what they are also where there is no row to tell it by: parts of a table have to fit together.
    if isinstance(table, Mapping):
        made = {}
        for (name, column), plain in zip(columns.items(), WRITTEN, strict=True):
            made[name] = numpy.empty(len(column), ARRAYS.get(plain, object))
            made[name][:] = column
        return {**table, **made}
    import pandas

    dtypes = {name: FRAMES.get(plain, str) for name, plain in zip(columns, WRITTEN, strict=True)}
    return table.assign(**{name: pandas.Series(column, table.index, dtypes[name]) for name, column in columns.items()})


__all__ = ["WRITTEN", "extend_schema", "summarize_table"]
