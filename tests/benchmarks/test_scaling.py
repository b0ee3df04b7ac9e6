"""The model of many workers, held against a job that is played event by event, and against what must hold."""

from __future__ import annotations

import math
import random
from statistics import mean

import pytest

from benchmarks.scaling.model import BatchParts, count_useful_workers, plan_batch, plan_cells
from benchmarks.scaling.simulation import play_batch

PARTS = BatchParts(
    read=0.0001, write=0.3, append=0.00002, start=4, load=3, convert=6, shard=1024, lost=2.5, noticed=60
)  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2, 7, 64])
def test_without_failures_the_model_is_the_played_job(workers: int) -> None:
    conversations = 64 * 1024
    played = play_batch(PARTS, conversations, workers, between_failures=math.inf, rng=random.Random(0))
    assert plan_batch(PARTS, conversations, workers).seconds == pytest.approx(played.seconds)
    assert set(played.written) == {1}


@pytest.mark.parametrize(("workers", "between_failures"), [(1, 3_000), (16, 3_600), (100, 7_200), (800, 24 * 3600)])
def test_with_failures_the_model_is_within_two_percent_of_played_jobs(workers: int, between_failures: float) -> None:
    conversations = 1024 * max(40, 12 * workers)
    played = [
        play_batch(PARTS, conversations, workers, between_failures=between_failures, rng=random.Random(seed))
        for seed in range(6 if workers > 100 else 60)
    ]
    assert mean(one.num_deaths for one in played) > 1
    assert all(set(one.written) == {1} for one in played)  # nothing twice, nothing lost
    found = plan_batch(PARTS, conversations, workers, between_failures=between_failures)
    assert found.seconds == pytest.approx(mean(one.seconds for one in played), rel=0.02)


def test_more_workers_than_one_process_can_feed_are_told() -> None:
    assert count_useful_workers(PARTS) == pytest.approx(3000)
    assert plan_batch(PARTS, 10_000_000, 1000).bottleneck == "writing"
    assert plan_batch(PARTS, 10_000_000, 5000).bottleneck == "reading"


def test_an_append_that_is_slower_than_all_workers_bounds_the_job() -> None:
    slow = BatchParts(read=0, write=0.01, append=0.02, start=0, load=0)
    assert plan_batch(slow, 10_240, 10).seconds == pytest.approx(10_240 * 0.02)


def test_cells_are_handed_out_in_their_order() -> None:
    assert plan_cells([5, 1, 1, 1], 1, each=1, before=2, after=3) == 2 + 8 + 4 + 3
    assert plan_cells([5, 1, 1, 1], 2, each=1, before=2, after=3) == 2 + 6 + 3
    assert plan_cells([1, 1, 1, 5], 2, each=1, before=0, after=0) == 8  # the longest last is the worst order
