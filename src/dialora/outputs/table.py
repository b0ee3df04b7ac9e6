"""A table of references and system outputs → Examples, and what every system wrote of each.

Takes a csv, tsv, json, jsonl, ndjson, parquet or xlsx file with a column per system and some of references, or one with
a row per system (`long_format`), or several files (`files`). Columns are recognised by name or named (`columns`). Rows
of one dialogue become one Example with several references (`dialogues`). What is not as it stands is in the notes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from dialora.config import DataConfig, OutputsConfig
from dialora.data.examples import EMPTY_SUMMARY, DataSummary, build_dataset
from dialora.data.reading.changes import describe_changes_by_column
from dialora.data.reading.columns import ID_COLUMNS, TOPIC_COLUMNS, column_names, find_dialogue_column, find_optional
from dialora.data.reading.raw import Row
from dialora.data.reading.rows import DialogueRow, SourceRows, read_label
from dialora.data.reading.sources import read_source
from dialora.errors import DataError
from dialora.outputs.cells import ColumnChanges, read_output, read_references, read_source_text
from dialora.outputs.columns import Roles, find_references, find_roles, name_systems
from dialora.outputs.dialogues import collect_summaries, find_keys, join_dialogues
from dialora.outputs.files import is_text_file, join_files
from dialora.outputs.long_format import widen_table
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
    table, roles = _read_layout(config, notes)
    changes: ColumnChanges = {}
    rows = [
        DialogueRow(
            index=at,
            id=read_label(row, roles.id, f"row {at + 1}", "id"),
            dialogue=read_source_text(row, roles.dialogue, f"row {at + 1}", changes),
            references=read_references(row, roles.references, f"row {at + 1}", changes),
            topic=read_label(row, roles.topic, f"row {at + 1}", "topic"),
        )
        for at, row in enumerate(table)
    ]
    written = [
        tuple(read_output(row.get(name), f"row {at + 1}", name, changes) for name in roles.systems)
        for at, row in enumerate(table)
    ]
    notes += describe_changes_by_column(changes)
    if config.outputs.dialogues is not None:
        rows = join_dialogues(rows, _read_dialogues(config.outputs.dialogues, notes), config, notes)
    keys = find_keys(rows, written, notes)
    has_dialogues = any(row.dialogue for row in rows)
    dataset = build_dataset(
        SourceRows(
            {"test": [replace(row, dialogue=key) for row, key in zip(rows, keys, strict=True)]},
            {"test": roles.to_json()},
            tuple(notes),
        ),
        DataConfig(source=config.table),
    )
    summaries = collect_summaries(keys, written, roles.systems)
    return Outputs(
        examples=tuple(one if has_dialogues else replace(one, dialogue="") for one in dataset.test),
        systems=tuple(
            SystemOutputs(*name, summaries=tuple(summaries[one.dialogue][at] for one in dataset.test))
            for at, name in enumerate(name_systems(roles.systems))
        ),
        summary=_note_skipped(dataset.summary),
    )


def _read_layout(config: OutputsConfig, notes: list[str]) -> tuple[list[Row], Roles]:
    """Read what is given, whatever its layout, as one table with a column per system. Raises DataError."""
    if config.further:
        return join_files(config, partial(_read_rows, notes=notes), notes)
    if is_text_file(config.table):
        raise DataError(
            f"{config.table}: a text file holds one summary a line, and no references; give both, as in `dialora score "
            "refs.txt preds.txt`, or a table with columns of references and summaries."
        )
    table, config = widen_table(_read_rows(config.table, notes), config, notes)
    return table, find_roles(table, config, notes)


def _note_skipped(summary: DataSummary) -> DataSummary:
    """Return the summary with a note for the rows that are not scored."""
    counts = summary.splits["test"]
    reasons = [
        f"{count:,} have {'no reference' if reason == EMPTY_SUMMARY else 'no dialogue'}"
        for reason, count in counts.skipped.items()
    ]
    if not reasons:
        return summary
    note = f"{sum(counts.skipped.values()):,} of {counts.rows:,} rows are not scored: {' and '.join(reasons)}."
    return replace(summary, notes=(*summary.notes, note))


def _read_rows(source: str, notes: list[str]) -> list[Row]:
    raw = read_source(DataConfig(source=source))
    if len(raw.splits) > 1 and "test" not in raw.splits:
        raise DataError(
            f"{source}: holds several splits ({', '.join(raw.splits)}) and no test split; give one of them."
        )
    notes += raw.notes
    return raw.splits.get("test") or next(iter(raw.splits.values()), raw.unsplit)


def _read_dialogues(source: str, notes: list[str]) -> list[DialogueRow]:
    table = _read_rows(source, notes)
    present = column_names(table)
    column = find_dialogue_column(present, DataConfig(source=source), "outputs.dialogues", notes)
    key, topic = find_optional(present, None, ID_COLUMNS), find_optional(present, None, TOPIC_COLUMNS)
    references, changes = find_references(present), ColumnChanges()
    rows = [
        DialogueRow(
            index=at,
            id=read_label(row, key, f"{source}: row {at + 1}", "id"),
            dialogue=read_source_text(row, column, f"{source}: row {at + 1}", changes),
            references=read_references(row, references, f"{source}: row {at + 1}", changes),
            topic=read_label(row, topic, f"{source}: row {at + 1}", "topic"),
        )
        for at, row in enumerate(table)
    ]
    notes += [f"outputs.dialogues: {sentence}" for sentence in describe_changes_by_column(changes)]
    return rows


__all__ = ["Outputs", "SystemOutputs", "load_outputs"]
