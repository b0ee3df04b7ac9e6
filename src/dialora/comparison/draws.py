"""What is drawn at random: dialogues with replacement, and signs; block by block, so that memory has a bound.

Takes numbers of dialogues and resamples and a seed, gives blocks of rows, one row for each resample. The blocks of one
seed are the same at every pass and whatever their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 1000
"""So many resamples are multiplied at once, where their block stays below BLOCK_NUMBERS."""
BLOCK_NUMBERS = 1 << 23
"""Of a block of float64: 64 MiB."""
DRAWN_AT_ONCE = 1 << 17
"""So many dialogues are drawn at once; they and their counts fit in the processor's cache."""
MOST_HELD = 1 << 26
"""Counts of dialogues that are kept from one pass to the next: 128 MiB of them, drawn again beyond."""
Floats = NDArray[np.float64]
_Array = TypeVar("_Array", Floats, NDArray[np.uint16])


class Counts:
    """How often each dialogue is drawn in each resample of dialogues with replacement.

    One instance serves every system and pair, which makes the intervals of differences paired.
    """

    def __init__(self, num_examples: int, num_resamples: int, seed: int) -> None:
        self.num_examples, self.num_resamples, self.seed = num_examples, num_resamples, seed

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """Give blocks of resamples, (rows, num_examples), each with the number of its first resample."""
        size = count_rows(self.num_examples)
        if self.num_examples * self.num_resamples <= MOST_HELD:
            for start in range(0, self.num_resamples, size):
                yield start, self._held[start : start + size].astype(np.float64)
            return
        rng = np.random.default_rng(self.seed)
        for start in range(0, self.num_resamples, size):
            block = np.empty((min(size, self.num_resamples - start), self.num_examples))
            yield start, _fill(block, rng)

    @cached_property
    def _held(self) -> NDArray[np.uint16]:
        # Each is drawn once on average; 65,536 times is beyond all chance.
        held = np.empty((self.num_resamples, self.num_examples), dtype=np.uint16)
        return _fill(held, np.random.default_rng(self.seed))


def count_rows(num_examples: int) -> int:
    """Return how many resamples of so many dialogues make a block."""
    return max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // num_examples))


def draw_signs(num_examples: int, number: int, rng: np.random.Generator) -> Iterator[tuple[int, Floats]]:
    """Give blocks of random signs, (rows, num_examples), `number` rows in all, each with its first row's number."""
    size = count_rows(num_examples)
    for start in range(0, number, size):
        yield start, rng.choice(np.array([-1.0, 1.0]), size=(min(size, number - start), num_examples))


def _fill(counts: _Array, rng: np.random.Generator) -> _Array:
    """Count draws in place: drawing and counting takes a sixth of the time that multinomial draws take."""
    num_examples = counts.shape[1]
    size = max(1, DRAWN_AT_ONCE // num_examples)
    for start in range(0, len(counts), size):
        block = counts[start : start + size]
        drawn = rng.integers(num_examples, size=block.shape)
        drawn += num_examples * np.arange(len(block))[:, None]
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    return counts


__all__ = ["BLOCK_NUMBERS", "BLOCK_ROWS", "Counts", "Floats", "count_rows", "draw_signs"]
