"""What waits for an engine → its next batch: sources of about one length, each request in its turn.

A batch is padded to its longest source, so that those of about one length are the cheapest together. Who waits longest
is always in the next batch, and nobody is passed over more than a few times for others that fit better.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from dialora.data.tokens.batches import round_up
from dialora.errors import DialoraError

Source = tuple[int, ...]
Written = list[int] | DialoraError
WINDOW = 3
"""Batches among which sources of about one length are looked for."""
MOST_PASSED = 3
"""Times that a source is passed over for others behind it."""


@dataclass(eq=False, slots=True)
class Place:
    """A source that is to be written, and for how many."""

    source: Source
    future: asyncio.Future[Written]
    num_waiting: int = 0
    num_passed: int = 0
    is_taken: bool = False


class WaitingSources:
    """Places of sources, in rows: one for each request. Not for two threads at a time."""

    def __init__(self, *, batch_tokens: int, new_tokens: int) -> None:
        """Batches hold `batch_tokens`, padding and `new_tokens` for each source included."""
        self._batch_tokens, self._new_tokens = batch_tokens, new_tokens
        self._places: dict[Source, Place] = {}
        self._rows: OrderedDict[object, deque[Place]] = OrderedDict()
        self.num_queued = 0
        """Sources that no batch has yet."""
        self.num_tokens = 0
        """Of all sources that are not yet written, in the queue and in batches."""

    def __iter__(self) -> Iterator[Place]:
        """Give all places, those in batches included."""
        return iter(list(self._places.values()))

    def is_full(self) -> bool:
        """Whether the shortest sources would fill a batch."""
        return self.num_queued * (self._new_tokens + 1) >= self._batch_tokens

    def enter(self, request: object, source: Source, loop: asyncio.AbstractEventLoop) -> Place:
        """Return the place of a request's source, which it shares with who asked for the same before."""
        place = self._places.get(source)
        if place is None:
            place = self._places[source] = Place(source, loop.create_future())
            self._rows.setdefault(request, deque()).append(place)
            self.num_queued += 1
            self.num_tokens += len(source)
        place.num_waiting += 1
        return place

    def leave(self, place: Place) -> None:
        """Wait for a place no more; where nobody does, and no batch has it, it is not written."""
        place.num_waiting -= 1
        if not place.num_waiting and not place.is_taken and self._places.get(place.source) is place:
            # It stays in its row, where it is passed over.
            self.forget(place)
            self.num_queued -= 1
        if not self.num_queued:
            self._rows.clear()

    def forget(self, place: Place) -> None:
        """Know nothing of a place any more, as when it is written."""
        del self._places[place.source]
        self.num_tokens -= len(place.source)

    def clear(self) -> None:
        """Let no batch have what is queued."""
        self._rows.clear()
        self.num_queued = 0

    def take(self) -> list[Place]:
        """Return the next batch, the longest first."""
        window = self._look_ahead()
        if not window:
            return []
        first = window[0][1]

        def by_turn(turn: tuple[int, Place]) -> tuple[int, bool, int]:
            # Rounds are told apart by the power of two below them: the sources of a request with many have their
            # choice among each other, and are not in the way of requests with few, however well they fit.
            round, place = turn
            is_urgent = place.num_passed >= MOST_PASSED
            return round.bit_length(), not is_urgent, 0 if is_urgent else abs(len(place.source) - len(first.source))

        batch = [first]
        longest = len(first.source)
        for _, place in sorted(window[1:], key=by_turn):
            widest = max(longest, len(place.source))
            if not self._fits(len(batch) + 1, widest):
                break
            batch.append(place)
            longest = widest
        for place in batch:
            place.is_taken = True
        self._count_passed([place for _, place in window])
        self._remove_taken()
        self.num_queued -= len(batch)
        return sorted(batch, key=lambda place: len(place.source), reverse=True)

    def _fits(self, num_sources: int, longest: int) -> bool:
        return num_sources * (round_up(longest) + round_up(self._new_tokens)) <= self._batch_tokens

    def _look_ahead(self) -> list[tuple[int, Place]]:
        """Return the next sources, one of each request in a round, as many as would fill some batches."""
        found: list[tuple[int, Place]] = []
        rows = [iter(row) for row in self._rows.values()]
        longest = 0
        for round in count():
            still = []
            for row in rows:
                place = next((one for one in row if one.num_waiting), None)
                if place is None:
                    continue
                longest = max(longest, len(place.source))
                if found and not self._fits(-(-(len(found) + 1) // WINDOW), longest):
                    return found
                found.append((round, place))
                still.append(row)
            if not still:
                break
            rows = still
        return found

    def _count_passed(self, window: list[Place]) -> None:
        """Count those before whom somebody was taken who was behind them."""
        last = max(at for at, place in enumerate(window) if place.is_taken)
        for place in window[:last]:
            place.num_passed += not place.is_taken

    def _remove_taken(self) -> None:
        """Take what a batch has out of its row, and let requests with more wait behind the others."""
        for request, row in list(self._rows.items()):
            rest = deque(place for place in row if place.num_waiting and not place.is_taken)
            if not rest:
                del self._rows[request]
            elif len(rest) < len(row):
                self._rows[request] = rest
                self._rows.move_to_end(request)


__all__ = ["Place", "Source", "WaitingSources", "Written"]
