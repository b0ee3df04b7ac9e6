"""Which dialogues are judged: where systems disagree, of every length, and at random, a third each.

The first third finds differences with few judgements, the second keeps long and short dialogues in, the last is what
the test set is like. Which is which stands in the key, so that an analysis can look at one alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from dialora.report.document import ReportedExample
from dialora.report.examples import measure_disagreement

DISAGREEMENT, LENGTH, RANDOM = "disagreement", "length", "random"
STRATA = (DISAGREEMENT, LENGTH, RANDOM)
T = TypeVar("T")


def draw_dialogues(
    examples: Sequence[ReportedExample], count: int, rng: random.Random
) -> list[tuple[ReportedExample, str]]:
    """Draw `count` dialogues, or all where there are fewer, each with its stratum; without repetition.

    Disagreement is in ROUGE-1 among the systems; where there is none to measure, that third is drawn like the rest.
    """
    count = min(count, len(examples))
    left = list(examples)
    rng.shuffle(left)  # so that equal ones come in no particular order
    measured = [example for example in left if measure_disagreement(example) is not None]
    chosen = sorted(measured, key=lambda example: -(measure_disagreement(example) or 0.0))[: _share(count, 0)]
    drawn = [(example, DISAGREEMENT) for example in chosen]
    left = _without(left, chosen)
    by_length = sorted(left, key=lambda example: len(example.dialogue.split()))
    chosen = [rng.choice(part) for part in divide(by_length, min(_share(count, 1), len(left)))]
    drawn += [(example, LENGTH) for example in chosen]
    left = _without(left, chosen)
    return drawn + [(example, RANDOM) for example in left[: count - len(drawn)]]


def _share(count: int, third: int) -> int:
    return (count + 2 - third) // 3


def divide(items: Sequence[T], parts: int) -> list[Sequence[T]]:
    """Divide into parts of one size, or sizes one apart."""
    edges = [len(items) * at // parts for at in range(parts + 1)] if parts else []
    return [items[start:end] for start, end in pairwise(edges)]


def _without(items: Sequence[T], taken: Sequence[T]) -> list[T]:
    gone = {id(item) for item in taken}
    return [item for item in items if id(item) not in gone]


__all__ = ["DISAGREEMENT", "LENGTH", "RANDOM", "STRATA", "divide", "draw_dialogues"]
