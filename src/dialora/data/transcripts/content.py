"""Bytes of a file → what formats look at: paragraphs of text, JSON, or an archive of files.

What a file is shows in its bytes, whatever it is called. Everything is bounded: nothing, packed or not, takes more than
`MAX_BYTES` once it is unpacked, but for a file of JSON lines, which are read one after the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dialora.data.reading.text import find_encoding
from dialora.errors import DataError

MAX_BYTES = 512 << 20
_MARK = re.compile("^\ufeff+", re.MULTILINE)
"""Byte order marks; in files that were joined each part begins with its own."""
HEAD = 200
"""Paragraphs, or records of JSON lines, by which a format is recognised."""


@dataclass(frozen=True)
class Text:
    """Paragraphs, each a list of lines; of plain text every line is a paragraph."""

    paragraphs: Sequence[Sequence[str]]
    is_document: bool = False
    """Whether it comes from a word processor."""

    @property
    def lines(self) -> list[str]:
        """All lines."""
        return list(chain.from_iterable(self.paragraphs))

    @cached_property  # which nearly every format looks at
    def head(self) -> list[str]:
        """The first lines that are not blank."""
        return list(islice((line for line in chain.from_iterable(self.paragraphs) if line.strip()), HEAD))


@dataclass(frozen=True, slots=True)
class Json:
    """A parsed document, or JSON lines, of which only the first records are held."""

    head: Any
    """What a format is recognised by: the document, or a list of the first records; reading it would lose the rest."""
    stream: Callable[[], Iterator[Any]] | None = None
    """Gives all records of JSON lines."""

    @property
    def document(self) -> Any:
        """The whole document; None where there is none but records, which `items` gives."""
        return self.head if self.stream is None else None

    @property
    def is_list(self) -> bool:
        """Whether there are records, and not one document."""
        return isinstance(self.head, list)

    def items(self) -> Iterator[Any]:
        """Give the records: those of JSON lines, of a list, or the document alone."""
        if self.stream is not None:
            return self.stream()
        return iter(self.head if self.is_list else [self.head])

    @property
    def first_records(self) -> list[Any]:
        """The first records, by which a format is recognised where one of them is empty."""
        return self.head[:HEAD] if self.is_list else [self.head]

    @property
    def first(self) -> Any:
        """The first record, None where there is none."""
        if self.is_list:
            return self.head[0] if self.head else None
        return self.head


@dataclass(frozen=True, slots=True)
class Archive:
    """Files by their paths, from a zip file or a folder."""

    names: Sequence[str]
    read: Callable[[str], bytes]
    """Return the bytes of a file. Raises DataError."""
    open: Callable[[str], Content]
    """Return what a file holds, as if it were given alone. Raises DataError."""
    unreadable: Sequence[str] = ()
    """Sub-folders whose files cannot be listed."""
    num_links: int = 0
    """Links to folders, which are not followed: they may lead in a circle."""


Content = Text | Json | Archive


def decode(data: bytes, path: Path) -> str:
    """Return bytes as text, without byte order marks, its lines ended by line feeds alone.

    Raises DataError where they are none.
    """
    encoding = find_encoding(data, path)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        name = "UTF-8" if encoding == "utf-8-sig" else encoding.upper()
        raise DataError(
            f"{path}: byte {error.start} (line {line}) is 0x{data[error.start]:02x}, which is not {name}; save the "
            "file as UTF-8."
        ) from error
    return _MARK.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def parse_text(text: str, path: Path) -> Text | Json:
    """Return what a text holds: a JSON document, JSON lines, or lines.

    Raises DataError where it begins as JSON does and is none.
    """
    start = text.lstrip()[:1]
    if start in ("{", "["):
        found = _parse_json(text, path)
        if found is not None:
            return found
    return Text([[line] for line in text.split("\n")])


def _parse_json(text: str, path: Path) -> Json | None:
    try:
        return Json(json.loads(text))
    except RecursionError as error:
        raise DataError(f"{path}: its JSON is nested too deeply to be a conversation.") from error
    except ValueError as error:
        problem = f"{path}: is not valid JSON: {error}; get the file again."
    lines = [line for line in text.split("\n") if line.strip()]
    if is_record(lines[0]) and len(lines) > 1:
        return build_json_lines(lambda: iter(lines), path)
    # A text may begin with a bracket, as WhatsApp's on an iPhone do.
    is_json = lines[0].strip() in ("{", "[") or lines[0].lstrip().startswith(('{"', '[{"'))
    if is_json:
        raise DataError(problem)
    return None


def is_record(line: str | bytes) -> bool:
    """Whether a line is a JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def build_json_lines(read_lines: Callable[[], Iterator[str]], path: Path) -> Json:
    """Return the content of JSON lines, which `read_lines` gives from the first each time it is called.

    Raises DataError where one of the first is no JSON.
    """

    def parse() -> Iterator[Any]:
        for number, line in enumerate(filter(str.strip, read_lines()), start=1):
            try:
                yield json.loads(_MARK.sub("", line))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}: record {number}: is not valid JSON: {error}.") from error

    return Json(list(islice(parse(), HEAD)), parse)


__all__ = [
    "HEAD",
    "MAX_BYTES",
    "Archive",
    "Content",
    "Json",
    "Text",
    "build_json_lines",
    "decode",
    "is_record",
    "parse_text",
]
