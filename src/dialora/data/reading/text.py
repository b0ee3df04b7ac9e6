"""Files as text: UTF-8 with or without a byte order mark, or UTF-16 with one, also in gzip; by lines or whole."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from dialora.data.reading.files import open_bytes, reading_explained
from dialora.errors import DataError

BLOCK = 1 << 20


def stream_lines(path: Path, *, newline: str = "\n", may_be_empty: bool = False) -> Iterator[str]:
    """Give the lines of a file with their ends, which are line feeds alone; with `newline=""`, CR and CRLF too.

    Raises DataError where the file is in another encoding, or holds nothing and may not.
    """
    is_empty = not may_be_empty
    encoding = _find_encoding(path)
    try:
        with open_bytes(path) as file, io.TextIOWrapper(file, encoding=encoding, newline=newline) as lines:
            for line in lines:
                is_empty = is_empty and not line.strip()
                yield line
    except UnicodeDecodeError as error:
        raise _locate(path, encoding) from error
    if is_empty:
        raise DataError(f"{path}: is empty.")


def read_text(path: Path, *, may_be_empty: bool = False) -> str:
    """Read a file whole. Raises DataError as `stream_lines` does."""
    return "".join(stream_lines(path, may_be_empty=may_be_empty))


def require_whole(text: str, where: str, role: str) -> str:
    """Return a text. Raises DataError, with its place, where it holds half a character, which no file can hold."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start]
            raise DataError(f"{where}: the {role} holds half a character, {half!r}; repair it.") from error
    return text


def normalise_name(name: str) -> str:
    """Return a column's or key's name as it is compared."""
    return name.strip().casefold()


def _find_encoding(path: Path) -> str:
    with open_bytes(path) as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _locate(path: Path, encoding: str) -> DataError:
    """Find the first byte that is not UTF-8: decoding by lines tells its place in a block alone."""
    if encoding == "utf-16":
        return DataError(f"{path}: begins as UTF-16 does, but is not; save the file as UTF-8.")
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = lines = 0
    with open_bytes(path) as file:
        while True:
            block = file.read(BLOCK)
            waiting = decoder.getstate()[0]
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                data = waiting + block
                line = lines + data.count(b"\n", 0, error.start) + 1
                place = f"byte {offset - len(waiting) + error.start} (line {line})"
                return DataError(
                    f"{path}: {place} is 0x{data[error.start]:02x}, which is not UTF-8; UTF-8 is expected, save the "
                    "file in that encoding."
                )
            if not block:
                return DataError(f"{path}: is not UTF-8, or was changed while it was read; save it in that encoding.")
            offset, lines = offset + len(block), lines + block.count(b"\n")


__all__ = ["normalise_name", "read_text", "reading_explained", "require_whole", "stream_lines"]
