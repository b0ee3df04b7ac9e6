"""Files as text: UTF-8 with or without a byte order mark, by lines or whole."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialora.errors import DataError

BLOCK = 1 << 20


def stream_lines(path: Path, *, newline: str = "\n", may_be_empty: bool = False) -> Iterator[str]:
    """Give the lines of a file with their ends, which are line feeds alone; with `newline=""`, CR and CRLF too.

    Raises DataError where the file is not UTF-8, or holds nothing and may not.
    """
    is_empty = not may_be_empty
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            for line in file:
                is_empty = is_empty and not line.strip()
                yield line
    except UnicodeDecodeError as error:
        raise _locate(path) from error
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


@contextmanager
def reading_explained(path: Path) -> Iterator[None]:
    """Turn a file that the system cannot read into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror or error}.") from error


def _locate(path: Path) -> DataError:
    """Find the first byte that is not UTF-8: decoding by lines tells its place in a block alone."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = lines = 0
    with path.open("rb") as file:
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


def describe_error(error: Exception) -> str:
    """Return the first line of what an error says, without its full stop."""
    return (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")


__all__ = ["describe_error", "read_text", "reading_explained", "require_whole", "stream_lines"]
