"""Sources of all requests → batches for one engine, and what was written back to whoever waits for it.

Batches are as large as `decoding.max_batch_tokens` allows, and filled for a few milliseconds where the engine has
nothing to do. What several requests ask for at a time is written once, and what nobody waits for any more is not
written; `waiting.py` says which sources are next.

The engine runs in one thread, for none may be used from two. It is asked for more before it has given everything: what
computes in parallel is never without work while there is some.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dialora.config import DecodingConfig
from dialora.errors import DialoraError, GenerationError
from dialora.generation import Engine
from dialora.serving.metrics import SystemMetrics
from dialora.serving.waiting import Place, Source, WaitingSources, Written

WAIT_SECONDS = 0.004
"""An engine that has nothing to do waits so long for more of what just began to come."""
RATE_SHARE = 0.2
"""Of the newest batch in the measured rate."""


@dataclass(slots=True)
class _Flight:
    """A batch that the engine has."""

    places: list[Place]
    begun: float = field(default_factory=time.monotonic)


class Batcher:
    """Writes sources with one engine. Built and used within an event loop; `start` and `close` its thread."""

    def __init__(self, engine: Engine, decoding: DecodingConfig, metrics: SystemMetrics) -> None:
        self.engine = engine
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        # Looked at and changed with the condition's lock held, as all below.
        self._waiting = WaitingSources(
            batch_tokens=decoding.count_batch_tokens(engine.device) // decoding.num_beams,
            new_tokens=decoding.max_new_tokens,
        )
        self._is_closed = False
        self.rate: float | None = None
        """Source tokens a second, while there was something to write."""
        self._flights: deque[_Flight] = deque()
        self._last_end = 0.0
        self._thread = threading.Thread(target=self._run, name="dialora-engine", daemon=True)

    @property
    def num_waiting(self) -> int:
        """For how many sources somebody waits; equal ones of several requests count for each."""
        with self._changed:
            return sum(place.num_waiting for place in self._waiting)

    @property
    def num_tokens(self) -> int:
        """Source tokens that are not yet written, in the queue and with the engine."""
        return self._waiting.num_tokens

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

    def _enter(self, sources: Sequence[Source]) -> list[Place]:
        request = object()
        with self._changed:
            if self._is_closed:
                raise GenerationError("generation: the server ends.")
            places = [self._waiting.enter(request, source, self._loop) for source in sources]
            self._metrics.queue_tokens.set(self.num_tokens)
            self._changed.notify()
        return places

    def _leave(self, places: Sequence[Place]) -> None:
        with self._changed:
            for place in places:
                self._waiting.leave(place)
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
        """Give batches; where there is nothing to write, empty ones for as long as the engine has others.

        Empty ones that it still has are none of them: the thread sleeps until somebody asks.
        """
        while (batch := self._take(waits=not any(flight.places for flight in self._flights))) is not None:
            self._flights.append(_Flight(batch))
            if batch:
                self._metrics.batch_size.observe(len(batch))
            yield [list(place.source) for place in batch]

    def _take(self, *, waits: bool) -> list[Place] | None:
        """Return the next batch; None where closed."""
        waiting = self._waiting
        with self._changed:
            if waits:
                self._changed.wait_for(lambda: waiting.num_queued or self._is_closed)
                self._changed.wait_for(lambda: waiting.is_full() or self._is_closed, timeout=WAIT_SECONDS)
            return None if self._is_closed else waiting.take()

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
                self._waiting.forget(place)
            self._metrics.queue_tokens.set(self.num_tokens)
        self._tell(flight.places, made)

    def _fail(self, error: DialoraError) -> None:
        """Tell whoever waits for what the engine has, or once closed for anything, that it is not written."""
        with self._changed:
            places = [place for flight in self._flights for place in flight.places]
            self._flights.clear()
            if self._is_closed:
                places = list(self._waiting)
                self._waiting.clear()
            for place in places:
                self._waiting.forget(place)
            self._metrics.queue_tokens.set(self.num_tokens)
        self._tell(places, [error] * len(places))

    def _tell(self, places: Sequence[Place], results: Sequence[Written]) -> None:
        def tell() -> None:
            for place, result in zip(places, results, strict=True):
                if not place.future.done():
                    place.future.set_result(result)

        if places and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(tell)


__all__ = ["Batcher"]
