"""Files as text: UTF-8 with or without a byte order mark, or UTF-16 or 32 with one, also in gzip; by lines or whole.

What is no text, or in another encoding, is a DataError that says what it is and how to convert it.
"""

from __future__ import annotations

import codecs
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from dialora.data.reading.files import open_bytes, reading_explained
from dialora.errors import DataError

BLOCK = 1 << 20
_START, _PAIRS = 512, 16
"""Bytes that are looked at: for what the file is, and for UTF-16."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; the longer ones begin like the shorter."""
_KINDS = {
    b"PK\x03\x04": "an archive or an Excel workbook (.zip, .xlsx)",
    b"\xd0\xcf\x11\xe0": "a document or workbook of the old kind (.doc, .xls)",
    b"PAR1": "a Parquet file (.parquet)",
    b"ARROW1": "an Arrow file (.arrow)",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a rich text document (.rtf)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "an SQLite database",
}
"""What is sometimes called like a text, by how it begins."""
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


def stream_lines(path: Path, *, newline: str = "\n", may_be_empty: bool = False) -> Iterator[str]:
    """Give the lines of a file with their ends, which are line feeds alone; with `newline=""`, CR and CRLF too.

    Raises DataError where the file is in another encoding, or holds nothing and may not.
    """
    is_empty = not may_be_empty
    with open_bytes(path) as file:
        encoding = find_encoding(file.read(_START), path)
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


def find_encoding(start: bytes, path: Path) -> str:
    """Return the encoding of a text file by its first bytes. Raises DataError where that is no text."""
    start = start[:_START]
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    for begin, kind in _KINDS.items():
        if start.startswith(begin):
            raise DataError(f"{path}: is {kind}, not text; give it the suffix of what it is, or save it as text.")
    if _PAGE.match(start):
        raise DataError(
            f"{path}: is a web page (HTML), not the data; download the file itself, or copy its table into a CSV file."
        )
    for at, encoding in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        zeros, others = start[at:_PAIRS:2], start[1 - at : _PAIRS : 2]
        if len(others) > 1 and not any(zeros) and all(others):
            raise DataError(f"{path}: is {encoding} without a byte order mark; {_explain_conversion(path, encoding)}.")
    return "utf-8-sig"


def _explain_conversion(path: Path, encoding: str) -> str:
    name = shlex.quote(path.name)
    return f"save it as UTF-8, as with `iconv -f {encoding} -t UTF-8 {name} > {shlex.quote(f'utf8-{path.name}')}`"


def _locate(path: Path, encoding: str) -> DataError:
    """Find the first byte that is not UTF-8: decoding by lines tells its place in a block alone."""
    if encoding != "utf-8-sig":
        return DataError(f"{path}: begins as {encoding.upper()} does, but is not; save the file as UTF-8.")
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
                    f"{path}: {place} is 0x{data[error.start]:02x}, which is not UTF-8; "
                    f"{_explain_conversion(path, 'WINDOWS-1252')} if it is Windows-1252 (Western European)."
                )
            if not block:
                return DataError(f"{path}: is not UTF-8, or was changed while it was read; save it in that encoding.")
            offset, lines = offset + len(block), lines + block.count(b"\n")


__all__ = ["find_encoding", "normalise_name", "read_text", "reading_explained", "require_whole", "stream_lines"]
