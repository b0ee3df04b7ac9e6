"""The rows of a source by split: as its column of splits says, as it came, or divided here by dialogue."""

from __future__ import annotations

import random
from collections import Counter

from dialora.config import DataConfig
from dialora.data.reading.cells import is_empty, read_dialogue
from dialora.data.reading.columns import SPLIT_COLUMN, column_names, find_dialogue_column, find_optional
from dialora.data.reading.raw import RawSource, Row
from dialora.data.reading.splits import NAMING, SPLITS, find_split, join_names
from dialora.data.reading.turn_lists import TurnKeys
from dialora.errors import DataError

_HELD_OUT_SHARE = 0.1
_LONGEST_SPLIT_NAME = 30
NumberedRows = list[tuple[int, Row]]
"""Each row with its number in the source, counted from 0."""


def divide(source: RawSource, config: DataConfig, notes: list[str]) -> dict[str, NumberedRows]:
    """Number the rows and sort them into splits. Raises DataError where they cannot be."""
    rows = {name: list(enumerate(source.splits[name])) for name in SPLITS if name in source.splits}
    rows = rows or {"": list(enumerate(source.unsplit))}
    present = column_names(row for items in rows.values() for _, row in items)
    column = find_optional(present, config.split_column, (SPLIT_COLUMN,))
    if column is None and config.split_column is None and "" in rows:
        column = find_column_of_splits(present, rows[""])
    sorted_rows = _sort_by_column(rows, column, config, notes) if column is not None else None
    if sorted_rows is not None:
        return sorted_rows
    return _hold_out(rows[""], config, notes) if "" in rows else rows


def find_column_of_splits(present: list[str], rows: NumberedRows) -> str | None:
    """Return the column, whatever its name, in which every row names a split, train and another one among them."""
    for name in present:
        found = set()
        for _, row in rows:
            value = row.get(name)
            split = find_split(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST_SPLIT_NAME else None
            if split is None:
                break
            found.add(split)
        else:
            if "train" in found and len(found) > 1:
                return name
    return None


def _sort_by_column(
    rows: dict[str, NumberedRows], column: str, config: DataConfig, notes: list[str]
) -> dict[str, NumberedRows] | None:
    """Sort rows by what their split column says, None where that names no splits. Raises DataError."""
    found: dict[str, NumberedRows] = {split: [] for split in SPLITS}
    strange: Counter[str] = Counter()
    moved = 0
    for came_from, items in rows.items():
        for index, row in items:
            value = row.get(column)
            text = "" if is_empty(value) else str(value).strip()
            split = find_split(text) if text else came_from
            if split:
                found[split].append((index, row))
                moved += split != came_from
            else:
                strange[text or "(empty)"] += 1
    names = join_names([f"{name!r} ({count:,})" for name, count in strange.items()])
    if not any(found.values()) or (strange and "" not in rows):
        if config.split_column is not None:
            raise DataError(f"data.split_column: {column!r} holds what names no split: {names}; {NAMING}.")
        notes.append(f"Column {column!r} is not read as splits: {names} name none.")
        return None
    if strange:
        notes.append(f"Column {column!r}: left out rows that belong to no split: {names}.")
    if moved:
        sizes = ", ".join(f"{split} {len(items):,}" for split, items in found.items() if items)
        notes.append(f"Column {column!r} decides which split a row belongs to: {sizes} rows.")
    return {split: items for split, items in found.items() if items}


def _hold_out(rows: NumberedRows, config: DataConfig, notes: list[str]) -> dict[str, NumberedRows]:
    """Hold out a tenth of the dialogues each for validation and test. Raises DataError where there are too few."""
    column = find_dialogue_column(column_names(row for _, row in rows), config, "all rows", [])
    keys = TurnKeys(config.turn_text_key, config.turn_speaker_key)
    texts = [read_dialogue(row.get(column), f"row {index + 1}", keys=keys) for index, row in rows]
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
    for text, (index, row) in zip(texts, rows, strict=True):
        splits[places.get(text, "train")].append((index, row))
    sizes = f"{len(dialogues) - 2 * num_held_out} / {num_held_out} / {num_held_out}"
    notes.append(f"{config.source}: names no splits; divided with seed {config.seed} into {sizes} dialogues.")
    return splits


__all__ = ["NumberedRows", "divide", "find_column_of_splits"]
