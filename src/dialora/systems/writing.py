"""Items → Summaries: every part of every item in common batches, and the parts of each put together again.

What is done with parts and what is written of them (`summarize_read`) does not know who writes: `SummaryWriter` does so
with an engine of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

from dialora.data.transcripts import restore_names, to_dialogue
from dialora.records import Record
from dialora.store import PartialLog
from dialora.systems.items import Item
from dialora.systems.kinds.system import System
from dialora.systems.options import SummaryOptions
from dialora.systems.reading import ItemReader, Part, ReadItem
from dialora.systems.summary import FinishReason, Summary, find_unsupported_names, join_labels

if TYPE_CHECKING:
    from dialora.generation import Engine

MAX_PASSES = 10
"""Times that summaries of parts are summarized once more; a system that makes nothing shorter would never end."""


@dataclass(frozen=True, slots=True)
class WrittenPart(Record):
    """What was written of one part."""

    text: str
    is_whole: bool
    """The system ended it itself."""


Steps = Generator[list[Part], list[WrittenPart], list[Summary]]
"""Asks for parts to be written, once or several times, is sent what was written of them, and returns summaries."""


class SummaryWriter:
    """Summarizes items, many at a time; the engine is opened for the first that needs it, and stays.

    Several threads may ask at once, and are served one after the other.
    """

    def __init__(self, system: System, options: SummaryOptions, on_warning: Callable[[str], None]) -> None:
        self.system, self.options, self._on_warning = system, options, on_warning
        self.reader = ItemReader(system, options, on_warning)
        self._engine: Engine | None = None
        # An engine merges its adapter, and keeps what it has read: it writes one thing at a time.
        self._at_work = Lock()

    def write(
        self,
        items: Sequence[Item],
        *,
        log: PartialLog | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> list[Summary]:
        """Return a summary for each item, in order; see `write_read`."""
        return self.write_read(self.reader.read(items), log=log, on_progress=on_progress)

    def write_read(
        self,
        read: Sequence[ReadItem],
        *,
        log: PartialLog | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> list[Summary]:
        """Return a summary for each item that was read, in order; `on_progress` is told about how many are done.

        Batches are taken from `log` and added to it. Raises DialoraError.
        """

        def tell(done: int, total: int) -> None:
            on_progress(done * len(read) // max(1, total))

        steps = summarize_read(self.reader, read)
        parts = next(steps)
        for number in count():
            own = replace(log, key=f"{log.key}-{number}") if log and number else log
            made = self._write_parts(parts, log=own, on_progress=(lambda done, total: None) if number else tell)
            try:
                parts = steps.send(made)
            except StopIteration as end:
                summaries: list[Summary] = end.value
                return summaries
        raise AssertionError("unreachable")

    def open(self, items: Sequence[Item]) -> None:
        """Open the engine as it is opened where these items are the first to be written. Raises DialoraError."""
        if sources := [part.source.input_ids for one in self.reader.read(items) for part in one.parts]:
            with self._at_work:
                self._engine = self._engine or self.system.open_engine(sources, self._on_warning)

    def _write_parts(
        self, parts: Sequence[Part], *, log: PartialLog | None, on_progress: Callable[[int, int], None]
    ) -> list[WrittenPart]:
        from dialora.generation import write_sources

        if not parts:
            return []
        sources = [part.source.input_ids for part in parts]
        with self._at_work:
            if self._engine is None:
                self._engine = self.system.open_engine(sources, self._on_warning)
            engine = self._engine
            made = write_sources(engine, sources, self.system.config.decoding, log=log, on_progress=on_progress)
        return decode_parts(self.system, engine.stops, made.new_ids)


def decode_parts(system: System, stops: Collection[int], new_ids: Iterable[Sequence[int]]) -> list[WrittenPart]:
    """Return what an engine wrote of some parts, whose summaries end with one of `stops`, as text."""
    from dialora.generation import decode_summary

    most = system.config.decoding.max_new_tokens
    return [
        WrittenPart(decode_summary(system.tokenizer, ids), bool(ids and ids[-1] in stops) or len(ids) < most)
        for ids in new_ids
    ]


def summarize_read(reader: ItemReader, read: Sequence[ReadItem], *, names_unsupported: bool = True) -> Steps:
    """Summarize items whose parts somebody else writes; the first step asks for all parts of all items.

    Without `names_unsupported`, nothing is looked up in the conversations, which takes time.
    """
    made = yield [part for one in read for part in one.parts]
    written: list[list[WrittenPart]] = []
    for one in read:
        written.append(made[: len(one.parts)])
        made = made[len(one.parts) :]
    if reader.options.join == "resummarize":
        written = yield from _write_again(reader, read, written)
    return [
        _join(one, texts, reader.options, names_unsupported=names_unsupported)
        for one, texts in zip(read, written, strict=True)
    ]


def _write_again(
    reader: ItemReader, read: Sequence[ReadItem], written: list[list[WrittenPart]]
) -> Generator[list[Part], list[WrittenPart], list[list[WrittenPart]]]:
    """Summarize the summaries of parts until there is one of each item, in the labels of the whole."""
    written = [
        texts if len(texts) < 2 else _label(one, one.parts, texts) for one, texts in zip(read, written, strict=True)
    ]
    for _ in range(MAX_PASSES):
        long = [at for at, texts in enumerate(written) if len(texts) > 1]
        if not long:
            break
        again = [reader.read_again("\n".join(text.text for text in written[at]), read[at].whole.names) for at in long]
        made = yield [part for parts in again for part in parts]
        for at, parts in zip(long, again, strict=True):
            was_whole = all(text.is_whole for text in written[at])
            labelled = _label(read[at], parts, made[: len(parts)])
            written[at] = [replace(text, is_whole=text.is_whole and was_whole) for text in labelled]
            made = made[len(parts) :]
    return written


def _label(one: ReadItem, parts: Sequence[Part], texts: Sequence[WrittenPart]) -> list[WrittenPart]:
    """Return what was written of parts in the labels of the whole."""
    return [
        replace(text, text=restore_names(text.text, join_labels(part.names, one.whole.names)))
        for part, text in zip(parts, texts, strict=True)
    ]


def _join(one: ReadItem, texts: Sequence[WrittenPart], options: SummaryOptions, *, names_unsupported: bool) -> Summary:
    item = one.item
    if not texts:
        return Summary("", "empty", 0, id=item.id, source=item.source)
    # What was summarized again is in the labels of the whole; its parts are no longer the item's.
    is_again = options.join == "resummarize" and len(one.parts) > 1
    labels = [one.whole.names] * len(texts) if is_again else [part.names for part in one.parts]
    summary = " ".join(
        restored for text, names in zip(texts, labels, strict=True) if (restored := restore_names(text.text, names))
    )
    reason: FinishReason = "stop" if all(text.is_whole for text in texts) else "length"
    return Summary(
        text=summary,
        finish_reason=reason,
        num_parts=len(one.parts),
        truncated=one.is_truncated,
        unsupported_names=find_unsupported_names(summary, show_said(item)) if names_unsupported else (),
        id=item.id,
        source=item.source,
    )


def show_said(item: Item) -> str:
    """Return all that an item says, with its speakers' own names."""
    return item.content if isinstance(item.content, str) else to_dialogue(item.content, "names").text


__all__ = ["Steps", "SummaryWriter", "WrittenPart", "decode_parts", "show_said", "summarize_read"]
