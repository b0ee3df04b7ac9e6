"""Several files → one table: references in one file or in each, and a file per system.

Takes tables, or texts with a summary a line. Files go together by their ids, or else by their dialogues, or else row by
row. A file whose name says so (`refs.txt`, `reference.csv`) holds the references, or each has a column of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.config import OutputsConfig
from dialora.data.reading.columns import column_names, looks_like_data
from dialora.data.reading.files import reading_explained, require_file
from dialora.data.reading.formats import find_stem, find_suffix
from dialora.data.reading.raw import Row
from dialora.data.reading.rows import is_empty
from dialora.data.reading.text import stream_lines
from dialora.errors import DataError
from dialora.outputs.columns import (
    STRONG_REFERENCES,
    Roles,
    describe_left_out,
    find_references,
    find_single_roles,
    find_systems,
)
from dialora.outputs.long_format import require_every_system

TEXTS = ".txt"
LINE = "line"
_COLUMNS = ("reference", "id", "dialogue", "topic")
"""Of the table that the files become, systems aside."""
_SAYS_REFERENCES = frozenset(
    {
        "ref",
        "refs",
        "reference",
        "references",
        "gold",
        "golden",
        "target",
        "targets",
        "truth",
        "human",
        "label",
        "labels",
    }
)
ReadRows = Callable[[str], list[Row]]


@dataclass(frozen=True, slots=True)
class _File:
    """A file and the columns of its roles; `references` are those that can be nothing else."""

    path: str
    name: str
    rows: list[Row]
    roles: Roles

    @property
    def says_references(self) -> bool:
        """Whether its name says that it holds the references."""
        return bool(_SAYS_REFERENCES & set(re.split(r"[\W_\d]+", find_stem(Path(self.path)).casefold())))


def is_text_file(name: str | Path) -> bool:
    """Whether a file's name says that it is plain text, which to scoring is a summary a line."""
    return find_suffix(Path(name)) == TEXTS


def read_lines(path: str) -> list[Row]:
    """Read a text file as a table of one column; an empty line is an empty summary. Raises DataError."""
    with reading_explained(Path(path)):
        require_file(Path(path))
        return [{LINE: line.rstrip("\r\n")} for line in stream_lines(Path(path))]


def join_files(config: OutputsConfig, read_rows: ReadRows, notes: list[str]) -> tuple[list[Row], Roles]:
    """Read the files and put them into one table with a column per system. Raises DataError."""
    paths = (config.table, *config.further)
    names = _name_files(paths)
    files = [
        _open(path, name, read_lines(path) if is_text_file(path) else read_rows(path), config, notes)
        for path, name in zip(paths, names, strict=True)
    ]
    first = _find_references_file(files, notes)
    # Beside a column that can be nothing but references there may be systems' too.
    others = files if first.roles.references else [file for file in files if file is not first]
    references = first.roles.references or _take_references(first, notes)
    wide = {key: _start(first, rows, references) for key, rows in _group(first, files).items()}
    systems: list[str] = []
    for file in others:
        _compare_references(file, first, files, wide, notes)
        systems += _add_systems(file, files, wide, notes, taken={*_COLUMNS, *systems})
    kept = [row for row in wide.values() if any(system in row for system in systems)]
    if len(kept) < len(wide):
        notes.append(f"{len(wide) - len(kept):,} of {len(wide):,} dialogues of {first.name} are in no other file.")
    require_every_system(kept, systems, first="id" if first.roles.id else None)
    single = {"dialogue": first.roles.dialogue, "id": first.roles.id, "topic": first.roles.topic}
    return kept, Roles(("reference",), tuple(systems), **{key: key if name else None for key, name in single.items()})


def _open(path: str, name: str, rows: list[Row], config: OutputsConfig, notes: list[str]) -> _File:
    present = column_names(rows)
    single = find_single_roles(present, config)
    free = [column for column in present if column not in single.values()]
    references = tuple(one for one in config.outputs.reference_columns or () if one in free)
    references = references or find_references(free, STRONG_REFERENCES)
    free = [column for column in free if column not in references]
    if len(present) == 1 and present == free and not is_text_file(path) and looks_like_data(present):
        raise DataError(
            f"{path}: the first row looks like data, not like a header. Add a header such as reference or the system's "
            "name as the first line; or call the file .txt, which holds a summary a line and no header."
        )
    left_out: dict[str, str] = {}
    systems = tuple(one for one in config.outputs.system_columns or () if one in free)
    if not systems:
        systems, left_out = find_systems(rows, free, references=references or free, dialogue=single["dialogue"])
    notes += [f"{name}: {note}" for note in describe_left_out(left_out)]
    return _File(path, name, rows, Roles(references, systems, **single))


def _find_references_file(files: Sequence[_File], notes: list[str]) -> _File:
    for file in files:
        if file.says_references:
            return file
    for file in files:
        if file.roles.references:
            return file
    if all(is_text_file(file.path) for file in files):
        notes.append(f"{files[0].name} is taken for the references, because it comes first.")
        return files[0]
    raise DataError(
        f"{', '.join(file.name for file in files)}: none says that it holds the references; call its file so, as in "
        "reference.csv, or its column, as in `reference`."
    )


def _take_references(file: _File, notes: list[str]) -> tuple[str, ...]:
    """Return the columns of a file that holds references alone. Raises DataError."""
    found = find_references(file.roles.systems) or file.roles.systems
    if len(found) != 1 and not find_references(file.roles.systems):
        raise DataError(
            f"{file.path}: no reference column. Columns: {', '.join(column_names(file.rows))}; "
            "outputs.reference_columns names others."
        )
    left_out = {name: "" for name in file.roles.systems if name not in found}
    notes += [f"{file.name}: {note}" for note in describe_left_out(left_out)]
    return found


def _find_key(files: Sequence[_File]) -> str | None:
    """Return the role by which all files go together; None: row by row."""
    for role in ("id", "dialogue"):
        if all(
            (column := getattr(file.roles, role)) is not None
            and all(not _is_blank(row.get(column)) for row in file.rows)
            for file in files
        ):
            return role
    return None


def _group(file: _File, files: Sequence[_File]) -> dict[str, list[Row]]:
    """Return a file's rows by what they go together by. Raises DataError where files of other lengths have nothing."""
    role = _find_key(files)
    if role is None:
        sizes = {len(one.rows) for one in files}
        if len(sizes) > 1:
            told = ", ".join(f"{one.name} has {len(one.rows):,}" for one in files)
            raise DataError(
                f"{told} rows or lines; files without a column of ids or dialogues in each go together row by row, and "
                "must have the same number of them. An empty line is an empty summary."
            )
        return {str(at): [row] for at, row in enumerate(file.rows)}
    grouped: dict[str, list[Row]] = {}
    for row in file.rows:
        grouped.setdefault(str(row[getattr(file.roles, role)]).strip(), []).append(row)
    return grouped


def _start(file: _File, rows: Sequence[Row], references: Sequence[str]) -> Row:
    """Return the first cells of a dialogue's row; several references become a list."""
    row: Row = {"reference": [value for one in rows for name in references if not _is_blank(value := one.get(name))]}
    for role in ("id", "dialogue", "topic"):
        column = getattr(file.roles, role)
        if column is not None:
            row[role] = rows[0].get(column)
    return row


def _compare_references(
    file: _File, first: _File, files: Sequence[_File], wide: dict[str, Row], notes: list[str]
) -> None:
    """Say where a file has references of its own that differ. Raises DataError where most do."""
    if file is first or not file.roles.references:
        return
    grouped = {key: rows for key, rows in _group(file, files).items() if key in wide}
    strange = sum(
        not any(row.get(name) in wide[key]["reference"] for row in rows for name in file.roles.references)
        for key, rows in grouped.items()
    )
    told = f"{strange:,} of {len(grouped):,} dialogues of {file.name} have another reference than {first.name}"
    if 2 * strange > len(grouped):
        raise DataError(f"{told}: the order is another, or the data are.")
    if strange:
        notes.append(f"{told}, whose are taken.")


def _add_systems(
    file: _File, files: Sequence[_File], wide: dict[str, Row], notes: list[str], *, taken: set[str]
) -> list[str]:
    """Put what a file's systems wrote into the rows, and return their columns, none of `taken`. Raises DataError."""
    columns = file.roles.systems
    if not columns:
        if file.roles.references:
            return []
        raise DataError(
            f"{file.path}: no column of summaries. Columns: {', '.join(column_names(file.rows))}; "
            "outputs.system_columns names others."
        )
    names = [file.name] if len(columns) == 1 else [f"{file.name} {column}" for column in columns]
    names = list(columns) if file.says_references else names
    names = [name if name not in taken else f"{name} ({file.name})" for name in names]
    unknown = 0
    for key, rows in _group(file, files).items():
        if key not in wide:
            unknown += 1
            continue
        for name, column in zip(names, columns, strict=True):
            values = [row.get(column) for row in rows]
            if any(value != values[0] for value in values):
                raise DataError(
                    f"{file.path}: {column!r} holds two different summaries of the dialogue {key[:60]!r}. A system is "
                    "compared by one summary per dialogue: give several samples a file each."
                )
            wide[key][name] = values[0]
    if unknown:
        notes.append(f"{unknown:,} dialogues of {file.name} have no reference and are left out.")
    return names


def _name_files(paths: Sequence[str]) -> list[str]:
    """Return each file's name without its suffix, with its folder's where two are called alike."""
    stems = [find_stem(Path(path)) for path in paths]
    names = [
        stem if stems.count(stem) == 1 else f"{Path(path).resolve().parent.name}/{stem}"
        for stem, path in zip(stems, paths, strict=True)
    ]
    return [name if names.count(name) == 1 else f"{name} ({at})" for at, name in enumerate(names, start=1)]


def _is_blank(value: Any) -> bool:
    return is_empty(value) or value == ""


__all__ = ["is_text_file", "join_files", "read_lines"]
