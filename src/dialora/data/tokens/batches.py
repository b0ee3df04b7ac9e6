"""The order of batches, planned once for the whole run from lengths and a seed alone.

Every method sees the same examples in the same order, and a resumed run goes on where it was.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from dialora.config import TrainingConfig

MULTIPLE = 4
"""Padded lengths are multiples of this many tokens: fewer shapes for which kernels are prepared, little padding."""
WINDOW = 200
"""Batches among which sources of like length are looked for."""
TILES = (1, 2, 4, 8)
"""So many neighbours of these share out their targets by length; small data afford few, large data more."""
JITTER = 8
"""Tokens by which lengths are blurred, so that a small data set is not cut into the same batches in every epoch."""


def plan_batches(lengths: Sequence[tuple[int, int]], training: TrainingConfig, *, seed: int) -> list[list[int]]:
    """Plan every batch of a run: lists of indices into `lengths` (source and target tokens), in training order.

    Each epoch is shuffled, sorted by source length within windows of 200 batches, and by target length within so many
    of these (TILES) as leaves the least padding; then its batches are shuffled.
    """
    rng = random.Random(f"batches-{seed}")
    if training.max_steps is not None:
        num_batches = training.max_steps * training.gradient_accumulation_steps
        batches: list[list[int]] = []
        while len(batches) < num_batches:
            batches += _plan_epoch(lengths, training, rng)
        return batches[:num_batches]
    whole, part = divmod(training.num_train_epochs, 1)
    batches = [batch for _ in range(int(whole)) for batch in _plan_epoch(lengths, training, rng)]
    if part:
        last = _plan_epoch(lengths, training, rng)
        batches += last[: max(1, round(part * len(last)))]
    return batches


def _plan_epoch(lengths: Sequence[tuple[int, int]], training: TrainingConfig, rng: random.Random) -> list[list[int]]:
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches = []
    for window in _cut(order, WINDOW * _count_rows(lengths, training)):
        by_source = sorted(window, key=lambda i: lengths[i][0] + JITTER * rng.random(), reverse=True)
        plans = [_plan_window(by_source, lengths, training, tile) for tile in TILES]
        batches += min(plans, key=lambda plan: sum(count_padded(lengths, batch) for batch in plan))
    rng.shuffle(batches)
    return batches


def _plan_window(
    by_source: list[int], lengths: Sequence[tuple[int, int]], training: TrainingConfig, tile: int
) -> list[list[int]]:
    """Cut a window into batches; so many neighbours (`tile`) share out their targets by length."""

    def cut(items: list[int]) -> list[list[int]]:
        if training.max_batch_tokens is None:
            return _cut(items, training.per_device_train_batch_size)
        return fill_batches([(i, *lengths[i]) for i in items], training.max_batch_tokens)

    batches = []
    neighbours = cut(by_source)
    for start in range(0, len(neighbours), tile):
        group = [i for batch in neighbours[start : start + tile] for i in batch]
        batches += cut(sorted(group, key=lambda i: lengths[i][::-1], reverse=True))
    return batches


def _count_rows(lengths: Sequence[tuple[int, int]], training: TrainingConfig) -> int:
    """Return how many rows a batch has; with a budget of tokens, of rows of mean length."""
    if training.max_batch_tokens is None:
        return training.per_device_train_batch_size
    tokens = sum(round_up(source) + round_up(target) for source, target in lengths)
    return max(1, training.max_batch_tokens * len(lengths) // tokens)


def _cut(items: list[int], size: int) -> list[list[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def fill_batches(items: Sequence[tuple[int, int, int]], max_tokens: int) -> list[list[int]]:
    """Cut `items` (index, source tokens, target tokens), in their order, into batches of at most `max_tokens`.

    Tokens count with their padding. An item that is longer than the budget gets a batch of its own.
    """
    batches: list[list[int]] = []
    longest_source = longest_target = 0
    for index, source, target in items:
        longest_source, longest_target = max(longest_source, source), max(longest_target, target)
        padded = round_up(longest_source) + round_up(longest_target)
        if batches and (len(batches[-1]) + 1) * padded <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest_source, longest_target = source, target
    return batches


def padding_share(lengths: Sequence[tuple[int, int]], batches: Sequence[Sequence[int]]) -> float:
    """Return which share of the batches' positions, source and target together, is padding: [0, 1)."""
    real = padded = 0
    for batch in batches:
        real += sum(sum(lengths[i]) for i in batch)
        padded += count_padded(lengths, batch)
    return 1 - real / padded if padded else 0.0


def count_padded(lengths: Sequence[tuple[int, int]], batch: Sequence[int]) -> int:
    """Return a batch's positions, source and target together, with their padding."""
    return len(batch) * (round_up(max(lengths[i][0] for i in batch)) + round_up(max(lengths[i][1] for i in batch)))


def round_up(length: int) -> int:
    """Return the width that a batch with `length` as its longest row is padded to."""
    return -(-length // MULTIPLE) * MULTIPLE


__all__ = ["MULTIPLE", "count_padded", "fill_batches", "padding_share", "plan_batches", "round_up"]
