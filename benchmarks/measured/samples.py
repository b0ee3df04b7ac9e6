"""The dialogues that are measured: few, with the lengths of many.

Takes DialogSum's training split where `DIALORA_DATA` has it, else the bundled dialogues, and gives samples with the
same distribution of lengths as JSON lines, so that every side of a comparison reads the very same ones. Words stand
for tokens here. Never imports torch.
"""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.settings import REPOSITORY, SEED
from dialora.config import BUNDLED, DataConfig
from dialora.data.examples import DialogueDataset, load_dataset
from dialora.records import Example
from dialora.store import save_records


@dataclass(frozen=True, slots=True)
class Corpus:
    """Training dialogues, and what to call them."""

    name: str
    examples: tuple[Example, ...]


def data_folder() -> Path:
    """Return the folder of real data, whether or not it is there."""
    return Path(os.environ.get("DIALORA_DATA") or REPOSITORY.parent / "shared" / "data")


@cache
def load_corpus() -> Corpus:
    """Load DialogSum's training split, or the bundled one."""
    source = find_source()
    if source != BUNDLED:
        return Corpus("DialogSum", load_dataset(DataConfig(source=source)).train)
    return Corpus("the bundled dialogues", load_bundled().train)


def find_source() -> str:
    """Return DialogSum's folder, or what stands for the bundled dialogues."""
    folder = data_folder() / "dialogsum" / "hub"
    return str(folder) if folder.is_dir() else BUNDLED


def load_bundled() -> DialogueDataset:
    """Load the dialogues inside the package."""
    return load_dataset(DataConfig(source=BUNDLED))


def choose_stratified(lengths: Sequence[int], size: int, *, seed: int = SEED) -> list[int]:
    """Return indices of `size` items whose lengths are distributed as all of them.

    The items are sorted by length and cut into `size` strata of equal number; each gives the item nearest to its mean
    length, ties by `seed`. So the mean hardly moves however few are drawn. When more are asked for than there are,
    all are taken as often as needed. The order is shuffled. Raises ValueError when there are none.
    """
    if not lengths or size < 1:
        raise ValueError(f"cannot draw {size} of {len(lengths)} dialogues")
    rng = random.Random(seed)
    rounds, rest = divmod(size, len(lengths))
    chosen = [index for _ in range(rounds) for index in range(len(lengths))]
    order = list(range(len(lengths)))
    rng.shuffle(order)
    order.sort(key=lambda index: lengths[index])
    for number in range(rest):
        stratum = order[number * len(order) // rest : (number + 1) * len(order) // rest]
        mean = sum(lengths[index] for index in stratum) / len(stratum)
        chosen.append(min(stratum, key=lambda index: abs(lengths[index] - mean)))
    rng.shuffle(chosen)
    return chosen


def save_sample(corpus: Corpus, size: int, folder: Path) -> Path:
    """Write a stratified sample of the corpus as JSON lines; return its path."""
    path = folder / f"{'dialogsum' if corpus.name == 'DialogSum' else 'bundled'}-{size}.jsonl"
    lengths = [len(example.dialogue.split()) for example in corpus.examples]
    chosen = [corpus.examples[index] for index in choose_stratified(lengths, size)]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_records(number_examples(chosen), path)
    return path


def number_examples(examples: Iterable[Example]) -> list[Example]:
    """Return the examples with one reference each and ids that are their own: one may be taken more than once."""
    return [
        Example(f"{number}-{example.id}", example.dialogue, example.references[:1])
        for number, example in enumerate(examples)
    ]


def load_scoring_pairs(size: int) -> tuple[str, list[tuple[str, str]]]:
    """Return what the pairs are and (reference, summary) pairs: a course lab's LoRA outputs, else bundled summaries."""
    path = data_folder() / "lab-outputs" / "dialogue-summary-training-results.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        pairs = [(row["human_baseline_summaries"], row["peft_model_summaries"]) for row in rows]
        return "a course lab's summaries of DialogSum's test split", pairs[:size]
    dataset = load_bundled()
    examples = [*dataset.train, *dataset.validation, *dataset.test]
    pairs = [(e.references[0], " ".join(e.dialogue.split()[:30])) for e in examples]
    return "bundled references and the first words of their dialogues", [pairs[i % len(pairs)] for i in range(size)]


__all__ = [
    "Corpus",
    "choose_stratified",
    "data_folder",
    "find_source",
    "load_bundled",
    "load_corpus",
    "load_scoring_pairs",
    "number_examples",
    "save_sample",
]
