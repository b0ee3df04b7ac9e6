"""Sources of all requests → batches for one engine, and what was written back to whoever waits for it.

Batches are as large as `decoding.max_batch_tokens` allows, and filled for a few milliseconds where the engine has
nothing to do. Requests take turns: a long one has a place in every batch, and keeps none of the others waiting. What
several requests ask for at a time is written once, and what nobody waits for any more is not written.

The engine runs in one thread, for none may be used from two. It is asked for more before it has given everything: what
computes in parallel is never without work while there is some.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dialora.config import DecodingConfig
from dialora.data.tokens.batches import round_up
from dialora.errors import DialoraError, GenerationError
from dialora.generation import Engine
from dialora.serving.metrics import SystemMetrics

WAIT_SECONDS = 0.004
"""An engine that has nothing to do waits so long for more of what just began to come."""
RATE_SHARE = 0.2
"""Of the newest batch in the measured rate."""
Source = tuple[int, ...]


@dataclass(eq=False, slots=True)
class _Place:
    """A source that is to be written, and for how many."""

    source: Source
    future: asyncio.Future[list[int] | DialoraError]
    num_waiting: int = 0
    is_taken: bool = False


@dataclass(slots=True)
class _Flight:
    """A batch that the engine has."""

    places: list[_Place]
    begun: float = field(default_factory=time.monotonic)


class Batcher:
    """Writes sources with one engine. Built and used within an event loop; `start` and `close` its thread."""

    def __init__(self, engine: Engine, decoding: DecodingConfig, metrics: SystemMetrics) -> None:
        self.engine = engine
        self._most_tokens = decoding.count_batch_tokens(engine.device) // decoding.num_beams
        self._new_tokens = decoding.max_new_tokens
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        # All below are looked at and changed with the condition's lock held.
        self._places: dict[Source, _Place] = {}
        self._turns: OrderedDict[object, deque[_Place]] = OrderedDict()
        self._num_queued = 0
        self._is_closed = False
        self.num_tokens = 0
        """Source tokens that are not yet written, in the queue and with the engine."""
        self.rate: float | None = None
        """Source tokens a second, while there was something to write."""
        self._flights: deque[_Flight] = deque()
        self._last_end = 0.0
        self._thread = threading.Thread(target=self._run, name="dialora-engine", daemon=True)

    @property
    def num_waiting(self) -> int:
        """For how many sources somebody waits; equal ones of several requests count for each."""
        with self._changed:
            return sum(place.num_waiting for place in self._places.values())

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """End the thread behind what the engine has; whoever waits for more gets an error."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    async def write(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return the new tokens of each source. Raises GenerationError.

        Cancelled, it leaves the queue.
        """
        places = self._enter([tuple(source) for source in sources])
        try:
            # Shielded: others may wait for the same.
            made = [place.future.result() if place.future.done() else await asyncio.shield(place.future)
                    for place in places]  # fmt: skip
        finally:
            self._leave(places)
        for one in made:
            if isinstance(one, DialoraError):
                raise one
        return [one for one in made if not isinstance(one, DialoraError)]

    def _enter(self, sources: Sequence[Source]) -> list[_Place]:
        request = object()
        with self._changed:
            if self._is_closed:
                raise GenerationError("generation: the server ends.")
            places = []
            for source in sources:
                place = self._places.get(source)
                if place is None:
                    place = self._places[source] = _Place(source, self._loop.create_future())
                    self._turns.setdefault(request, deque()).append(place)
                    self._num_queued += 1
                    self.num_tokens += len(source)
                place.num_waiting += 1
                places.append(place)
            self._metrics.queue_tokens.set(self.num_tokens)
            self._changed.notify()
        return places

    def _leave(self, places: Sequence[_Place]) -> None:
        with self._changed:
            for place in places:
                place.num_waiting -= 1
                if not place.num_waiting and not place.is_taken and self._places.get(place.source) is place:
                    # It stays in its request's row, where it is passed over.
                    self._forget(place)
                    self._num_queued -= 1
            if not self._num_queued:
                self._turns.clear()

    def _forget(self, place: _Place) -> None:
        del self._places[place.source]
        self.num_tokens -= len(place.source)
        self._metrics.queue_tokens.set(self.num_tokens)

    def _run(self) -> None:
        """Write until closed; in the thread."""
        with self.engine:
            while not self._is_closed:
                try:
                    for made in self.engine.write(self._feed()):
                        flight = self._flights.popleft()
                        if flight.places:
                            self._deliver(flight, [one.new_ids for one in made])
                except DialoraError as error:
                    self._fail(error)
                except Exception as error:  # what an engine's library raises that it does not foresee
                    self._fail(GenerationError(f"generation failed ({type(error).__name__})."))
        self._fail(GenerationError("generation: the server ends."))

    def _feed(self) -> Iterator[list[list[int]]]:
        """Give batches; where there is nothing to write, empty ones for as long as the engine has others."""
        while (batch := self._take(waits=not self._flights)) is not None:
            self._flights.append(_Flight(batch))
            if batch:
                self._metrics.batch_size.observe(len(batch))
            yield [list(place.source) for place in batch]

    def _take(self, *, waits: bool) -> list[_Place] | None:
        """Return the next batch, the longest first; None where closed."""
        with self._changed:
            if waits:
                self._changed.wait_for(lambda: self._num_queued or self._is_closed)
                full = self._most_tokens // (self._new_tokens + 1)
                self._changed.wait_for(lambda: self._num_queued >= full or self._is_closed, timeout=WAIT_SECONDS)
            if self._is_closed:
                return None
            batch: list[_Place] = []
            longest = 0
            while self._num_queued:
                place = self._find_next()
                longest = max(longest, len(place.source))
                padded = round_up(longest) + round_up(self._new_tokens)
                if batch and (len(batch) + 1) * padded > self._most_tokens:
                    break
                batch.append(self._take_next())
        return sorted(batch, key=lambda place: len(place.source), reverse=True)

    def _find_next(self) -> _Place:
        """Return the first place of the request whose turn it is, once what nobody waits for is gone."""
        while True:
            request, row = next(iter(self._turns.items()))
            while row and not row[0].num_waiting:
                row.popleft()
            if row:
                return row[0]
            del self._turns[request]

    def _take_next(self) -> _Place:
        request, row = next(iter(self._turns.items()))
        place = row.popleft()
        place.is_taken = True
        self._num_queued -= 1
        if row:
            self._turns.move_to_end(request)
        else:
            del self._turns[request]
        return place

    def _deliver(self, flight: _Flight, made: list[list[int]]) -> None:
        now = time.monotonic()
        begun, self._last_end = max(flight.begun, self._last_end), now
        self._metrics.batch_seconds.observe(now - begun)
        self._metrics.tokens_written.inc(sum(map(len, made)))
        tokens = sum(len(place.source) for place in flight.places)
        rate = tokens / max(now - begun, 1e-6)
        with self._changed:
            self.rate = rate if self.rate is None else (1 - RATE_SHARE) * self.rate + RATE_SHARE * rate
            for place in flight.places:
                self._forget(place)
        self._tell(flight.places, made)

    def _fail(self, error: DialoraError) -> None:
        """Tell whoever waits for what the engine has, or once closed for anything, that it is not written."""
        with self._changed:
            places = [place for flight in self._flights for place in flight.places]
            self._flights.clear()
            if self._is_closed:
                places = list(self._places.values())
                self._turns.clear()
                self._num_queued = 0
            for place in places:
                self._forget(place)
        self._tell(places, [error] * len(places))

    def _tell(self, places: Sequence[_Place], results: Sequence[list[int] | DialoraError]) -> None:
        def tell() -> None:
            for place, result in zip(places, results, strict=True):
                if not place.future.done():
                    place.future.set_result(result)

        if places and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(tell)


__all__ = ["Batcher"]
