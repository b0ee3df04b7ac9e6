"""A batch job played event by event: workers take shards, die at random, come back, and take over what dead ones had.

It knows nothing of the formulas; `tests/benchmarks/test_scaling.py` holds them against it.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field

from benchmarks.scaling.model import BatchParts


@dataclass(slots=True)
class Played:
    """What happened."""

    seconds: float = 0.0
    num_deaths: int = 0
    written: list[int] = field(default_factory=list)
    """How often each shard was finished."""


def play_batch(
    parts: BatchParts, conversations: int, workers: int, *, between_failures: float, rng: random.Random
) -> Played:
    """Play a job once, from reading to the last shard."""
    sizes = [min(parts.shard, conversations - at) for at in range(0, conversations, parts.shard)]
    played = Played(written=[0] * len(sizes))
    left = [size * parts.write for size in sizes]
    """Of each shard, what no batch has yet."""
    waiting = list(range(len(sizes)))[::-1]
    stale: list[tuple[float, int]] = []
    """When shards of dead workers may be taken, and which."""
    begun = conversations * parts.read + parts.start + parts.convert + parts.load
    events = [(begun, worker) for worker in range(workers)]
    heapq.heapify(events)
    ends = [begun]
    while events:
        now, worker = heapq.heappop(events)
        shard = _take(waiting, stale, now)
        if shard is None:
            if stale:  # it looks again when there is something to take
                heapq.heappush(events, (max(now, stale[0][0]), worker))
            continue
        death = math.inf if between_failures == math.inf else rng.expovariate(1 / between_failures)
        if death >= left[shard]:
            played.written[shard] += 1
            ends.append(now + left[shard])
            left[shard] = 0.0
            heapq.heappush(events, (ends[-1], worker))
            continue
        played.num_deaths += 1
        kept = max(0.0, death - rng.uniform(0, 2 * parts.lost))
        left[shard] -= kept
        died = now + death
        heapq.heappush(stale, (died + parts.noticed, shard))
        heapq.heappush(events, (died + parts.start + parts.load, worker))
    played.seconds = max(max(ends), begun + conversations * parts.append)
    return played


def _take(waiting: list[int], stale: list[tuple[float, int]], now: float) -> int | None:
    """Return the first shard that may be taken, as workers do: what was begun came before what was not."""
    if stale and stale[0][0] <= now:
        return heapq.heappop(stale)[1]
    return waiting.pop() if waiting else None


__all__ = ["Played", "play_batch"]
