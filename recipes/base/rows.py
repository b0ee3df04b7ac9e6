"""Keep every row tokenised and padded to one of three fixed shapes, in one safetensors file.

Fixed shapes let the compiler build three graphs once. Key: `{side}/{task}/{source length}/source|target`,
int16 arrays (N, S) and (N, T); padding is 0. `S` source tokens, `T` target tokens.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from transformers import PreTrainedTokenizerBase

from recipes.base.corpora import Dialogue
from recipes.base.tasks import NUM_ROWS, Row, make_rows

SOURCE_LENGTHS = (96, 192, 288)
TARGET_LENGTH = 48
OPEN_ENDED = ("continue", "recall")  # their targets may be cut: the start is as good a lesson as the whole
Ids = npt.NDArray[np.int16]
Tables = dict[str, Ids]


def tokenise(
    rows: Iterable[Row], tokenizer: PreTrainedTokenizerBase, *, may_cut: bool
) -> dict[int, list[tuple[list[int], list[int]]]]:
    """Return (source ids, target ids) by source length; rows that fit no shape are dropped."""
    by_length: dict[int, list[tuple[list[int], list[int]]]] = {length: [] for length in SOURCE_LENGTHS}
    texts = list(rows)
    sources = tokenizer([source for source, _ in texts])["input_ids"] if texts else []
    targets = tokenizer([target for _, target in texts])["input_ids"] if texts else []
    for source, target in zip(sources, targets, strict=True):
        length = next((length for length in SOURCE_LENGTHS if len(source) <= length), None)
        if length is not None and (may_cut or len(target) <= TARGET_LENGTH):
            by_length[length].append((source, target[:TARGET_LENGTH]))
    return by_length


def scramble(rows: list[tuple[list[int], list[int]]], rng: random.Random, vocab_size: int) -> None:
    """Replace the text of half the copying rows by random tokens, so that only copying solves them."""
    for at in range(0, len(rows), 2):
        source, target = rows[at]
        noise = [rng.randrange(3, vocab_size - 100) for _ in target[:-1]]
        rows[at] = ([*source[: len(source) - len(target)], *noise, 1], [*noise, 1])


def pad(sequences: Sequence[Sequence[int]], length: int) -> Ids:
    """Return an (N, length) array, padded with 0."""
    table = np.zeros((len(sequences), length), dtype=np.int16)
    for row, sequence in zip(table, sequences, strict=True):
        row[: len(sequence)] = sequence
    return table


def build_tables(
    dialogues: Sequence[Dialogue], tokenizer: PreTrainedTokenizerBase, *, scale: float, seed: int
) -> Tables:
    """Make, tokenise and pad the rows of every task; `scale` shrinks the numbers for a smoke run."""
    sides = {
        "train": ([d for d in dialogues if not d.is_held_out], scale),
        "held_out": ([d for d in dialogues if d.is_held_out], 0.0),
    }
    tables: Tables = {}
    for side, (chosen, share) in sides.items():
        for task, num_rows in NUM_ROWS.items():
            rng = random.Random(f"{seed}/{side}/{task}")
            rows = make_rows(task, chosen, max(96, round(num_rows * share)), rng)
            for length, pairs in tokenise(rows, tokenizer, may_cut=task in OPEN_ENDED).items():
                if task == "copy":
                    scramble(pairs, rng, len(tokenizer))
                if pairs:
                    tables[f"{side}/{task}/{length}/source"] = pad([source for source, _ in pairs], length)
                    tables[f"{side}/{task}/{length}/target"] = pad([target for _, target in pairs], TARGET_LENGTH)
    return tables


def save_tables(tables: Tables, path: Path) -> None:
    """Write all tables to one file."""
    save_file(tables, path)


def load_tables(path: Path) -> Tables:
    """Read what `save_tables` wrote."""
    return load_file(path)
