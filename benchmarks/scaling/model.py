"""The time and cost of a job on k workers, from its parts.

A batch job: one process reads and cuts all conversations, then workers take shards one after the other, while that
process appends what they wrote. An experiment: cells are handed out in their order to whoever is free. Seconds
throughout; costs are worker-seconds, waiting included.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchParts:
    """What a batch job consists of, each measured by itself."""

    read: float
    """Of one process, for a conversation: read, checked, cut and kept as a shard."""
    write: float
    """Of a worker, for a conversation."""
    append: float
    """Of one process, for a conversation: its row, put behind the others."""
    start: float
    """Of a worker: process and libraries."""
    load: float
    """Of a worker: its system, where that is converted."""
    convert: float = 0.0
    """Once, while the others wait."""
    shard: int = 1024
    """Conversations of a shard."""
    lost: float = 0.0
    """Of a worker's work, where it dies: half a batch on average; batches before are kept."""
    noticed: float = 0.0
    """Until a dead worker's shard is taken over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job takes on so many workers."""

    workers: int
    reading: float
    beginning: float
    """Start, conversion and loading."""
    writing: float
    """Until the last shard, appending included."""

    @property
    def seconds(self) -> float:
        """From the command to its end."""
        return self.reading + self.beginning + self.writing

    @property
    def cost(self) -> float:
        """Worker-seconds, were all workers held from the command to its end."""
        return self.workers * self.seconds

    @property
    def bottleneck(self) -> str:
        """The longest part."""
        parts = {"reading": self.reading, "beginning": self.beginning, "writing": self.writing}
        return max(parts, key=lambda name: parts[name])


def plan_batch(parts: BatchParts, conversations: int, workers: int, *, between_failures: float = math.inf) -> Plan:
    """Return what so many conversations take; each worker dies every `between_failures` seconds on average.

    Without deaths workers are in step, and the last round is as long as any. A death costs its worker a start, a load
    and what was lost, and puts it out of step: then the last one ends half a shard behind the mean.
    """
    whole, rest = divmod(conversations, parts.shard)
    each = parts.shard * parts.write
    # The last shard, which is smaller, makes a round of its own or is one of the last round's.
    in_step = math.ceil(whole / workers) * each + (0.0 if whole % workers else rest * parts.write)
    total = conversations * parts.write
    share_lost = (parts.start + parts.load + parts.lost) / between_failures
    out_of_step = 0.5 * each * (1 - 1 / workers) * (1 - math.exp(-total / between_failures))
    writing = max(in_step, total / workers * (1 + share_lost) + out_of_step)
    appending = conversations * parts.append
    return Plan(
        workers=workers,
        reading=conversations * parts.read,
        beginning=parts.start + parts.convert + parts.load,
        writing=max(writing, appending),
    )


def plan_cells(cells: Sequence[float], workers: int, *, each: float, before: float, after: float) -> float:
    """Return the seconds of an experiment whose cells are handed out in their order to whoever is free.

    `each` is what every job takes besides its work, `before` what comes before the first and `after` behind the last.
    """
    free = [0.0] * workers
    for seconds in cells:
        heapq.heappush(free, heapq.heappop(free) + each + seconds)
    return before + max(free) + after


def count_useful_workers(parts: BatchParts) -> float:
    """Return how many workers write as fast as one process reads: with more, reading takes longer than writing."""
    return parts.write / parts.read


__all__ = ["BatchParts", "Plan", "count_useful_workers", "plan_batch", "plan_cells"]
