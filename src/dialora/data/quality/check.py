"""What is wrong or odd in a data set, before anything is trained on it.

Takes the rows of a source, the examples made of them and two token counters; gives a DataCheck of plain values:
sizes, lengths, truncation, dialogues that stand there twice, and findings with the ids they concern. Findings are
places to look at, not verdicts. Needs no torch: whoever calls brings the tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from dialora.data.examples import DialogueDataset
from dialora.data.overlap import NGRAM_WORDS, THRESHOLD, Words, find_near_duplicates, split_ngrams, split_words
from dialora.data.quality.encoding import REPLACEMENT, find_control, find_mojibake
from dialora.data.quality.speakers import find_unknown_speakers
from dialora.data.reading.rows import SourceRows
from dialora.data.reading.splits import SPLITS
from dialora.data.turns import find_speakers
from dialora.records import Example, Record

SOURCE_LIMITS = (128, 256, 512, 1024, 2048)
TARGET_LIMITS = (32, 64, 128, 256)
MIN_COPIED_WORDS = 3
"""A shorter reference may well say the same as a turn."""
MAX_PAIRS = 200_000
"""Near-duplicate pairs kept; a data set with more is made from templates, and all its pairs tell no more."""
KINDS = {
    "empty_dialogue": "Rows without a dialogue",
    "empty_summary": "Rows without a summary",
    "single_turn": "The dialogue is a single turn",
    "identical_references": "Two references of a dialogue are the same text",
    "shared_reference": "A reference stands at several dialogues of the split",
    "copied_reference": "A reference is copied from its dialogue",
    "unknown_speaker": "A reference names a speaker who is not in its dialogue",
    "mojibake": "Mojibake: UTF-8 read as another encoding (â€™ for ’)",
    "replacement_character": "Replacement characters (\ufffd): text is lost",
    "control_character": "Control characters",
}
"""Every kind of finding, in words."""
TokenCounter = Callable[[Sequence[str]], list[int]]
"""Texts → the number of tokens of each."""


@dataclass(frozen=True, slots=True)
class DataFinding(Record):
    """One kind of finding in one split, and the ids of all examples (or rows) it concerns."""

    kind: str
    split: str
    total: int
    """How many were looked at."""
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicatePair(Record):
    """Two dialogues with half or more of their word 8-grams in common."""

    a: str
    b: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Duplicates(Record):
    """Dialogues that stand twice within one split (`a` equals `b`) or in two of them."""

    a: str
    b: str
    identical: tuple[tuple[str, str], ...]
    """The same text in two splits, by id; within one, a dialogue of several rows and its own id again."""
    near: tuple[DuplicatePair, ...]
    """Near-duplicates that are not identical."""
    concerned_a: int
    """Dialogues of `a` with an identical or near-duplicate dialogue in `b`; one's own further rows do not count."""
    concerned_b: int
    total_a: int
    total_b: int


@dataclass(frozen=True, slots=True)
class Lengths(Record):
    """How long the dialogues or references of one split are; words by white space, tokens as the model reads them."""

    split: str
    what: str
    count: int
    words: dict[str, float]
    """mean, median, p95, max."""
    tokens: dict[str, float]
    """The same; of a dialogue with its prompt, of a reference with the end token."""
    limit: int
    """data.max_source_length or data.max_target_length."""
    longer_than: dict[str, int]
    """For each limit in tokens, how many exceed it and would be cut."""


@dataclass(frozen=True, slots=True)
class DataCheck(Record):
    """All that `dialora data check` found."""

    source: str
    tokenizer: str
    splits: dict[str, dict[str, Any]]
    columns: dict[str, dict[str, list[str]]]
    """For each split, the names of the columns behind each role."""
    lengths: tuple[Lengths, ...]
    duplicates: tuple[Duplicates, ...]
    findings: tuple[DataFinding, ...]
    notes: tuple[str, ...]
    fingerprint: dict[str, str]
    complete: bool
    """False where a limit on near-duplicate pairs was reached, so that there are more."""


def check_data(
    rows: SourceRows,
    dataset: DialogueDataset,
    *,
    source: str,
    tokenizer: str,
    limits: tuple[int, int],
    count_source_tokens: TokenCounter,
    count_target_tokens: TokenCounter,
    special_tokens: Sequence[str] = (),
) -> DataCheck:
    """Check a data set. `limits` are the experiment's longest source and target, in tokens."""
    examples = {split: getattr(dataset, split) for split in SPLITS if getattr(dataset, split)}
    counters = (count_source_tokens, count_target_tokens)
    duplicates, complete = find_duplicates(rows, examples)
    return DataCheck(
        source=source,
        tokenizer=tokenizer,
        splits={split: counts.to_json() for split, counts in dataset.summary.splits.items()},
        columns=dataset.summary.columns,
        lengths=tuple(_measure_lengths(examples, limits, counters)),
        duplicates=duplicates,
        findings=tuple(_find_empty(rows)) + tuple(_find_in_examples(examples)),
        notes=(*dataset.summary.notes, *_note_special_tokens(examples, special_tokens)),
        fingerprint=dataset.summary.fingerprint,
        complete=complete,
    )


def find_duplicates(rows: SourceRows, examples: dict[str, tuple[Example, ...]]) -> tuple[tuple[Duplicates, ...], bool]:
    """Find what stands twice, within and across splits; False where the limit on pairs was reached."""
    places = [(split, example) for split, items in examples.items() for example in items]
    identical = _find_identical(rows, examples)
    near, complete = _find_near([example.dialogue for _, example in places])
    found: list[Duplicates] = []
    for a, b in combinations_with_replacement(examples, 2):
        pairs = [
            DuplicatePair(places[i][1].id, places[j][1].id, similarity)
            for i, j, similarity in near
            if (places[i][0], places[j][0]) == (a, b)
        ]
        same = identical.get((a, b), [])
        sides = [(pair.a, pair.b) for pair in pairs] + (same if a != b else [])
        left, right = {i for i, _ in sides}, {j for _, j in sides}
        if a == b:
            left = right = left | right
        totals = len(examples[a]), len(examples[b])
        found.append(Duplicates(a, b, tuple(same), tuple(pairs), len(left), len(right), *totals))
    return tuple(found), complete


def _find_identical(
    rows: SourceRows, examples: dict[str, tuple[Example, ...]]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    ids = {split: {example.dialogue: example.id for example in items} for split, items in examples.items()}
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for a, b in combinations_with_replacement(examples, 2):
        if a != b:
            found[a, b] = [(id_, ids[b][text]) for text, id_ in ids[a].items() if text in ids[b]]
            continue
        texts = [row.dialogue for row in rows.splits[a] if row.dialogue and row.references]
        seen: set[str] = set()
        repeated = [text for text in texts if text in seen or seen.add(text)]  # type: ignore[func-returns-value]
        found[a, a] = [(ids[a][text], ids[a][text]) for text in dict.fromkeys(repeated) if text in ids[a]]
    return found


def _find_near(dialogues: Sequence[str]) -> tuple[list[tuple[int, int, float]], bool]:
    """Return the near-duplicate pairs (i < j) that are not the same text, with their similarity."""
    pairs: list[tuple[int, int, float]] = []
    for i, j, similarity in find_near_duplicates(dialogues):
        if dialogues[i] != dialogues[j]:
            pairs.append((i, j, similarity))
        if len(pairs) >= MAX_PAIRS:
            return pairs, False
    return pairs, True


def _measure_lengths(
    examples: dict[str, tuple[Example, ...]], limits: tuple[int, int], counters: tuple[TokenCounter, TokenCounter]
) -> Iterator[Lengths]:
    for split, items in examples.items():
        dialogues = [example.dialogue for example in items]
        references = [reference for example in items for reference in example.references]
        for what, texts, limit, usual, count in (
            ("dialogues", dialogues, limits[0], SOURCE_LIMITS, counters[0]),
            ("references", references, limits[1], TARGET_LIMITS, counters[1]),
        ):
            tokens = np.array(count(texts))
            longer = {str(n): int((tokens > n).sum()) for n in sorted({limit, *usual})}
            words = np.array([len(text.split()) for text in texts])
            yield Lengths(split, what, len(texts), _describe(words), _describe(tokens), limit, longer)


def _describe(values: np.ndarray[Any, Any]) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "max": float(values.max()),
    }


def _find_empty(rows: SourceRows) -> Iterator[DataFinding]:
    for split, items in rows.splits.items():
        ids = {row.index: row.id or f"row {row.index + 1}" for row in items}
        no_dialogue = tuple(ids[row.index] for row in items if not row.dialogue)
        no_summary = tuple(ids[row.index] for row in items if row.dialogue and not row.references)
        yield DataFinding("empty_dialogue", split, len(items), no_dialogue)
        yield DataFinding("empty_summary", split, len(items), no_summary)


def _find_in_examples(examples: dict[str, tuple[Example, ...]]) -> Iterator[DataFinding]:
    speakers = {name for items in examples.values() for example in items for name in find_speakers(example.dialogue)}
    tests: dict[str, Callable[[Example], bool]] = {
        "single_turn": lambda example: "\n" not in example.dialogue,
        "identical_references": lambda example: len(set(example.references)) < len(example.references),
        "copied_reference": lambda example: any(
            _is_copied(split_words(reference), split_words(example.dialogue)) for reference in example.references
        ),
        "unknown_speaker": lambda example: any(
            find_unknown_speakers(reference, example.dialogue, speakers) for reference in example.references
        ),
        "mojibake": lambda example: any(find_mojibake(text) for text in _texts(example)),
        "replacement_character": lambda example: any(REPLACEMENT in text for text in _texts(example)),
        "control_character": lambda example: any(find_control(text) for text in _texts(example)),
    }
    for split, items in examples.items():
        yield DataFinding("shared_reference", split, len(items), _find_shared(items))
        for kind, test in tests.items():
            yield DataFinding(kind, split, len(items), tuple(example.id for example in items if test(example)))


def _texts(example: Example) -> tuple[str, ...]:
    return (example.dialogue, *example.references)


def _note_special_tokens(examples: dict[str, tuple[Example, ...]], tokens: Sequence[str]) -> Iterator[str]:
    if not tokens:
        return
    pattern = re.compile("|".join(map(re.escape, tokens)))
    texts = (text for items in examples.values() for example in items for text in _texts(example))
    found = [match[0] for text in texts if (match := pattern.search(text))]
    if found:
        named = ", ".join(sorted(set(found))[:3])
        yield f"{len(found):,} texts hold what the model uses as special tokens ({named}); it is read as text."


def _find_shared(examples: Sequence[Example]) -> tuple[str, ...]:
    owners: dict[str, set[str]] = {}
    for example in examples:
        for reference in example.references:
            owners.setdefault(reference, set()).add(example.id)
    shared = {id_ for ids in owners.values() if len(ids) > 1 for id_ in ids}
    return tuple(example.id for example in examples if example.id in shared)


def _is_copied(reference: Words, dialogue: Words) -> bool:
    """Whether at least half of a reference's word 8-grams stand in the dialogue; one of 3 to 7 words, as a whole."""
    if len(reference) < MIN_COPIED_WORDS:
        return False
    if len(reference) < NGRAM_WORDS:
        return f" {' '.join(reference)} " in f" {' '.join(dialogue)} "
    own = split_ngrams(reference)
    return len(own & split_ngrams(dialogue)) >= THRESHOLD * len(own)


__all__ = [
    "KINDS",
    "DataCheck",
    "DataFinding",
    "DuplicatePair",
    "Duplicates",
    "Lengths",
    "TokenCounter",
    "check_data",
    "find_duplicates",
]
