"""Parquet, and Arrow as `datasets` saves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dialora.data.reading.files import describe_error
from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.errors import DataError

BATCH_ROWS = 1024


class Parquet(Format):
    """A column for each role."""

    suffixes = (".parquet",)

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows, some of them in memory at a time."""
        import pyarrow
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(path) as file:
                yield from _number(file.iter_batches(batch_size=BATCH_ROWS), path)
        except (pyarrow.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{path}: is not a readable Parquet file: {describe_error(error)}.") from error


class Arrow(Format):
    """A file that `save_to_disk` of `datasets` left, or any other Arrow stream or file."""

    suffixes = (".arrow",)
    is_bounded = False  # packed or with a dictionary, it may be of any size

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows, some of them in memory at a time."""
        import pyarrow

        try:
            with pyarrow.OSFile(str(path)) as source:
                yield from _number(_open(source), path)
        except (pyarrow.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{path}: is not a readable Arrow file: {describe_error(error)}.") from error


def _open(source: Any) -> Iterator[Any]:
    """Give the batches of an Arrow stream or file."""
    import pyarrow

    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    if is_file:
        file = pyarrow.ipc.open_file(source)
        yield from (file.get_batch(at) for at in range(file.num_record_batches))
    else:
        yield from pyarrow.ipc.open_stream(source)


def _number(batches: Iterable[Any], path: Path) -> Iterator[tuple[str, Row]]:
    number = 0
    for batch in batches:
        if twice := next((name for name in batch.schema.names if batch.schema.names.count(name) > 1), None):
            raise DataError(f"{path}: two columns are called {twice!r}; rename one.")  # of rows the last would stay
        try:
            rows = batch.to_pylist()
        except UnicodeDecodeError as error:
            place = f"rows {number + 1} to {number + batch.num_rows}"
            raise DataError(f"{path}: {place}: a text is not UTF-8; write the file anew from whole texts.") from error
        for row in rows:
            number += 1
            yield f"row {number}", row


__all__ = ["Arrow", "Parquet"]
