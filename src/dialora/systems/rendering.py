"""Finished rows of summaries → Parquet or text, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from dialora.printable import clean
from dialora.systems.output import COLUMNS

ROWS = 1024
"""Of a row group; all that memory holds."""


def render_parquet(rows: Path, output: Path) -> None:
    """Write JSON lines of summaries as Parquet."""
    import pyarrow
    from pyarrow import parquet

    kinds = {"row": pyarrow.int64(), "num_parts": pyarrow.int64(), "truncated": pyarrow.bool_()}
    with rows.open(encoding="utf-8", newline="\n") as file:
        lines = (_as_whole(json.loads(line)) for line in file)
        schema = pyarrow.schema(
            (
                column,
                pyarrow.list_(pyarrow.string())
                if column == "unsupported_names"
                else kinds.get(column, pyarrow.string()),
            )
            for column in COLUMNS
        )
        with parquet.ParquetWriter(output, schema) as writer:
            while group := list(islice(lines, ROWS)):
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))


def _as_whole(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose file is called by whole characters: a name on disk may hold bytes that are none."""
    return row | {"source": row["source"].encode(errors="backslashreplace").decode()}


def render_text(rows: Path, output: Path) -> None:
    """Write JSON lines of summaries as text: a single one alone, several below what they are called."""
    with rows.open(encoding="utf-8", newline="\n") as file, output.open("w", encoding="utf-8", newline="\n") as text:
        text.writelines(format_summaries(map(json.loads, file)))


def format_summaries(rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """Give the text of summaries, line by line; what they are called stands above them unless there is but one."""
    first, second = next(rows, None), next(rows, None)
    if first is not None and second is None:
        yield f"{clean(first['summary'])}\n"
        return
    for at, row in enumerate(one for one in (first, second, *rows) if one is not None):
        yield f"{'' if not at else chr(10)}{clean(row['id'])}\n{clean(row['summary'])}\n"


RENDERERS: dict[str, Callable[[Path, Path], None]] = {".parquet": render_parquet, ".txt": render_text}
"""By the suffix of the output."""

__all__ = ["RENDERERS", "format_summaries"]
