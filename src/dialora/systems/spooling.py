"""Standard input → a file for as long as it is read, whose suffix is a table's where it may be one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialora.data.reading.columns import DIALOGUE_COLUMNS
from dialora.data.reading.text import normalise_name
from dialora.data.transcripts.content import MAX_BYTES, is_record
from dialora.data.transcripts.opening import read_standard_input
from dialora.errors import DataError

SPOOLED = "standard input"
_PARQUET = b"PAR1"
_BOM = "\ufeff"


def spool(folder: Path) -> Path:
    """Keep what comes on standard input in a folder, and return the file. Raises DataError."""
    data = read_standard_input()
    if len(data) > MAX_BYTES:
        raise DataError(f"{SPOOLED}: holds more than {MAX_BYTES >> 20} MB, which is no conversation; give a file.")
    file = folder / f"{SPOOLED}{_find_suffix(data)}"
    file.write_bytes(data)
    return file


def _find_suffix(data: bytes) -> str:
    """Return the suffix by which a table is read; what is a transcript is read as one whatever it says."""
    if data.startswith(_PARQUET):
        return ".parquet"
    first, _, rest = data[: 1 << 20].decode("utf-8", "replace").lstrip(f"{_BOM} \t\r\n").partition("\n")
    if first.startswith(("{", "[")):
        return ".jsonl" if rest.strip() and is_record(first.encode()) else ".json"
    for suffix, delimiters in ((".tsv", "\t"), (".csv", ",;")):
        for delimiter in delimiters:
            cells = [normalise_name(cell.strip(' "\r')) for cell in first.split(delimiter)]
            if len(cells) > 1 and not set(cells).isdisjoint(DIALOGUE_COLUMNS):
                return suffix
    return ""


@contextmanager
def named(path: Path, name: str) -> Iterator[None]:
    """Call a file by another name in what goes wrong with it."""
    try:
        yield
    except DataError as error:
        if name == str(path):
            raise
        raise DataError(str(error).replace(str(path), name).replace(path.name, name)) from None


__all__ = ["SPOOLED", "named", "spool"]
