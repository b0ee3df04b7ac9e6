"""Raw rows → Examples: which column is which, and which rows are one dialogue.

Takes a DataConfig and reads its source. Gives a DialogueDataset: three splits and a DataSummary of how they came to be.
Every row is accounted for: `rows = examples before a limit + merged_rows + skipped`. Rows that repeat a dialogue are
further references of it, so each distinct dialogue stands once in a split and is generated once.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from dialora.config import DataConfig
from dialora.data.columns import (
    Columns,
    check_named_columns,
    column_names,
    find_columns,
    find_dialogue_column,
    normalise_name,
)
from dialora.data.sources import SPLITS, RawSource, Row, read_source
from dialora.errors import DataError
from dialora.records import Example, Record

EMPTY_DIALOGUE, EMPTY_SUMMARY = "empty dialogue", "empty summary"
_SPEAKER_KEYS = ("speaker", "role", "user", "name", "from", "author")
_TEXT_KEYS = ("text", "utterance", "content", "message", "value", "sentence")
_HELD_OUT_SHARE = 0.1

NumberedRows = list[tuple[int, Row]]
"""Each row with its number in the source, counted from 0."""


@dataclass(frozen=True, slots=True)
class SplitCounts(Record):
    """What became of one split's rows."""

    rows: int
    examples: int
    references: int
    merged_rows: int
    """Rows that became another reference of a dialogue already seen."""
    skipped: dict[str, int]
    limited_to: int | None = None
    """Size of the sample drawn, where a limit left examples out; `examples` and `references` count the sample."""


@dataclass(frozen=True, slots=True)
class DataSummary(Record):
    """How the examples came about; keys of every mapping are splits."""

    splits: dict[str, SplitCounts]
    columns: dict[str, dict[str, list[str]]]
    """For each split, the column names behind each role: dialogue, summary, id, topic."""
    notes: tuple[str, ...]
    fingerprint: dict[str, str]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the summary from `to_json`'s form."""
        splits = {split: SplitCounts(**counts) for split, counts in values["splits"].items()}
        return cls(splits, values["columns"], tuple(values["notes"]), values["fingerprint"])


@dataclass(frozen=True, slots=True)
class DialogueDataset:
    """The examples of an experiment; a split the source lacks is empty."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    summary: DataSummary


@dataclass(slots=True)
class _Dialogue:
    """The rows of one dialogue, as they are collected."""

    topic: str | None
    ids: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


def load_dataset(config: DataConfig, *, needs_train: bool = True) -> DialogueDataset:
    """Load the examples of `config.source`. Raises DataError where they cannot serve the experiment."""
    source = read_source(config)
    check_named_columns(source, config)
    notes = list(source.notes)
    splits = _divide(source, config, notes)
    _check_splits(splits, config, needs_train=needs_train, notes=notes)
    examples: dict[str, tuple[Example, ...]] = {}
    counts: dict[str, SplitCounts] = {}
    columns: dict[str, dict[str, list[str]]] = {}
    for split, rows in splits.items():
        found = find_columns(column_names(row for _, row in rows), config, split, notes)
        columns[split] = found.roles()
        examples[split], counts[split] = _build_examples(rows, found, split, config, notes)
    summary = DataSummary(
        splits=counts,
        columns=columns,
        notes=tuple(notes),
        fingerprint={split: fingerprint(items) for split, items in examples.items()},
    )
    return DialogueDataset(**{split: examples.get(split, ()) for split in SPLITS}, summary=summary)


def fingerprint(examples: Iterable[Example]) -> str:
    """Return the SHA-256 of the examples in their order, ids and topics included, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(example.to_json(), sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _divide(source: RawSource, config: DataConfig, notes: list[str]) -> dict[str, NumberedRows]:
    """Number the rows, and hold out a tenth of the dialogues each for validation and test where there are no splits."""
    if source.splits:
        return {split: list(enumerate(source.splits[split])) for split in SPLITS if split in source.splits}
    column = find_dialogue_column(column_names(source.unsplit), config, "all rows", [])
    texts = [_read_dialogue(row.get(column), f"row {index + 1}") for index, row in enumerate(source.unsplit)]
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


def _check_splits(splits: dict[str, NumberedRows], config: DataConfig, *, needs_train: bool, notes: list[str]) -> None:
    found = f"Found: {', '.join(splits)}"
    rule = "a file, key or hub split with that word in its name is one, and a single file that names none is divided"
    if "test" not in splits:
        raise DataError(f"{config.source}: no test split, so nothing can be scored. {found}; {rule}.")
    if needs_train and "train" not in splits:
        raise DataError(f"{config.source}: no train split, which training needs. {found}; {rule}.")
    if "validation" not in splits:
        notes.append("There is no validation split, so no validation loss will be reported.")


def _build_examples(
    rows: NumberedRows, columns: Columns, split: str, config: DataConfig, notes: list[str]
) -> tuple[tuple[Example, ...], SplitCounts]:
    dialogues, skipped = _collect_dialogues(rows, columns, split)
    if not dialogues:
        counted = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise DataError(f"{split}: none of its {len(rows)} rows can be used{f' ({counted})' if counted else ''}.")
    ids = _choose_ids(dialogues)
    examples = tuple(Example(ids[text], text, tuple(its.references), its.topic) for text, its in dialogues.items())
    kept = _limit(examples, split, config, notes)
    counts = SplitCounts(
        rows=len(rows),
        examples=len(kept),
        references=sum(len(example.references) for example in kept),
        merged_rows=len(rows) - sum(skipped.values()) - len(examples),
        skipped=dict(skipped),
        limited_to=len(kept) if len(kept) < len(examples) else None,
    )
    return kept, counts


def _collect_dialogues(rows: NumberedRows, columns: Columns, split: str) -> tuple[dict[str, _Dialogue], Counter[str]]:
    """Gather the rows by dialogue, and count those without a dialogue or a summary."""
    skipped: Counter[str] = Counter()
    dialogues: dict[str, _Dialogue] = {}
    uses: dict[str, dict[str, int]] = {}
    for index, row in rows:
        where = f"{split}: row {index + 1}"
        text = _read_dialogue(row.get(columns.dialogue), where)
        references = [part for name in columns.summaries for part in _read_summaries(row.get(name), where)]
        if not text or not references:
            skipped[EMPTY_SUMMARY if text else EMPTY_DIALOGUE] += 1
            continue
        dialogue = dialogues.setdefault(text, _Dialogue(topic=_read_label(row, columns.topic)))
        dialogue.references.extend(references)
        given = _read_label(row, columns.id)
        if given or not dialogue.ids:
            dialogue.ids.append(given or f"{split}_{index}")
            uses.setdefault(dialogue.ids[-1], {}).setdefault(text, index + 1)
    _check_ids(uses, split)
    return dialogues, skipped


def _check_ids(uses: dict[str, dict[str, int]], split: str) -> None:
    """Raise DataError where one id stands for different dialogues; `uses` gives each one's first row."""
    shared = [id_ for id_, rows in uses.items() if len(rows) > 1]
    if shared:
        named = ", ".join(f"{id_!r} (rows {', '.join(map(str, [*uses[id_].values()][:3]))})" for id_ in shared[:3])
        raise DataError(
            f"{split}: {len(shared)} ids stand for different dialogues: {named}. Make them unique, name another column "
            "as data.id_column, or remove the column to have the rows numbered."
        )


def _choose_ids(dialogues: dict[str, _Dialogue]) -> dict[str, str]:
    """Return each dialogue's id: its rows' stem (test_0 of test_0_1, test_0_2) if no other has it, or the first id."""
    stems: dict[str, set[str]] = {}
    for text, dialogue in dialogues.items():
        for id_ in dialogue.ids:
            # An id keeps its own name taken, so that no stem can equal it.
            stems.setdefault(id_, set()).add("")
            stems.setdefault(_stem(id_), set()).add(text)
    chosen = {}
    for text, dialogue in dialogues.items():
        stem = _stem(dialogue.ids[0])
        chosen[text] = stem if len(set(dialogue.ids)) > 1 and stems[stem] == {text} else dialogue.ids[0]
    return chosen


def _stem(id_: str) -> str:
    return re.sub(r"(?<=.)[_-]\d+$", "", id_)


def _limit(examples: tuple[Example, ...], split: str, config: DataConfig, notes: list[str]) -> tuple[Example, ...]:
    limit: int | None = getattr(config, f"max_{split}_examples")
    if limit is None or limit >= len(examples):
        if limit is not None and limit > len(examples):
            notes.append(f"{split}: data.max_{split}_examples is {limit}; all {len(examples)} examples are used.")
        return examples
    drawn = random.Random(f"{config.seed}-{split}").sample(range(len(examples)), limit)
    return tuple(examples[index] for index in sorted(drawn))


def _is_empty(value: Any) -> bool:
    return value is None or value != value  # NaN differs from itself


def _read_text(value: Any, where: str, role: str) -> str:
    if _is_empty(value):
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: the {role} must be text, got {type(value).__name__}: {str(value)[:60]!r}.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{where}: the {role} holds half a character, {value[error.start]!r}; repair it."
            ) from error
    return value.replace("\r\n", "\n").strip()


def _read_dialogue(value: Any, where: str) -> str:
    """Return a dialogue as text; a list of turns becomes one line per turn."""
    if not isinstance(value, list):
        return _read_text(value, where, "dialogue")
    return "\n".join(turn for turn in (_read_turn(item, where) for item in value) if turn)


def _read_turn(turn: Any, where: str) -> str:
    if not isinstance(turn, dict):
        return _read_text(turn, where, "turn of the dialogue")
    keys = {normalise_name(str(name)): name for name in turn}
    key = next((keys[name] for name in _TEXT_KEYS if name in keys), None)
    if key is None:
        raise DataError(
            f"{where}: a turn has no text. Keys: {', '.join(map(str, turn))}. Recognised: {', '.join(_TEXT_KEYS)}."
        )
    text = _read_text(turn[key], where, "turn of the dialogue")
    speaker = next((turn[keys[name]] for name in _SPEAKER_KEYS if name in keys), None)
    return f"{speaker}: {text}" if text and not _is_empty(speaker) else text


def _read_summaries(value: Any, where: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in (_read_text(item, where, "summary") for item in values) if text]


def _read_label(row: Row, column: str | None) -> str | None:
    value = row.get(column) if column is not None else None
    return None if _is_empty(value) else str(value).strip() or None


__all__ = ["DataSummary", "DialogueDataset", "SplitCounts", "fingerprint", "load_dataset"]
