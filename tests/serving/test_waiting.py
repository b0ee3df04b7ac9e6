"""Which sources are in the next batch: of about one length, each request in its turn, and nobody for long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import count

import pytest

from dialora.data.tokens.batches import round_up
from dialora.serving.waiting import MOST_PASSED, Place, WaitingSources

BATCH_TOKENS, NEW_TOKENS = 1000, 20
NUMBERS = count()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def build_waiting() -> WaitingSources:
    return WaitingSources(batch_tokens=BATCH_TOKENS, new_tokens=NEW_TOKENS)


def enter(waiting: WaitingSources, lengths: list[int], loop: asyncio.AbstractEventLoop) -> list[Place]:
    """A request with sources of these lengths, all different."""
    request = object()
    return [waiting.enter(request, (next(NUMBERS), *range(length - 1)), loop) for length in lengths]


def lengths_of(batch: list[Place]) -> list[int]:
    return [len(place.source) for place in batch]


def test_short_and_long_sources_are_not_padded_to_each_other(loop: asyncio.AbstractEventLoop) -> None:
    waiting = build_waiting()
    for length in (100, 20, 101, 21, 102, 22, 103, 23, 104, 24, 105, 25, 106, 26, 107, 27):
        enter(waiting, [length], loop)
    assert lengths_of(waiting.take()) == [106, 105, 104, 103, 102, 101, 100]
    assert lengths_of(waiting.take()) == [27, 26, 25, 24, 23, 22, 21, 20]
    assert lengths_of(waiting.take()) == [107]
    assert waiting.take() == []


def test_a_long_request_keeps_nobody_waiting(loop: asyncio.AbstractEventLoop) -> None:
    waiting = build_waiting()
    enter(waiting, [50 + at % 7 for at in range(100)], loop)
    others = [enter(waiting, [52], loop)[0] for _ in range(3)]
    first = waiting.take()
    assert set(map(id, others)) <= set(map(id, first))
    assert len(first) > 3


@pytest.mark.parametrize("seed", range(5))
def test_each_is_written_once_in_a_batch_that_fits_and_is_not_passed_over_for_long(
    seed: int, loop: asyncio.AbstractEventLoop
) -> None:
    rng = random.Random(seed)
    waiting = build_waiting()
    arrived: list[Place] = []
    taken: list[Place] = []
    while len(arrived) < 600 or waiting.num_queued:
        for _ in range(rng.randrange(8) if len(arrived) < 600 else 0):
            arrived += enter(waiting, [rng.randrange(2, 400) for _ in range(rng.choice((1, 1, 1, 5)))], loop)
        oldest = next((place for place in arrived if not place.is_taken), None)
        batch = waiting.take()
        assert (oldest is not None) == bool(batch)
        assert len(batch) * (round_up(max(lengths_of(batch), default=0)) + round_up(NEW_TOKENS)) <= BATCH_TOKENS
        taken += batch
    assert sorted(map(id, taken)) == sorted(map(id, arrived))
    # Once it is urgent, it has but other urgent ones before it.
    assert max(place.num_passed for place in arrived) <= MOST_PASSED + 3


def test_what_nobody_waits_for_is_passed_over(loop: asyncio.AbstractEventLoop) -> None:
    waiting = build_waiting()
    (gone,) = enter(waiting, [30], loop)
    (kept,) = enter(waiting, [31], loop)
    waiting.leave(gone)
    assert (waiting.num_queued, waiting.num_tokens) == (1, 31)
    assert waiting.take() == [kept]
    waiting.forget(kept)
    assert (waiting.num_queued, waiting.num_tokens) == (0, 0)
    assert waiting.take() == []


def test_two_requests_for_the_same_share_a_place(loop: asyncio.AbstractEventLoop) -> None:
    waiting = build_waiting()
    one = waiting.enter(object(), (1, 2, 3), loop)
    assert waiting.enter(object(), (1, 2, 3), loop) is one
    waiting.leave(one)
    assert waiting.take() == [one]
