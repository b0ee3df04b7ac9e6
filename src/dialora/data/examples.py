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
from dataclasses import dataclass, field, replace
from typing import Any, Self

from dialora.config import DataConfig
from dialora.data.overlap import find_overlapping
from dialora.data.reading.rows import DialogueRow, SourceRows
from dialora.data.reading.splits import SPLITS
from dialora.data.sources import load_rows
from dialora.errors import DataError
from dialora.records import Example, Record

EMPTY_DIALOGUE, EMPTY_SUMMARY = "empty dialogue", "empty summary"
OVERLAPPING = "also in validation or test"
SPECIAL = re.compile(r"</s>|<pad>|<unk>|<extra_id_\d+>|\\u(ff1c|fe64)")
"""T5's special tokens in JSON; a tokenizer reads wide angle brackets as narrow ones."""


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
    also_in_train: dict[str, int] | None = None
    """For validation and test, how many dialogues stand in training too, the same or nearly; None: not counted."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the summary from `to_json`'s form."""
        splits = {split: SplitCounts(**counts) for split, counts in values["splits"].items()}
        return cls(
            splits, values["columns"], tuple(values["notes"]), values["fingerprint"], values.get("also_in_train")
        )


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
    num_rows: int = 0
    ids: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


def load_dataset(config: DataConfig, *, needs_train: bool = True) -> DialogueDataset:
    """Load the examples of `config.source`. Raises DataError where they cannot serve the experiment."""
    rows = load_rows(config)
    _check_splits(rows, config, needs_train=needs_train)
    return build_dataset(rows, config)


def build_dataset(rows: SourceRows, config: DataConfig) -> DialogueDataset:
    """Make the rows of each split into examples. Raises DataError where a split has none."""
    notes = [*rows.notes]
    collected: dict[str, dict[str, _Dialogue]] = {}
    skipped: dict[str, Counter[str]] = {}
    for split, items in rows.splits.items():
        collected[split], skipped[split] = _collect_dialogues(items, split)
    if config.deduplicate:
        skipped.setdefault("train", Counter()).update(_remove_overlapping(collected, notes))
    examples: dict[str, tuple[Example, ...]] = {}
    counts: dict[str, SplitCounts] = {}
    for split, dialogues in collected.items():
        num_rows = len(rows.splits[split])
        examples[split], counts[split] = _build_examples(dialogues, skipped[split], num_rows, split, config, notes)
    summary = DataSummary(
        splits=counts,
        columns=rows.columns,
        notes=tuple(notes),
        fingerprint={split: fingerprint(items) for split, items in examples.items()},
    )
    return DialogueDataset(**{split: examples.get(split, ()) for split in SPLITS}, summary=summary)


def count_overlap(dataset: DialogueDataset) -> DialogueDataset:
    """Return the data set with the overlap of training with validation and test counted and noted in its summary."""
    train = [example.dialogue for example in dataset.train]
    held_out = {split: len(getattr(dataset, split)) for split in ("validation", "test") if getattr(dataset, split)}
    places = [split for split, size in held_out.items() for _ in range(size)]
    texts = [example.dialogue for example in (*dataset.validation, *dataset.test)]
    overlapping = Counter(places[at] for at in find_overlapping(texts, train))
    counts = {split: overlapping[split] for split in held_out} if train else {}
    found = [f"{count:,} of {held_out[split]:,} {split}" for split, count in counts.items() if count]
    note = (
        f"{' and '.join(found)} dialogues stand in training too, the same or nearly; `data.deduplicate: true` leaves "
        "them out of training."
    )
    notes = (*dataset.summary.notes, note) if found else dataset.summary.notes
    return replace(dataset, summary=replace(dataset.summary, notes=notes, also_in_train=counts))


def fingerprint(examples: Iterable[Example]) -> str:
    """Return the SHA-256 of the examples in their order, ids and topics included, as 64 hexadecimal digits.

    Examples that hold T5's special tokens are others than they were: those had another meaning than text once, and
    what was made of them then is not to be taken for what would be made now.
    """
    digest, is_special = hashlib.sha256(), False
    for example in examples:
        line = json.dumps(example.to_json(), sort_keys=True)
        is_special = is_special or SPECIAL.search(line) is not None
        digest.update(line.encode() + b"\n")
    if is_special:
        digest.update(b"special tokens are text\n")
    return digest.hexdigest()


def _check_splits(rows: SourceRows, config: DataConfig, *, needs_train: bool) -> None:
    found = f"Found: {', '.join(rows.splits)}"
    rule = "a file, key or hub split with that word in its name is one, and a single file that names none is divided"
    if "test" not in rows.splits:
        raise DataError(f"{config.source}: no test split, so nothing can be scored. {found}; {rule}.")
    if needs_train and "train" not in rows.splits:
        raise DataError(f"{config.source}: no train split, which training needs. {found}; {rule}.")


def _remove_overlapping(collected: dict[str, dict[str, _Dialogue]], notes: list[str]) -> dict[str, int]:
    """Take the training dialogues out that validation or test hold too; return how many rows that were."""
    train = collected.get("train", {})
    held_out = [text for split in ("validation", "test") for text in collected.get(split, {})]
    texts = list(train)
    removed = [train.pop(texts[at]) for at in find_overlapping(texts, held_out)]
    num_rows = sum(dialogue.num_rows for dialogue in removed)
    notes.append(
        f"train: data.deduplicate left out {len(removed):,} of {len(texts):,} dialogues ({num_rows:,} rows) that stand "
        "in validation or test too, the same or nearly."
    )
    return {OVERLAPPING: num_rows} if removed else {}


def _build_examples(
    dialogues: dict[str, _Dialogue],
    skipped: Counter[str],
    num_rows: int,
    split: str,
    config: DataConfig,
    notes: list[str],
) -> tuple[tuple[Example, ...], SplitCounts]:
    if not dialogues:
        counted = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise DataError(f"{split}: none of its {num_rows} rows can be used{f' ({counted})' if counted else ''}.")
    ids = _choose_ids(dialogues)
    examples = tuple(Example(ids[text], text, tuple(its.references), its.topic) for text, its in dialogues.items())
    kept = _limit(examples, split, config, notes)
    counts = SplitCounts(
        rows=num_rows,
        examples=len(kept),
        references=sum(len(example.references) for example in kept),
        merged_rows=num_rows - sum(skipped.values()) - len(examples),
        skipped=dict(skipped),
        limited_to=len(kept) if len(kept) < len(examples) else None,
    )
    return kept, counts


def _collect_dialogues(rows: Iterable[DialogueRow], split: str) -> tuple[dict[str, _Dialogue], Counter[str]]:
    """Gather the rows by dialogue, and count those without a dialogue or a summary."""
    skipped: Counter[str] = Counter()
    dialogues: dict[str, _Dialogue] = {}
    uses: dict[str, dict[str, int]] = {}
    for row in rows:
        text = row.dialogue
        if not text or not row.references:
            skipped[EMPTY_SUMMARY if text else EMPTY_DIALOGUE] += 1
            continue
        dialogue = dialogues.setdefault(text, _Dialogue(topic=row.topic))
        dialogue.num_rows += 1
        dialogue.references.extend(row.references)
        if row.id or not dialogue.ids:
            dialogue.ids.append(row.id or f"{split}_{row.index}")
            uses.setdefault(dialogue.ids[-1], {}).setdefault(text, row.index + 1)
    _check_ids(uses, split)
    return dialogues, skipped


def _check_ids(uses: dict[str, dict[str, int]], split: str) -> None:
    """Raise DataError where one id stands for different dialogues; `uses` gives each one's first row."""
    shared = [id_ for id_, rows in uses.items() if len(rows) > 1]
    if shared:
        named = ", ".join(f"{id_!r} (rows {', '.join(map(str, [*uses[id_].values()][:3]))})" for id_ in shared[:3])
        raise DataError(
            f"{split}: {len(shared)} ids stand for different dialogues: {named}. Make them unique, name another column "
            "as data.id_column, or number the rows with data.id_column: none."
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


__all__ = [
    "DataSummary",
    "DialogueDataset",
    "SplitCounts",
    "build_dataset",
    "count_overlap",
    "fingerprint",
    "load_dataset",
]
