"""Items → Summaries: every part of every item in common batches, and the parts of each put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from dialora.data.transcripts import restore_names, to_dialogue
from dialora.records import Record
from dialora.store import PartialLog
from dialora.systems.items import Item
from dialora.systems.options import SummaryOptions
from dialora.systems.reading import ItemReader, Part, ReadItem
from dialora.systems.summary import FinishReason, Summary, find_unsupported_names, join_labels
from dialora.systems.system import System

if TYPE_CHECKING:
    from dialora.generation import Engine

MAX_PASSES = 10
"""Times that summaries of parts are summarized once more; a system that makes nothing shorter would never end."""


@dataclass(frozen=True, slots=True)
class _Written(Record):
    """What was written of one part."""

    text: str
    is_whole: bool
    """The system ended it itself."""


class SummaryWriter:
    """Summarizes items, many at a time; the engine is opened for the first that needs it, and stays.

    Several threads may ask at once, and are served one after the other.
    """

    def __init__(self, system: System, options: SummaryOptions, on_warning: Callable[[str], None]) -> None:
        self.system, self.options, self._on_warning = system, options, on_warning
        self.reader = ItemReader(system, options, on_warning)
        self._engine: Engine | None = None
        self._at_work = (
            Lock()
        )  # an engine merges its adapter, and keeps what it has read: it writes one thing at a time

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
        parts = [part for one in read for part in one.parts]
        made = self._write_parts(
            parts, log=log, on_progress=lambda done, total: on_progress(done * len(read) // max(1, total))
        )
        written: list[list[_Written]] = []
        for one in read:
            written.append(made[: len(one.parts)])
            made = made[len(one.parts) :]
        if self.options.join == "resummarize":
            written = self._write_again(read, written, log)
        return [self._join(one, texts) for one, texts in zip(read, written, strict=True)]

    def _write_parts(
        self,
        parts: Sequence[Part],
        *,
        log: PartialLog | None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[_Written]:
        from dialora.generation import decode_summary, write_sources

        if not parts:
            return []
        sources = [part.source.input_ids for part in parts]
        decoding = self.system.config.decoding
        with self._at_work:
            if self._engine is None:
                self._engine = self.system.open_engine(sources, self._on_warning)
            engine = self._engine
            made = write_sources(engine, sources, decoding, log=log, on_progress=on_progress)
        return [
            _Written(
                decode_summary(self.system.tokenizer, ids),
                bool(ids and ids[-1] in engine.stops) or len(ids) < decoding.max_new_tokens,
            )
            for ids in made.new_ids
        ]

    def _write_again(
        self, read: Sequence[ReadItem], written: list[list[_Written]], log: PartialLog | None
    ) -> list[list[_Written]]:
        """Summarize the summaries of parts until there is one of each item, in the labels of the whole."""
        written = [
            texts if len(texts) < 2 else self._label(one, one.parts, texts)
            for one, texts in zip(read, written, strict=True)
        ]
        for number in range(1, MAX_PASSES + 1):
            long = [at for at, texts in enumerate(written) if len(texts) > 1]
            again = [
                self.reader.read_again("\n".join(text.text for text in written[at]), read[at].whole.names)
                for at in long
            ]
            made = self._write_parts(
                [part for parts in again for part in parts],
                log=replace(log, key=f"{log.key}-{number}") if log else None,
            )
            for at, parts in zip(long, again, strict=True):
                was_whole = all(text.is_whole for text in written[at])
                labelled = self._label(read[at], parts, made[: len(parts)])
                written[at] = [replace(text, is_whole=text.is_whole and was_whole) for text in labelled]
                made = made[len(parts) :]
            if not long:
                break
        return written

    def _label(self, one: ReadItem, parts: Sequence[Part], texts: Sequence[_Written]) -> list[_Written]:
        """Return what was written of parts in the labels of the whole."""
        return [
            replace(text, text=restore_names(text.text, join_labels(part.names, one.whole.names)))
            for part, text in zip(parts, texts, strict=True)
        ]

    def _join(self, one: ReadItem, texts: Sequence[_Written]) -> Summary:
        item = one.item
        if not texts:
            return Summary("", "empty", 0, id=item.id, source=item.source)
        # What was summarized again is in the labels of the whole; its parts are no longer the item's.
        is_again = self.options.join == "resummarize" and len(one.parts) > 1
        labels = [one.whole.names] * len(texts) if is_again else [part.names for part in one.parts]
        summary = " ".join(
            restored for text, names in zip(texts, labels, strict=True) if (restored := restore_names(text.text, names))
        )
        said = one.whole.text if isinstance(item.content, str) else to_dialogue(item.content, "names").text
        reason: FinishReason = "stop" if all(text.is_whole for text in texts) else "length"
        return Summary(
            text=summary,
            finish_reason=reason,
            num_parts=len(one.parts),
            truncated=one.is_truncated,
            unsupported_names=find_unsupported_names(summary, said),
            id=item.id,
            source=item.source,
        )


__all__ = ["SummaryWriter"]
