"""Raw rows → rows of text, sorted into splits: what each cell says, whether it can be used or not.

Takes a RawSource, gives SourceRows. A cell that holds no text is empty, one that holds something else than text is a
DataError with its place. What was done to the texts stands in the notes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dialora.config import DataConfig
from dialora.data.reading.cells import is_empty, read_dialogue, read_label, read_summaries, read_text
from dialora.data.reading.changes import Changes, describe_changes
from dialora.data.reading.columns import (
    Columns,
    check_named_columns,
    column_names,
    find_columns,
    find_speakers_column,
)
from dialora.data.reading.division import divide
from dialora.data.reading.raw import RawSource, Row
from dialora.data.reading.splits import SPLITS
from dialora.data.reading.turn_lists import TurnKeys

WITHOUT = {
    "train": "nothing can be trained",
    "validation": "no validation loss will be reported",
    "test": "nothing can be scored and no experiment be run",
}
"""What it means that a split is not there."""


@dataclass(frozen=True, slots=True)
class DialogueRow:
    """One row as it was read; its dialogue may be empty, and it may have no references."""

    index: int
    """Its number in the source, counted from 0."""
    id: str | None
    dialogue: str
    references: tuple[str, ...]
    topic: str | None


@dataclass(frozen=True, slots=True)
class SourceRows:
    """Every row of a source, read and sorted into splits."""

    splits: dict[str, list[DialogueRow]]
    columns: dict[str, dict[str, list[str]]]
    notes: tuple[str, ...]


def read_rows(source: RawSource, config: DataConfig) -> SourceRows:
    """Read every row of a source, whether it can be used or not. Raises DataError."""
    check_named_columns(source, config)
    notes = list(source.notes)
    keys, changes = TurnKeys(config.turn_text_key, config.turn_speaker_key), Changes()
    rows: dict[str, list[DialogueRow]] = {}
    columns: dict[str, dict[str, list[str]]] = {}
    for split, raw in divide(source, config, notes).items():
        found = find_columns(column_names(row for _, row in raw), config, split, notes)
        found = find_speakers_column([row for _, row in raw], found)
        columns[split] = found.roles()
        rows[split] = [_read_row(index, row, found, f"{split}: row {index + 1}", keys, changes) for index, row in raw]
    return SourceRows(rows, columns, (*notes, *describe_changes(changes), *_note_missing_splits(rows)))


def _note_missing_splits(splits: Collection[str]) -> list[str]:
    """Say which splits the source names and what the others' absence means; nothing where all three are there."""
    missing = [split for split in SPLITS if split not in splits]
    if not missing:
        return []
    absences = [f"There is no {split} split, so {WITHOUT[split]}." for split in missing]
    named = " and ".join(split for split in SPLITS if split in splits)
    return [f"The source names {named} and nothing was divided. {' '.join(absences)}"]


def _read_row(index: int, row: Row, columns: Columns, where: str, keys: TurnKeys, changes: Changes) -> DialogueRow:
    speakers = row.get(columns.speakers) if columns.speakers is not None else None
    return DialogueRow(
        index=index,
        id=read_label(row, columns.id, where, "id"),
        dialogue=read_dialogue(row.get(columns.dialogue), where, keys=keys, speakers=speakers, changes=changes),
        references=tuple(
            part for name in columns.summaries for part in read_summaries(row.get(name), where, changes=changes)
        ),
        topic=read_label(row, columns.topic, where, "topic"),
    )


__all__ = [
    "DialogueRow",
    "SourceRows",
    "is_empty",
    "read_dialogue",
    "read_label",
    "read_rows",
    "read_summaries",
    "read_text",
]
