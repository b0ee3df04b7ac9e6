"""CSV and TSV, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import stream_lines
from dialora.errors import DataError

LONGEST_CELL = 2**31 - 1


class Delimited(Format):
    """Cells between commas, or between tabs in a .tsv file; quoted where they hold one, a quote or a line break."""

    suffixes = (".csv", ".tsv")

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows below the header."""
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        csv.field_size_limit(LONGEST_CELL)
        # Strict: otherwise a quote that is never closed swallows the rest of the file without a word.
        reader = csv.reader(stream_lines(path, newline=""), delimiter=delimiter, strict=True)
        header: list[str] = []
        line = 1
        try:
            for cells in reader:
                if cells and not header:
                    header = _read_header(cells, f"{path}: line {line}")
                elif cells:
                    if len(cells) != len(header):
                        got = f"{len(cells)} cells where the header has {len(header)}"
                        raise DataError(
                            f"{path}: line {line}: {got}; quote a cell that holds {delimiter!r} or a line break."
                        )
                    yield f"line {line}", dict(zip(header, cells, strict=True))
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{path}: line {line}: is not valid CSV: {error}.") from error


def _read_header(cells: list[str], where: str) -> list[str]:
    header = [name.strip() for name in cells]
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(f"{where}: two columns are called {twice[0]!r}; rename one.")
    return header


__all__ = ["Delimited"]
