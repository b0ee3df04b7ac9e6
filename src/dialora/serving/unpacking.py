"""How much an uploaded file holds once it is unpacked, before anything reads it.

A packed file of some kilobytes may hold gigabytes, and what is read of those takes many times as much memory again.
"""

from __future__ import annotations

import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import IO

from dialora.data.reading.files import is_gzip

LEVELS = 4
"""So deep is a file packed that anything reads."""
PARQUET = b"PAR1"
_UNREADABLE = (
    OSError, EOFError, ValueError, LookupError, RuntimeError, zlib.error, lzma.LZMAError, struct.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What is raised where a file is damaged or locked, which its reader says better."""


def unpacks_beyond(data: bytes, most: int) -> bool:
    """Whether a file holds more than `most` bytes unpacked: gzip and zip, also in one another, and Parquet."""
    return _measure(data, most, LEVELS) > most


def _measure(data: bytes, most: int, levels: int) -> int:
    """Return how many bytes are unpacked on all levels, or any number above `most` where they are more."""
    if not levels:
        return 0
    if is_gzip(data):
        return _measure_stream(lambda: gzip.open(BytesIO(data)), most, levels)
    if data.startswith(PARQUET):
        return _measure_parquet(data, most)
    if not zipfile.is_zipfile(BytesIO(data)):
        return 0
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _UNREADABLE:
        return 0
    size = 0
    for member in archive.infolist():
        size += _measure_stream(partial(archive.open, member), most - size, levels)
        if size > most:
            break
    return size


def _measure_parquet(data: bytes, most: int) -> int:
    """Return how many bytes the rows are, which may all have the one text that a dictionary holds."""
    import pyarrow
    from pyarrow import parquet
    from pyarrow.types import is_dictionary

    size = 0
    try:
        with parquet.ParquetFile(BytesIO(data)) as file:
            groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
            packed = sum(group.total_byte_size for group in groups)
            is_nested = any("dictionary<" in str(type) and not is_dictionary(type) for type in file.schema_arrow.types)
            if packed > most or is_nested:
                return most + 1
            # No value is larger than all that is packed, so that no batch takes more than a few times `most`.
            for batch in file.iter_batches(batch_size=max(1, min(1024, 4 * most // max(1, packed)))):
                size += sum(
                    (column.dictionary_decode() if is_dictionary(column.type) else column).nbytes
                    for column in batch.columns
                )
                if size > most:
                    break
    except (pyarrow.ArrowException, *_UNREADABLE):
        return 0
    return size


def _measure_stream(open_packed: Callable[[], IO[bytes] | gzip.GzipFile], most: int, levels: int) -> int:
    try:
        with open_packed() as file:
            unpacked = file.read(most + 1)
    except _UNREADABLE:
        return 0
    left = most - len(unpacked)
    return len(unpacked) if left < 0 else len(unpacked) + _measure(unpacked, left, levels - 1)


__all__ = ["unpacks_beyond"]
