"""The plan of what is written: batches of distinct sources, the longest first, and those of them that a log has."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from dialora.config import DecodingConfig, stable_hash
from dialora.data.tokens import fill_batches
from dialora.generation.engine import Engine
from dialora.measuring.clock import Stopwatch
from dialora.store import LoggedBatch, PartialLog

Source = tuple[int, ...]
"""The token ids of one source."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """All batches of a generation, by number; the same sources, decoding and device give the same ones."""

    sources: list[Source]
    """Each once."""
    batches: list[list[int]]
    """Indices into `sources`."""
    log: PartialLog | None

    @classmethod
    def of(
        cls, sources: Iterable[Sequence[int]], decoding: DecodingConfig, engine: Engine, log: PartialLog | None
    ) -> Self:
        """Plan the batches of these sources."""
        distinct = list(dict.fromkeys(map(tuple, sources)))
        batches = plan_source_batches(distinct, decoding, device=engine.device)
        # A log is of its own plan: other versions may have cut other batches.
        return cls(distinct, batches, replace(log, key=stable_hash([log.key, batches])) if log else None)

    def load(self) -> dict[int, LoggedBatch]:
        """Return the batches that the log has."""
        return self.log.load() if self.log else {}

    def list_missing(self, made: Mapping[int, LoggedBatch]) -> list[int]:
        """Return the numbers of all other batches."""
        return [number for number in range(len(self.batches)) if number not in made]

    def count(self, numbers: Iterable[int]) -> int:
        """Return how many sources these batches have."""
        return sum(len(self.batches[number]) for number in numbers)

    def write(
        self, engine: Engine, numbers: Sequence[int], before_each: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[int, LoggedBatch]]:
        """Write these batches and log them; give each when it is done. `before_each` may raise."""
        results = engine.write([list(self.sources[i]) for i in self.batches[number]] for number in numbers)
        watch = Stopwatch()
        for number in numbers:
            before_each()
            rows = [{"new_ids": one.new_ids} for one in next(results)]
            seconds = watch.read()
            if self.log:
                self.log.append(number, rows, seconds=seconds)
            watch.reset()
            yield number, LoggedBatch(rows, seconds)

    def order(self, sources: Iterable[Sequence[int]], made: Mapping[int, LoggedBatch]) -> list[list[int]]:
        """Return the new tokens of each of these sources, from all batches."""
        written: dict[Source, list[int]] = {
            self.sources[i]: row["new_ids"]
            for number, batch in made.items()
            for i, row in zip(self.batches[number], batch.rows, strict=True)
        }
        return [written[tuple(source)] for source in sources]


def plan_source_batches(
    sources: Sequence[Sequence[int]], decoding: DecodingConfig, *, device: str = "cpu"
) -> list[list[int]]:
    """Plan batches of at most `decoding.max_batch_tokens`: lists of indices into `sources`, the longest first.

    The batches are as few as these tokens allow and of like size, so that none at the end is too small to keep every
    core at work.
    """
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]), reverse=True)
    # The cache of keys and values grows with every beam and every token made.
    items = [(i, len(sources[i]), decoding.max_new_tokens) for i in order]
    limit = decoding.count_batch_tokens(device) // decoding.num_beams
    fewest = len(fill_batches(items, limit))
    even = bisect_left(range(limit), True, key=lambda tokens: len(fill_batches(items, tokens)) <= fewest)
    return fill_batches(items, even)


__all__ = ["BatchPlan", "plan_source_batches"]
