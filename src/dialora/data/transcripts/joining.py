"""Rows that name transcripts → rows with their dialogues.

The column that names them is recognised by its name and by whether its values are names of what is there. A row keeps
its cells; what it names becomes its dialogue, and its id where it has none. Everything is accounted for: a name that
fits nothing or several is a DataError, what no row names stands in the notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dialora.config import DataConfig
from dialora.data.reading.cells import is_empty, read_label
from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    ID_COLUMNS,
    SPLIT_COLUMN,
    check_named_columns,
    column_names,
    find_dialogue_column,
    find_optional,
    list_columns,
)
from dialora.data.reading.division import find_column_of_splits
from dialora.data.reading.formats import find_suffix
from dialora.data.reading.raw import RawSource, Row, TranscriptText
from dialora.data.reading.text import normalise_name
from dialora.data.transcripts.lookup import Transcript, TranscriptFolder, find_folder_split, list_some
from dialora.data.transcripts.reading import SUFFIXES
from dialora.data.turns import LABEL
from dialora.errors import DataError

DIALOGUE = "dialogue"
"""The column in which joined rows have their dialogues."""
FILE_COLUMNS = (
    *("file", "file_name", "filename", "file_path", "filepath", "path", "transcript_file", "transcript_path"),
    *("transcript_id", "recording"),
)
"""Of names of transcripts, whatever else a table holds."""
_LONGEST_NAME = 200
_LOOKED_AT = 1000
_MOST_NOTES = 5
"""Of files, each its own."""
_SHARE = 0.5
"""Of a column's values: more of them than that are names, or are texts."""


def has_texts(rows: Sequence[Row], column: str) -> bool:
    """Whether a column holds dialogues, and not names: turns, several lines, a speaker, or much text."""
    values = list(islice(_list_values(rows, column), _LOOKED_AT))
    return sum(map(_is_text, values)) > _SHARE * len(values)


def _is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return isinstance(value, list | Mapping)
    return "\n" in value.strip() or len(value) > _LONGEST_NAME or LABEL.match(value) is not None


def find_dialogues(rows: Sequence[Row], config: DataConfig) -> str | None:
    """Return the column that would be read as dialogues and holds anything; None where there is none."""
    try:
        column = find_dialogue_column(column_names(rows), config, "", [])
    except DataError:
        return None
    return column if any(True for _ in _list_values(rows, column)) else None


def join_transcripts(source: RawSource, transcripts: TranscriptFolder, config: DataConfig) -> RawSource | None:
    """Return the source with the dialogues that its rows name; None where no column holds names.

    Raises DataError where a row names no transcript, or several.
    """
    check_named_columns(source, config)
    tables: list[tuple[str | None, list[Row]]] = [*source.splits.items()] or [(None, source.unsplit)]
    columns = {split: _find_name_column(rows, split, transcripts, config) for split, rows in tables}
    if not any(columns.values()):
        return None
    joined: dict[str, list[Row]] = {}
    used: dict[str, Transcript] = {}
    notes: list[str] = []
    problems: list[str] = []
    for split, rows in tables:
        column = columns[split]
        if column is None:
            raise describe_missing_column(rows, split)
        place = f"{split}: row" if split else "row"
        found = [
            _find(row, column, f"{place} {number}", split, transcripts, problems)
            for number, row in enumerate(rows, start=1)
        ]
        used |= {one.id: one for one in found if one is not None}
        joined[split or ""] = list(_add_dialogues(rows, found, config))
        if split is None and not problems:
            joined[""] = _add_splits(joined[""], found, column, config, notes)
    if problems:
        more = f" Besides, rows that cannot be joined: {len(problems) - 1:,}." if len(problems) > 1 else ""
        raise DataError(problems[0] + more)
    told = (*source.notes, *_describe(used, filter(None, columns.values()), transcripts), *notes)
    unsplit = joined.pop("", [])
    return RawSource(joined, unsplit, told)


def _find_name_column(
    rows: Sequence[Row], split: str | None, transcripts: TranscriptFolder, config: DataConfig
) -> str | None:
    """Return the column whose values name transcripts, None where none does.

    Beside a column that is called like dialogues and may hold some, an id is no such name: files called by ids may lie
    beside a table of texts.
    """
    present, dialogues = column_names(rows), find_dialogues(rows, config)
    if dialogues and has_texts(rows, dialogues):
        return None
    own = [] if dialogues is None else [normalise_name(dialogues)]
    known = (*FILE_COLUMNS, *own, *(() if set(own) & {*DIALOGUE_COLUMNS} else ID_COLUMNS))
    names = [name for wanted in known for name in present if normalise_name(name) == wanted]
    if config.dialogue_column is not None:
        names = [name for name in present if name == config.dialogue_column]
    shares: dict[str, float] = {}
    for by_own_name in (False, True):
        shares = {name: _measure_share(rows, name, split, transcripts, by_own_name=by_own_name) for name in names}
        if found := next((name for name in names if shares[name] > _SHARE), None):
            return found
    guessed = [name for name in names if shares[name] and (name == dialogues or not dialogues)]
    guessed += [name for name in names if normalise_name(name) in FILE_COLUMNS and not dialogues]
    return guessed[0] if guessed else None


def _measure_share(
    rows: Sequence[Row], column: str, split: str | None, transcripts: TranscriptFolder, *, by_own_name: bool
) -> float:
    """Return the share of a column's values that are names of what is there, or look like names of transcripts."""
    values = [str(value).strip() for value in _list_values(rows, column)]
    short = [value for value in values if len(value) <= _LONGEST_NAME and "\n" not in value]
    fitting = [
        value
        for value in short
        if find_suffix(Path(value)) in SUFFIXES or transcripts.is_named(value, split, by_own_name=by_own_name)
    ]
    return len(fitting) / max(1, len(values))


def _find(
    row: Row, column: str, where: str, split: str | None, transcripts: TranscriptFolder, problems: list[str]
) -> Transcript | None:
    """Return what a row names, None where it names nothing, or cannot be joined and is one of the problems."""
    name = read_label(row, column, where, column)
    if name is None:
        return None
    try:
        return transcripts.find(name, split, where)
    except DataError as error:
        problems.append(str(error))
        return None


def _add_dialogues(rows: Sequence[Row], found: Sequence[Transcript | None], config: DataConfig) -> Iterator[Row]:
    present = column_names(rows)
    is_numbered = config.id_column is None and find_optional(present, None, ID_COLUMNS) is None
    for row, one in zip(rows, found, strict=True):
        own_id = {ID_COLUMNS[0]: one.id} if one is not None and is_numbered else {}
        yield {**row, DIALOGUE: TranscriptText(one.text if one is not None else ""), **own_id}


def _add_splits(
    rows: list[Row], found: Sequence[Transcript | None], column: str, config: DataConfig, notes: list[str]
) -> list[Row]:
    """Return rows with a column of splits where the folders of their transcripts say it and no other column does.

    Raises DataError where only some lie in such folders.
    """
    present = [name for name in column_names(rows) if name not in (column, ID_COLUMNS[0], DIALOGUE)]
    if find_optional(present, config.split_column, (SPLIT_COLUMN,)) is not None:
        return rows
    if find_column_of_splits(present, [*enumerate(rows)]) is not None:
        return rows
    splits = [find_folder_split(one.file) if one is not None else None for one in found]
    named = {one.file: split for one, split in zip(found, splits, strict=True) if one is not None}
    inside = [file for file, split in named.items() if split]
    if not inside:
        return rows
    outside = [file for file, split in named.items() if not split]
    if outside:
        raise DataError(
            f"Transcripts lie in folders of splits ({list_some(inside)}) and outside of them ({list_some(outside)}); "
            "say which split a row is of in a column split of the table."
        )
    notes.append("The folders of the transcripts say which split a row is of, here as column 'split'.")
    return [{**row, SPLIT_COLUMN: split} for row, split in zip(rows, splits, strict=True)]


def _describe(used: Mapping[str, Transcript], columns: Iterable[str], transcripts: TranscriptFolder) -> Iterator[str]:
    """Say what was read, what was made of it, and what no row names."""
    formats = Counter(one.format for one in used.values())
    named = ", ".join(f"{count:,} of {name}" for name, count in sorted(formats.items()))
    yield f"Dialogues are the transcripts that column {list_some(map(repr, dict.fromkeys(columns)))} names: {named}."
    counts: Counter[str] = Counter()
    for one in used.values():
        counts.update(one.counts)
    yield from (f"Transcripts: {what}: {count:,}." for what, count in counts.items())
    yield from transcripts.notes[:_MOST_NOTES]
    if left := len(transcripts.notes) - _MOST_NOTES:
        yield from [f"Transcripts with such notes besides: {left:,}."] if left > 0 else []
    if others := transcripts.list_others(used):
        yield f"Left out, for no row names them ({len(others):,}): {list_some(others)}."


def describe_missing_column(rows: Sequence[Row], split: str | None = None) -> DataError:
    """Return what to raise where no column names transcripts."""
    known = ", ".join((*FILE_COLUMNS, *ID_COLUMNS))
    return DataError(
        f"{split or 'all rows'}: no column names the transcripts that lie in the folder. Columns: "
        f"{list_columns(column_names(rows))}. Recognised: {known}; data.dialogue_column names another."
    )


def _list_values(rows: Sequence[Row], column: str) -> Iterator[Any]:
    """Give what a column holds, but for empty cells."""
    values = (row.get(column) for row in rows)
    return (value for value in values if not is_empty(value) and (not isinstance(value, str) or value.strip()))


__all__ = ["DIALOGUE", "FILE_COLUMNS", "describe_missing_column", "find_dialogues", "has_texts", "join_transcripts"]
