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
_UNREADABLE = (
    OSError, EOFError, ValueError, LookupError, RuntimeError, zlib.error, lzma.LZMAError, struct.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What is raised where a file is damaged or locked, which its reader says better."""


def unpacks_beyond(data: bytes, most: int) -> bool:
    """Whether a file holds more than `most` bytes unpacked: gzip and zip, also in one another."""
    return _measure(data, most, LEVELS) > most


def _measure(data: bytes, most: int, levels: int) -> int:
    """Return how many bytes are unpacked on all levels, or any number above `most` where they are more."""
    if not levels:
        return 0
    if is_gzip(data):
        return _measure_stream(lambda: gzip.open(BytesIO(data)), most, levels)
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


def _measure_stream(open_packed: Callable[[], IO[bytes] | gzip.GzipFile], most: int, levels: int) -> int:
    try:
        with open_packed() as file:
            unpacked = file.read(most + 1)
    except _UNREADABLE:
        return 0
    left = most - len(unpacked)
    return len(unpacked) if left < 0 else len(unpacked) + _measure(unpacked, left, levels - 1)


__all__ = ["unpacks_beyond"]
