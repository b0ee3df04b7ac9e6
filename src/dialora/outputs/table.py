"""A table of references and system outputs → Examples, and what every system wrote of each.

Takes a csv, tsv, json, jsonl, ndjson or parquet file with a column per system and one or several of references. Columns
are recognised by name or named. Rows of one dialogue become one Example with several references, because the dialogue
is what statistics count: rows with the same dialogue, or else with the same id, or else rows that follow each other
and for which every system wrote the same. Which of the three it was stands in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dialora.config import DataConfig, OutputsConfig
from dialora.data.examples import DataSummary, build_dataset
from dialora.data.reading.columns import ID_COLUMNS, TOPIC_COLUMNS, column_names, find_dialogue_column, find_optional
from dialora.data.reading.raw import Row
from dialora.data.reading.rows import DialogueRow, SourceRows, read_dialogue, read_label, read_summaries, read_text
from dialora.data.reading.sources import read_source
from dialora.errors import DataError
from dialora.outputs.columns import find_references, find_roles, name_systems
from dialora.records import Example


@dataclass(frozen=True, slots=True)
class SystemOutputs:
    """What one system wrote: one summary per example, "" where it wrote nothing."""

    key: str
    method: str
    label: str
    summaries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outputs:
    """A table of outputs as examples and systems. An example's dialogue is "" where the table has none."""

    examples: tuple[Example, ...]
    systems: tuple[SystemOutputs, ...]
    summary: DataSummary


def load_outputs(config: OutputsConfig) -> Outputs:
    """Read the table, and the dialogues where they lie elsewhere. Raises DataError."""
    notes: list[str] = []
    table = _read_rows(config.table)
    roles = find_roles(table, config, notes)
    rows = [
        DialogueRow(
            index=at,
            id=read_label(row, roles.id, f"row {at + 1}", "id"),
            dialogue=read_dialogue(row.get(roles.dialogue), f"row {at + 1}") if roles.dialogue else "",
            references=tuple(
                part for name in roles.references for part in read_summaries(row.get(name), f"row {at + 1}")
            ),
            topic=read_label(row, roles.topic, f"row {at + 1}", "topic"),
        )
        for at, row in enumerate(table)
    ]
    written = [
        tuple(read_text(row.get(name), f"row {at + 1}", name) for name in roles.systems) for at, row in enumerate(table)
    ]
    if config.outputs.dialogues is not None:
        rows = _join(rows, _read_dialogues(config.outputs.dialogues), config, notes)
    keys = _find_keys(rows, written, notes)
    has_dialogues = any(row.dialogue for row in rows)
    dataset = build_dataset(
        SourceRows(
            {"test": [replace(row, dialogue=key) for row, key in zip(rows, keys, strict=True)]},
            {"test": roles.to_json()},
            tuple(notes),
        ),
        DataConfig(source=config.table),
    )
    summaries = _collect(keys, written, roles.systems)
    return Outputs(
        examples=tuple(one if has_dialogues else replace(one, dialogue="") for one in dataset.test),
        systems=tuple(
            SystemOutputs(*name, summaries=tuple(summaries[one.dialogue][at] for one in dataset.test))
            for at, name in enumerate(name_systems(roles.systems))
        ),
        summary=dataset.summary,
    )


def _read_rows(source: str) -> list[Row]:
    raw = read_source(DataConfig(source=source))
    if len(raw.splits) > 1 and "test" not in raw.splits:
        raise DataError(
            f"{source}: holds several splits ({', '.join(raw.splits)}) and no test split; give one of them."
        )
    return raw.splits.get("test") or next(iter(raw.splits.values()), raw.unsplit)


def _read_dialogues(source: str) -> list[DialogueRow]:
    notes: list[str] = []
    table = _read_rows(source)
    present = column_names(table)
    column = find_dialogue_column(present, DataConfig(source=source), "outputs.dialogues", notes)
    key, topic = find_optional(present, None, ID_COLUMNS), find_optional(present, None, TOPIC_COLUMNS)
    references = find_references(present)
    return [
        DialogueRow(
            index=at,
            id=read_label(row, key, f"{source}: row {at + 1}", "id"),
            dialogue=read_dialogue(row.get(column), f"{source}: row {at + 1}"),
            references=tuple(
                part for name in references for part in read_summaries(row.get(name), f"{source}: row {at + 1}")
            ),
            topic=read_label(row, topic, f"{source}: row {at + 1}", "topic"),
        )
        for at, row in enumerate(table)
    ]


def _join(
    rows: list[DialogueRow], others: list[DialogueRow], config: OutputsConfig, notes: list[str]
) -> list[DialogueRow]:
    """Give each row its dialogue. Raises DataError where the two tables do not go together."""
    source = config.outputs.dialogues
    by_id = {other.id: other for other in others if other.id}
    if len(by_id) == len(others) and all(row.id in by_id for row in rows):
        pairs = [(row, by_id[row.id or ""]) for row in rows]
        how = "by id"
    elif len(rows) == len(others):
        pairs, how = list(zip(rows, others, strict=True)), "row by row"
    else:
        raise DataError(
            f"outputs.dialogues: {source} has {len(others):,} rows where {config.table} has {len(rows):,}; they must "
            "go together row by row, or by an id column that both have."
        )
    checked = [(row, other) for row, other in pairs if row.references and other.references]
    strange = sum(not set(row.references) & set(other.references) for row, other in checked)
    if 2 * strange > len(checked):
        raise DataError(
            f"outputs.dialogues: {strange:,} of {len(checked):,} rows of {config.table} have another reference than "
            f"{source} ({how}): the order is another, or the data are."
        )
    agree = f"; the references of {strange:,} rows differ" if strange else "; the references agree" if checked else ""
    notes.append(f"Dialogues joined from {Path(str(source)).name} {how}{agree}.")
    return [
        replace(
            row,
            id=row.id or other.id,
            dialogue=other.dialogue,
            topic=row.topic or other.topic,
            references=row.references or other.references,
        )
        for row, other in pairs
    ]


def _find_keys(rows: Sequence[DialogueRow], written: Sequence[tuple[str, ...]], notes: list[str]) -> list[str]:
    """Return for each row what tells its dialogue from others."""
    if any(row.dialogue for row in rows):
        return [row.dialogue for row in rows]
    ids = [row.id or "" for row in rows]
    if all(ids) and len(set(ids)) < len(ids):
        notes.append(f"{len(rows):,} rows with {len(set(ids)):,} different ids are {len(set(ids)):,} dialogues.")
        return ids
    keys: list[str] = []
    for at, texts in enumerate(written):
        keys.append(keys[-1] if at and texts == written[at - 1] else f"row {at + 1}")
    count = len(set(keys))
    if count < len(rows):
        notes.append(
            f"{len(rows):,} rows are taken for {count:,} dialogues: rows that follow each other, and for which every "
            "system wrote the same, are one dialogue with several references. `--set outputs.dialogues=DATA` or a "
            "column of dialogues or ids says it for sure."
        )
    else:
        notes.append("Nothing says which rows share a dialogue, so each row counts as a dialogue of its own.")
    return keys


def _collect(
    keys: Sequence[str], written: Sequence[tuple[str, ...]], systems: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return what every system wrote of each dialogue. Raises DataError where one wrote two things of one dialogue."""
    first: dict[str, int] = {}
    for at, (key, texts) in enumerate(zip(keys, written, strict=True)):
        if not key:
            continue
        before = first.setdefault(key, at)
        for name, text, other in zip(systems, texts, written[before], strict=True):
            if text != other:
                raise DataError(
                    f"rows {before + 1} and {at + 1}: one dialogue, but {name!r} wrote two different things of it. A "
                    "system is compared by one summary per dialogue: give several samples a column each."
                )
    return {key: written[at] for key, at in first.items()}


__all__ = ["Outputs", "SystemOutputs", "load_outputs"]
