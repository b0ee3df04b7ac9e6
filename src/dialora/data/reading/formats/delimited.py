"""CSV and TSV, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    OTHER_DIALOGUE_COLUMNS,
    OTHER_SUMMARY_COLUMNS,
    SUMMARY_COLUMNS,
)
from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import normalise_name, stream_lines
from dialora.errors import DataError

LONGEST_CELL = 2**31 - 1
MOST_LINES_ABOVE = 20
"""Lines above the header."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_KNOWN = frozenset((*DIALOGUE_COLUMNS, *OTHER_DIALOGUE_COLUMNS, *SUMMARY_COLUMNS, *OTHER_SUMMARY_COLUMNS))


class Delimited(Format):
    """Cells between commas, or between tabs in a .tsv file; quoted where they hold one, a quote or a line break.

    Other delimiters (`;`, tabs, `|`) are recognised by the header, Excel's `sep=` line and comments above it are read
    over.
    """

    suffixes = (".csv", ".tsv")

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows below the header."""
        csv.field_size_limit(LONGEST_CELL)
        delimiter, lines_above = _find_delimiter(path)
        # Strict: otherwise a quote that is never closed swallows the rest of the file without a word.
        lines = islice(stream_lines(path, newline=""), lines_above, None)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] = []
        line = lines_above + 1
        try:
            for cells in reader:
                where = f"{path}: line {line}"
                if cells and not header:
                    header = read_header(cells, where)
                elif cells:
                    _check_cells(cells, header, where, delimiter)
                    require_new(cells, header, where)
                    yield f"line {line}", dict(zip(header, cells, strict=True))
                line = lines_above + reader.line_num + 1
        except csv.Error as error:
            rule = 'a quote inside a quoted cell is written twice ("")'
            raise DataError(f"{path}: line {line}: is not valid CSV: {error}; {rule}.") from error

    def describe(self, path: Path) -> tuple[str, ...]:
        """Say which delimiter was found, and what stands above the header."""
        delimiter, lines_above = _find_delimiter(path)
        found = [f"{path.name}: cells are divided by {DELIMITERS[delimiter]}."] if delimiter != _usual(path) else []
        return (*found, *([f"{path.name}: {lines_above} lines above the header are left out."] if lines_above else []))


def _usual(path: Path) -> str:
    return "\t" if ".tsv" in path.name.lower() else ","


def _find_delimiter(path: Path) -> tuple[str, int]:
    """Return what divides the cells, by the names in the header, and how many lines stand above that."""
    lines = list(islice(stream_lines(path, newline=""), MOST_LINES_ABOVE))
    named = lines[0].rstrip("\r\n").lower() if lines else ""
    above = 0
    if named.startswith("sep=") and named[4:] in DELIMITERS:
        return named[4:], 1
    while above < len(lines) - 1 and lines[above].startswith("#") and not any(sign in lines[above] for sign in ",;\t|"):
        above += 1
    header = next((line for line in lines[above:] if line.strip()), "")
    usual = _usual(path)
    names = {sign: _split(header, sign) for sign in chain([usual], DELIMITERS)}
    known = {sign: sum(normalise_name(name) in _KNOWN for name in found) for sign, found in names.items()}
    # The usual one is the first, and wins among equals.
    return max(names, key=lambda sign: (known[sign], len(names[sign]) > 1, sign == usual, len(names[sign]))), above


def _split(header: str, delimiter: str) -> list[str]:
    return next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter), [])


def _check_cells(cells: list[str], header: list[str], where: str, delimiter: str) -> None:
    if len(cells) != len(header):
        got = f"{len(cells)} cells where the header has {len(header)}"
        single = any(cell.lstrip().startswith("'") for cell in cells)
        hint = "; single quotes are no quotes in CSV" if single else ""
        raise DataError(f'{where}: {got}; quote (") a cell that holds {delimiter!r} or a line break{hint}.')


def require_new(cells: list[str], header: list[str], where: str) -> None:
    """Raise DataError where a row is the header once more."""
    if len(header) > 1 and [cell.strip() for cell in cells] == header:
        raise DataError(f"{where}: repeats the header; remove it.")


def read_header(cells: list[str], where: str) -> list[str]:
    """Return the names of the columns. Raises DataError where two are alike."""
    header = [name.strip() for name in cells]
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(
            f"{where}: two columns are called {twice[0]!r}; rename one, or remove the first of two header lines."
        )
    return header


__all__ = ["MOST_LINES_ABOVE", "Delimited", "read_header", "require_new"]
