"""A text file that is one dialogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import read_text


class PlainText(Format):
    """One row, the dialogue, called like the file."""

    suffixes = (".txt",)
    has_summaries = False

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the row."""
        yield path.name, {"id": path.stem, "dialogue": read_text(path, may_be_empty=True)}


__all__ = ["PlainText"]
