"""How large a workbook is, before it is unpacked whole.

A sheet is held as the full rectangle around its filled cells: one that stands far off makes a small file take all
memory there is, and a packed file may hold a thousand times its size.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO

from dialora.data.reading.files import describe_error
from dialora.errors import DataError

MAX_CELLS = 50_000_000
MAX_BYTES = 2 << 30
SAVE_AGAIN = "open it and save it again as .xlsx, or the sheet as “CSV UTF-8”"
_BLOCK = 1 << 20
_LONGEST_PLACE = 64
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
"""Of a cell, as in r="B7"."""


def require_bounded(data: bytes, path: Path) -> None:
    """Raise DataError where a workbook is damaged, of another kind, or more than is held in memory."""
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            # The library would try other readers on other kinds, which loop or abort on a damaged file.
            if "xl/workbook.xml" not in names or "content.xml" in names:
                raise DataError(f"{path}: is no workbook as Excel has saved since 2007; {SAVE_AGAIN}.")
            for name in names:
                if name.lower().endswith(".xml"):
                    with archive.open(name) as member:
                        left -= _measure(member, left, f"{path}: {name}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        reason = describe_error(error)
        raise DataError(f"{path}: is no whole workbook: {reason}; get it again, or {SAVE_AGAIN}.") from error


def _measure(member: IO[bytes], left: int, where: str) -> int:
    """Return how many bytes are packed in a file of the workbook. Raises DataError."""
    size, before = 0, b""
    first_row = first_column = 1 << 62
    last_row = last_column = 0
    while block := member.read(_BLOCK):
        size += len(block)
        if size > left:
            raise DataError(f"{where}: unpacks to more than {MAX_BYTES >> 30} GB; divide the workbook.")
        for letters, digits in set(_PLACE.findall(before + block)):
            row, column = int(digits), _count_column(letters)
            first_row, last_row = min(first_row, row), max(last_row, row)
            first_column, last_column = min(first_column, column), max(last_column, column)
        before = block[-_LONGEST_PLACE:]
    num_rows, num_columns = last_row - first_row + 1, last_column - first_column + 1
    if last_row and num_rows * num_columns > MAX_CELLS:
        raise DataError(
            f"{where}: the filled cells lie within {num_rows:,} rows and {num_columns:,} columns, more than "
            f"{MAX_CELLS:,} cells; delete what stands far from the table."
        )
    return size


def _count_column(letters: bytes) -> int:
    """Return a column's number from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number


__all__ = ["MAX_CELLS", "SAVE_AGAIN", "require_bounded"]
