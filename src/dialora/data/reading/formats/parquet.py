"""Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import describe_error
from dialora.errors import DataError

BATCH_ROWS = 1024


class Parquet(Format):
    """A column for each role."""

    suffixes = (".parquet",)

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows, some of them in memory at a time."""
        import pyarrow
        from pyarrow import parquet

        number = 0
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=BATCH_ROWS):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"row {number}", row
        except (pyarrow.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{path}: is not a readable Parquet file: {describe_error(error)}.") from error


__all__ = ["Parquet"]
