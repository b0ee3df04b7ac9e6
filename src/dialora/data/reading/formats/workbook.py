"""Workbooks of Excel: one sheet is the table, or each that is called like a split is one.

Cells are texts, as in a CSV file: a number as Excel shows it, a date as in 2024-05-01, an error or a formula without a
value as nothing. A cell that is merged over several rows counts in each of them. Hidden sheets, and those that are no
table beside one, are left out with a note; where several could be the table, the user says which.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    OTHER_DIALOGUE_COLUMNS,
    OTHER_SUMMARY_COLUMNS,
    SUMMARY_COLUMNS,
)
from dialora.data.reading.files import describe_error, open_bytes
from dialora.data.reading.formats.delimited import MOST_LINES_ABOVE, read_header, require_new
from dialora.data.reading.formats.format import Format
from dialora.data.reading.formats.workbook_size import SAVE_AGAIN, require_bounded
from dialora.data.reading.raw import Content, Row
from dialora.data.reading.splits import find_split, join_names, require_one_table
from dialora.data.reading.text import normalise_name
from dialora.errors import DataError

_OLD = b"\xd0\xcf\x11\xe0"
"""How Excel's files began until 2007, and encrypted ones still do."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ROLES = (
    frozenset((*DIALOGUE_COLUMNS, *OTHER_DIALOGUE_COLUMNS)),
    frozenset((*SUMMARY_COLUMNS, *OTHER_SUMMARY_COLUMNS)),
)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One sheet's table; rows have their numbers in the sheet, counted from 1."""

    name: str
    header: list[str]
    rows: list[tuple[int, Row]]
    above: int = 0
    """Rows above the header."""
    merged: int = 0
    """Cells that count in several rows."""
    is_hidden: bool = False

    @property
    def num_roles(self) -> int:
        """How many of dialogue and summary have a column with a usual name."""
        names = set(map(normalise_name, self.header))
        return sum(bool(names & known) for known in _ROLES)


class Workbook(Format):
    """Sheets of cells; the file is read whole."""

    suffixes = (".xlsx", ".xlsm")

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give the rows of the one sheet that is the table."""
        chosen = _choose(_read_sheets(path), path)
        if len(chosen) > 1:
            require_one_table({sheet.name: [] for sheet in chosen}, path)
        for sheet in chosen:
            yield from ((f"sheet {sheet.name!r}, row {number}", row) for number, row in sheet.rows)

    def read(self, path: Path) -> Content:
        """Read the table, or one for each sheet that is called like a split."""
        chosen = _choose(_read_sheets(path), path)
        if _are_splits(chosen, path):
            return {sheet.name: [row for _, row in sheet.rows] for sheet in chosen}
        return [row for sheet in chosen for _, row in sheet.rows]

    def describe(self, path: Path) -> tuple[str, ...]:
        """Say which sheets are left out, what stands above a header, and what merged cells were read as."""
        sheets = _read_sheets(path)
        chosen = _choose(sheets, path)
        left_out = [
            f"{sheet.name!r}{' (hidden)' if sheet.is_hidden else ''}" for sheet in sheets if sheet not in chosen
        ]
        notes = []
        if left_out:
            read = join_names([repr(sheet.name) for sheet in chosen])
            notes.append(f"{path.name}: read of its sheets: {read}; left out: {join_names(left_out)}.")
        for sheet in chosen:
            where = f"{path.name}: sheet {sheet.name!r}"
            if sheet.above:
                notes.append(f"{where}: {sheet.above} rows above the header are left out.")
            if sheet.merged:
                notes.append(f"{where}: cells merged over several rows, each read in all of them: {sheet.merged:,}.")
        return tuple(notes)


def _choose(sheets: Sequence[_Sheet], path: Path) -> list[_Sheet]:
    """Return the sheet that is the table, or those of splits. Raises DataError where it could be several, or none."""
    tables = [sheet for sheet in sheets if sheet.rows and not sheet.is_hidden]
    splits = [sheet for sheet in tables if find_split(sheet.name)]
    if splits or len(tables) < 2:
        return splits or tables
    names = join_names([repr(sheet.name) for sheet in tables])
    best = max(sheet.num_roles for sheet in tables)
    found = [sheet for sheet in tables if sheet.num_roles == best]
    if not best:
        raise DataError(
            f"{path}: none of its sheets has a column with a usual name, such as dialogue or summary: {names}. Rename "
            "the columns of the one that counts, or keep it alone in the workbook."
        )
    if len(found) > 1:
        raise DataError(
            f"{path}: several sheets could be the table: {join_names([repr(sheet.name) for sheet in found])}. Keep one "
            "of them, hide the others, put all rows into one, or call them train, validation and test if they are that."
        )
    return found


def _are_splits(chosen: Sequence[_Sheet], path: Path) -> bool:
    """Whether sheets are splits. A lone one is what the file's name says, where that says anything."""
    is_named = bool(chosen) and all(find_split(sheet.name) for sheet in chosen)
    return is_named and (len(chosen) > 1 or find_split(path.name) is None)


def _read_sheets(path: Path) -> list[_Sheet]:
    """Return the sheets of a workbook that hold anything. Raises DataError."""
    import python_calamine as calamine

    with open_bytes(path) as file:
        data = file.read()
    if data.startswith(_OLD):
        kind = "is encrypted" if _ENCRYPTED in data else "is a workbook of the old kind (.xls)"
        raise DataError(f"{path}: {kind}; {SAVE_AGAIN}, without a password.")
    require_bounded(data, path)
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            shown = calamine.SheetVisibleEnum.Visible
            found = [
                _read_sheet(workbook.get_sheet_by_name(one.name), path, is_hidden=one.visible != shown)
                for one in workbook.sheets_metadata
                if one.typ == calamine.SheetTypeEnum.WorkSheet
            ]
    except calamine.CalamineError as error:
        raise DataError(f"{path}: is not a readable workbook: {describe_error(error)}; {SAVE_AGAIN}.") from error
    return [sheet for sheet in found if sheet.header]


def _read_sheet(sheet: Any, path: Path, *, is_hidden: bool) -> _Sheet:
    grid = [[_read_cell(value) for value in row] for row in sheet.to_python()]
    if is_hidden or not grid:
        return _Sheet(sheet.name, ["?"] if grid else [], [], is_hidden=True)
    above, first = _count_above(grid), sheet.start[0] + 1
    where = f"{path}: sheet {sheet.name!r}, row"
    merged = _fill_merged(sheet, grid, above, f"{where} {first + above}")
    header = read_header(grid[above], f"{where} {first + above}")
    below = grid[above + 1 :]
    # A column without a name is one only where it holds something.
    kept = [at for at, name in enumerate(header) if name or any(cells[at] for cells in below)]
    rows: list[tuple[int, Row]] = []
    for number, cells in enumerate(below, start=first + above + 1):
        if any(cells):
            require_new(cells, header, f"{where} {number}")
            rows.append((number, {header[at]: cells[at] for at in kept}))
    return _Sheet(sheet.name, header, rows, above=above, merged=merged)


def _fill_merged(sheet: Any, grid: list[list[str]], above: int, where: str) -> int:
    """Repeat what is merged over rows in each, and return how many cells are. Raises DataError for merged names."""
    top, left = sheet.start
    merged = 0
    for (first_row, first_column), (last_row, last_column) in sheet.merged_cell_ranges or ():
        # Coordinates count from the sheet's corner, the grid from its first filled cell.
        rows, at = range(max(first_row - top, 0), min(last_row - top + 1, len(grid))), first_column - left
        if not rows or not 0 <= at < len(grid[0]) or not grid[rows[0]][at]:
            continue
        value = grid[rows[0]][at]
        if above in rows and any(any(cells[at + 1 : last_column - left + 1]) for cells in grid[above + 1 :]):
            raise DataError(
                f"{where}: the name {value!r} is merged over several columns; give each a name of its own, as in "
                "summary1, summary2."
            )
        merged += len(rows) > 1
        for row in rows[1:]:
            grid[row][at] = value
    return merged


def _read_cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    # Excel keeps fifteen digits of a number, and whole ones as fractions.
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _count_above(grid: Sequence[Sequence[str]]) -> int:
    """Return how many rows stand above the header: empty ones, and titles, alone in the first column of several."""
    above = 0
    while above < min(len(grid) - 1, MOST_LINES_ABOVE):
        filled = [at for at, cell in enumerate(grid[above]) if cell.strip()]
        is_title = (
            filled == [0] and len(grid[0]) > 1 and not any(normalise_name(grid[above][0]) in one for one in _ROLES)
        )
        if filled and not is_title:
            return above
        above += 1
    return 0


__all__ = ["Workbook"]
