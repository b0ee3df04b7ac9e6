"""The paragraphs of a word processor's document (.docx), read from its XML alone.

A paragraph is a list of lines: a break inside one begins a line. Entities are not expanded and nothing outside of the
file is looked up: a document that declares any is refused.
"""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from dialora.errors import DataError

DOCUMENT = "word/document.xml"
_MAIN = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
"""The namespaces of the usual and the strict form."""
_FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
"""What stands twice for older programs."""
_BREAKS = {"br", "cr"}


def read_paragraphs(xml: bytes, path: Path) -> list[list[str]]:
    """Return the paragraphs of a document's XML; blank ones are a single empty line. Raises DataError."""
    reader = _Reader(path)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.add_text
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DataError(f"{path}: is no whole document: {error}; open it and save it again as .docx.") from error
    return reader.paragraphs


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.paragraphs: list[list[str]] = []
        self._open: list[list[str]] = []
        """Paragraphs that are not yet closed: one in a text box stands inside another."""
        self._in_text = False
        self._num_fallbacks = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, tag = name.rpartition(" ")
        self._num_fallbacks += name == _FALLBACK
        if space not in _MAIN or self._num_fallbacks:
            return
        self._in_text = tag == "t"
        if tag == "p":
            self._open.append([""])
        elif self._open and tag in _BREAKS:
            self._open[-1].append("")
        elif self._open and tag == "tab":
            self._open[-1][-1] += "\t"

    def end(self, name: str) -> None:
        space, _, tag = name.rpartition(" ")
        self._num_fallbacks -= name == _FALLBACK
        if space not in _MAIN or self._num_fallbacks:
            return
        self._in_text = False
        if tag == "p" and self._open:
            self.paragraphs.append(self._open.pop())

    def add_text(self, text: str) -> None:
        if self._in_text and self._open and not self._num_fallbacks:
            first, *others = text.split("\n")
            self._open[-1][-1] += first
            self._open[-1].extend(others)

    def refuse(self, *declaration: object) -> None:
        raise DataError(f"{self.path}: its XML declares entities, as no word processor's does; it is not read.")


__all__ = ["DOCUMENT", "read_paragraphs"]
