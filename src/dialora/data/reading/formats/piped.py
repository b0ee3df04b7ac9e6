"""A toy: cells between vertical bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import stream_lines


class Piped(Format):
    """A toy: cells between vertical bars, below a header."""

    suffixes = (".psv",)

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows."""
        lines = ([cell.strip() for cell in line.split("|")] for line in stream_lines(path) if line.strip())
        header = next(lines)
        for number, cells in enumerate(lines, start=1):
            yield f"row {number}", dict(zip(header, cells, strict=True))


__all__ = ["Piped"]
