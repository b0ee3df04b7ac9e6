"""What becomes of a request: it is read in threads, has its places in the queues, and its answer is made in threads.

Nothing here waits on the event loop for a computation. Small requests and large ones have threads of their own: who
sends a file of megabytes keeps nobody waiting who sends a dialogue.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.datastructures import Headers

from dialora.errors import DialoraError, InputError
from dialora.printable import clean_message, escape_json
from dialora.serving.answers import build_conversation, build_summary
from dialora.serving.batcher import Batcher
from dialora.serving.forms import GivenFile, SummaryRequest, parse_request
from dialora.serving.inputs import ReadContent, read_contents
from dialora.serving.metrics import Metrics
from dialora.serving.refusals import Refusal
from dialora.serving.served import ServedSystem
from dialora.systems.options import SummaryOptions
from dialora.systems.reading import ItemReader, ReadItem
from dialora.systems.summary import Summary
from dialora.systems.writing import Steps, decode_parts, summarize_read

SMALL = 64 * 1024
"""Bytes of a request that is read beside large ones."""
SMALL_THREADS, LARGE_THREADS = 3, 1
QUEUE_WAIT = 1.0
"""Seconds after which a full queue is asked again where its rate is not known."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    """What one system has of a request."""

    served: ServedSystem
    read: list[ReadItem]
    steps: Steps
    sources: list[list[int]]


class SummaryService:
    """Summarizes what requests ask for with the systems that are served."""

    def __init__(
        self, served: Sequence[ServedSystem], metrics: Metrics, *, queue_tokens: int, max_unpacked: int
    ) -> None:
        self.served, self.metrics, self.queue_tokens = served, metrics, queue_tokens
        self.max_unpacked = max_unpacked
        """Bytes of a file once it is unpacked."""
        self.num_taken = 0
        """Requests that are being worked on."""
        self.is_ready = False
        self.is_ending = False
        self._small, self._large = ThreadPoolExecutor(SMALL_THREADS), ThreadPoolExecutor(LARGE_THREADS)

    def require_ready(self) -> None:
        """Raise Refusal unless requests are taken."""
        if self.is_ending:
            raise Refusal(503, "The server is ending; send this to another one, or when it is back.", wait=5)
        if not self.is_ready:
            raise Refusal(503, "The systems are still being loaded; try again in a moment.", wait=5)
        self._require_room(0)

    async def summarize(self, body: bytes, headers: Headers) -> bytes:
        """Return the answer to a request as JSON. Raises Refusal. Cancelled, it leaves every queue."""
        request = await parse_request(body, headers)
        chosen = self._choose(request.systems)
        threads = self._small if len(body) <= SMALL and not _is_packed(request) else self._large
        contents, jobs = await self._run(threads, self._read, request, chosen)
        self._require_room(sum(len(source) for job in jobs for source in job.sources))
        begun = time.monotonic()
        tasks = [
            asyncio.create_task(self._write(job, contents, begun, threads, explains=request.explains)) for job in jobs
        ]
        try:
            rows = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        for job, row in zip(jobs, rows, strict=True):
            for one in row:
                self.metrics.summaries.labels(job.served.name, one["finish_reason"]).inc()
        if threads is self._small:
            return _dump(contents, rows)
        return await self._run(threads, _dump, contents, rows)

    def _choose(self, names: Sequence[str]) -> list[ServedSystem]:
        known = {one.name: one for one in self.served}
        for name in names:
            if name not in known:
                raise Refusal(400, f"systems: {clean_message(repr(name))[0]} is none of {', '.join(known)}.")
        return [known[name] for name in names] or list(self.served)

    def _read(self, request: SummaryRequest, chosen: Sequence[ServedSystem]) -> tuple[list[ReadContent], list[_Job]]:
        contents = read_contents(request, chosen[0].system, max_unpacked=self.max_unpacked)
        jobs = []
        for served in chosen:
            reader = served.find_reader(request.options)
            items = [one.build_item(at, reader.style) for at, one in enumerate(contents, start=1)]
            read = _read_items(reader, items, request.options)
            steps = summarize_read(reader, read, names_unsupported=False)
            sources = [list(part.source.input_ids) for part in next(steps)]
            jobs.append(_Job(served, read, steps, sources))
        return contents, jobs

    async def _write(
        self,
        job: _Job,
        contents: Sequence[ReadContent],
        begun: float,
        threads: ThreadPoolExecutor,
        *,
        explains: bool,
    ) -> list[dict[str, Any]]:
        """Return what one system wrote of each conversation, in the form of the answer."""
        batcher = job.served.batcher
        assert batcher is not None
        sources = job.sources
        while True:
            made = await batcher.write(sources)
            seconds = time.monotonic() - begun
            result = await self._run(threads, _advance, job, batcher, contents, made, seconds, explains)
            if isinstance(result, _Rows):
                return result.rows
            sources = result

    def _require_room(self, num_tokens: int) -> None:
        batchers = [one.batcher for one in self.served if one.batcher is not None]
        queued = sum(batcher.num_tokens for batcher in batchers)
        if num_tokens > self.queue_tokens:
            raise Refusal(
                413,
                f"This holds {num_tokens:,} tokens for its systems together, and {self.queue_tokens:,} are taken at "
                f"most; send it in parts or to fewer systems (the server's --queue-tokens).",
            )
        excess = queued + num_tokens - self.queue_tokens
        if (queued and excess > 0) or (not num_tokens and queued >= self.queue_tokens):
            wait = max(_find_wait(batcher, max(1, excess) / len(batchers)) for batcher in batchers)
            raise Refusal(429, f"The queue is full; try again in {wait:.0f} s.", wait=wait)

    async def _run(self, threads: ThreadPoolExecutor, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in a thread. Raises Refusal for what it says is wrong with the request."""
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        except InputError as error:
            raise Refusal(400, clean_message(str(error))[0]) from None


class _Rows:
    """That a job is done, and what it made."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows


def _advance(
    job: _Job,
    batcher: Batcher,
    contents: Sequence[ReadContent],
    made: list[list[int]],
    seconds: float,
    explains: bool,
) -> _Rows | list[list[int]]:
    """Go on with what was written: to the next sources, or to the end."""
    written = decode_parts(job.served.system, batcher.engine.stops, made)
    try:
        return [list(part.source.input_ids) for part in job.steps.send(written)]
    except StopIteration as end:
        summaries: list[Summary] = end.value
    return _Rows([
        build_summary(content, summary, system=job.served.name, seconds=seconds, explains=explains)
        for content, summary in zip(contents, summaries, strict=True)
    ])  # fmt: skip


def _read_items(reader: ItemReader, items: list[Any], options: SummaryOptions) -> list[ReadItem]:
    try:
        return reader.read(items)
    except DialoraError as error:
        if options.on_long == "error" and isinstance(error, InputError):
            raise Refusal(413, clean_message(str(error).replace("--on-long", "on_long"))[0]) from None
        raise


def _is_packed(request: SummaryRequest) -> bool:
    """Whether a file may hold far more than its size."""
    return any(isinstance(one, GivenFile) and one.data[:2] in (b"PK", b"\x1f\x8b") for one in request.contents)


def _find_wait(batcher: Batcher, num_tokens: float) -> float:
    return QUEUE_WAIT if not batcher.rate else num_tokens / batcher.rate


def _dump(contents: Sequence[ReadContent], rows: Sequence[Sequence[dict[str, Any]]]) -> bytes:
    answer = [build_conversation(content, [row[at] for row in rows]) for at, content in enumerate(contents)]
    return escape_json(json.dumps({"conversations": answer}, ensure_ascii=False)).encode()


__all__ = ["SummaryService"]
