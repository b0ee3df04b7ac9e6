"""A table of dialogues → its dialogues one after the other, in constant memory.

Takes a file of any format (see `formats`), or a folder of texts, one dialogue each. Columns are recognised as
everywhere. Nothing is skipped: what cannot be read is a DataError with its place, and an empty dialogue is given as it
is. What was made of the texts stands in the notes, as with data to train on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dialora.config import DataConfig
from dialora.data.reading.cells import read_dialogue, read_label
from dialora.data.reading.changes import Changes, describe_changes
from dialora.data.reading.columns import (
    ID_COLUMNS,
    NO_COLUMN,
    Columns,
    column_names,
    find_dialogue_column,
    find_optional,
    find_speakers_column,
    list_columns,
)
from dialora.data.reading.files import reading_explained, shorten_path
from dialora.data.reading.formats import find_format
from dialora.data.reading.raw import Row
from dialora.data.reading.turn_lists import TurnKeys
from dialora.errors import DataError

HEAD = 100
"""Rows whose columns are looked at before the first is given; a JSON line may leave a column out."""
TEXTS = ".txt"


@dataclass(frozen=True, slots=True)
class StreamedDialogue:
    """One dialogue of a table."""

    number: int
    """Its row, counted from 1."""
    id: str
    """What the table calls it, or its number."""
    dialogue: str


def stream_dialogues(
    path: Path, config: DataConfig, *, required: Collection[str] = (), notes: list[str] | None = None
) -> Iterator[StreamedDialogue]:
    """Give the dialogues of a table in its order. Raises DataError.

    `config` may name columns, as of another table: one that is not there is recognised like any other, unless
    `required` holds its option (`dialogue_column`, `id_column`). Behind the last dialogue, `notes`
    has what was guessed to read the table and what was made of its texts.
    """
    found = [] if notes is None else notes
    rows = _stream_rows(path)
    head = list(islice(rows, HEAD))
    if not head:
        raise DataError(f"{path}: has no rows.")
    for file in _list_files(path):
        found.extend(find_format(file, needs_summaries=False).describe(file))
    yield from read_dialogues(chain(head, rows), config, where=str(path), required=required, notes=found)


def read_dialogues(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    config: DataConfig,
    *,
    where: str,
    required: Collection[str] = (),
    notes: list[str],
) -> Iterator[StreamedDialogue]:
    """Give the dialogues of rows, each with its place in words; see `stream_dialogues`. Raises DataError.

    `where` is what messages call all of them.
    """
    changes = Changes()
    rows = iter(rows)
    head = list(islice(rows, HEAD))
    present = column_names(row for _, row in head)
    _check_required(present, config, required, where)
    if config.dialogue_column not in present:
        config = config.model_copy(update={"dialogue_column": None})
    column = find_dialogue_column(present, config, where, notes)
    id_column = find_optional(present, config.id_column, ID_COLUMNS)
    if id_column is None and config.id_column != NO_COLUMN:
        id_column = find_optional(present, None, ID_COLUMNS)
    columns = find_speakers_column([row for _, row in head], Columns(column, (), id_column, None))
    if columns.speakers is not None:
        notes.append(f"{Path(where).name}: texts of turns from {column!r}, their speakers from {columns.speakers!r}.")
    keys = TurnKeys(config.turn_text_key, config.turn_speaker_key)
    for number, (place, row) in enumerate(chain(head, rows), start=1):
        at = f"{where}: {place}"
        speakers = row.get(columns.speakers) if columns.speakers is not None else None
        dialogue = read_dialogue(row.get(column), at, keys=keys, speakers=speakers, changes=changes)
        yield StreamedDialogue(number, read_label(row, id_column, at, "id") or str(number), dialogue)
    notes.extend(describe_changes(changes))


def _check_required(present: list[str], config: DataConfig, required: Collection[str], where: str) -> None:
    for option in required:
        name = getattr(config, option)
        is_number = option == "id_column" and name == NO_COLUMN
        if name is not None and not is_number and name not in present:
            raise DataError(f"{where}: data.{option}: {name!r} is not a column. Columns: {list_columns(present)}.")


def fingerprint_table(path: Path) -> str:
    """Return the SHA-256 of a table's bytes, or of all a folder's texts with their names."""
    digest = hashlib.sha256()
    with reading_explained(path):
        for file in _list_files(path):
            with file.open("rb") as stream:
                digest.update(f"{file.name}\n{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _stream_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Give every row with its place in words."""
    with reading_explained(path):
        if not path.exists():
            raise DataError(f"{shorten_path(path)}: no such file or folder. Relative paths count from {Path.cwd()}.")
        for file in _list_files(path):
            yield from find_format(file, needs_summaries=False).stream(file)


def _list_files(path: Path) -> list[Path]:
    """Return a folder's texts in the order of their names, or the table itself. Raises DataError."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == TEXTS and not file.name.startswith("."))
    if not files:
        raise DataError(f"{path}: holds no {TEXTS} files; give a folder of texts, one dialogue each, or a table.")
    return files


__all__ = ["StreamedDialogue", "fingerprint_table", "read_dialogues", "stream_dialogues"]
