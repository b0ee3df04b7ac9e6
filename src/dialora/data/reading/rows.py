"""A source → rows of text, sorted into splits: what each cell says, whether it can be used or not.

Takes a DataConfig, gives SourceRows. A cell that holds no text is empty, one that holds something else than text is a
DataError with its place. A source without splits is divided here, by dialogue.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dialora.config import DataConfig
from dialora.data.reading.columns import (
    Columns,
    check_named_columns,
    column_names,
    find_columns,
    find_dialogue_column,
    normalise_name,
)
from dialora.data.reading.raw import RawSource, Row
from dialora.data.reading.sources import read_source
from dialora.data.reading.splits import SPLITS
from dialora.data.reading.text import require_whole
from dialora.errors import DataError

_SPEAKER_KEYS = ("speaker", "role", "user", "name", "from", "author")
_TEXT_KEYS = ("text", "utterance", "content", "message", "value", "sentence")
_HELD_OUT_SHARE = 0.1
NumberedRows = list[tuple[int, Row]]
"""Each row with its number in the source, counted from 0."""


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


def load_rows(config: DataConfig) -> SourceRows:
    """Read every row of `config.source`, whether it can be used or not. Raises DataError."""
    source = read_source(config)
    check_named_columns(source, config)
    notes = list(source.notes)
    rows: dict[str, list[DialogueRow]] = {}
    columns: dict[str, dict[str, list[str]]] = {}
    for split, raw in _divide(source, config, notes).items():
        found = find_columns(column_names(row for _, row in raw), config, split, notes)
        columns[split] = found.roles()
        rows[split] = _read_rows(raw, found, split)
    return SourceRows(rows, columns, tuple(notes))


def _read_rows(rows: Iterable[tuple[int, Row]], columns: Columns, split: str) -> list[DialogueRow]:
    """Read the rows of one split. Raises DataError where a cell is no text."""
    return [_read_row(index, row, columns, f"{split}: row {index + 1}") for index, row in rows]


def _read_row(index: int, row: Row, columns: Columns, where: str) -> DialogueRow:
    return DialogueRow(
        index=index,
        id=read_label(row, columns.id, where, "id"),
        dialogue=read_dialogue(row.get(columns.dialogue), where),
        references=tuple(part for name in columns.summaries for part in read_summaries(row.get(name), where)),
        topic=read_label(row, columns.topic, where, "topic"),
    )


def _divide(source: RawSource, config: DataConfig, notes: list[str]) -> dict[str, NumberedRows]:
    """Number the rows, and hold out a tenth of the dialogues each for validation and test where there are no splits."""
    if source.splits:
        return {split: list(enumerate(source.splits[split])) for split in SPLITS if split in source.splits}
    column = find_dialogue_column(column_names(source.unsplit), config, "all rows", [])
    texts = [read_dialogue(row.get(column), f"row {index + 1}") for index, row in enumerate(source.unsplit)]
    dialogues = [text for text in dict.fromkeys(texts) if text]
    num_held_out = max(1, round(len(dialogues) * _HELD_OUT_SHARE))
    if len(dialogues) < 3:
        raise DataError(
            f"{config.source}: {len(dialogues)} distinct dialogues cannot be split in train, validation, test."
        )
    random.Random(f"{config.seed}-hold-out").shuffle(dialogues)
    places = dict.fromkeys(dialogues[:num_held_out], "test")
    places |= dict.fromkeys(dialogues[num_held_out : 2 * num_held_out], "validation")
    splits: dict[str, NumberedRows] = {split: [] for split in SPLITS}
    for index, (text, row) in enumerate(zip(texts, source.unsplit, strict=True)):
        splits[places.get(text, "train")].append((index, row))
    sizes = f"{len(dialogues) - 2 * num_held_out} / {num_held_out} / {num_held_out}"
    notes.append(f"{config.source}: names no splits; divided with seed {config.seed} into {sizes} dialogues.")
    return splits


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return value is None or value != value  # NaN differs from itself


def read_text(value: Any, where: str, role: str) -> str:
    """Return a cell's text, "" for an empty one. Raises DataError, with its place, where it is no text."""
    if is_empty(value):
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: the {role} must be text, got {type(value).__name__}: {str(value)[:60]!r}.")
    return require_whole(value, where, role).replace("\r\n", "\n").strip()


def read_dialogue(value: Any, where: str) -> str:
    """Return a dialogue as text; a list of turns becomes one line per turn."""
    if not isinstance(value, list):
        return read_text(value, where, "dialogue")
    return "\n".join(turn for turn in (_read_turn(item, where) for item in value) if turn)


def _read_turn(turn: Any, where: str) -> str:
    if not isinstance(turn, dict):
        return read_text(turn, where, "turn of the dialogue")
    keys = {normalise_name(str(name)): name for name in turn}
    key = next((keys[name] for name in _TEXT_KEYS if name in keys), None)
    if key is None:
        raise DataError(
            f"{where}: a turn has no text. Keys: {', '.join(map(str, turn))}. Recognised: {', '.join(_TEXT_KEYS)}."
        )
    text = read_text(turn[key], where, "turn of the dialogue")
    speaker = next((turn[keys[name]] for name in _SPEAKER_KEYS if name in keys), None)
    if not text or is_empty(speaker):
        return text
    return f"{require_whole(str(speaker), where, 'speaker of a turn')}: {text}"


def read_summaries(value: Any, where: str) -> list[str]:
    """Return the summaries of a cell: its text, or a list's."""
    values = value if isinstance(value, list) else [value]
    return [text for text in (read_text(item, where, "summary") for item in values) if text]


def read_label(row: Row, column: str | None, where: str, role: str) -> str | None:
    """Return an id or topic, None where there is none. Raises DataError as `require_whole` does."""
    value = row.get(column) if column is not None else None
    return None if is_empty(value) else require_whole(str(value), where, role).strip() or None


__all__ = [
    "DialogueRow",
    "SourceRows",
    "is_empty",
    "load_rows",
    "read_dialogue",
    "read_label",
    "read_summaries",
    "read_text",
]
