"""A system that is loaded once and summarizes whatever a caller has: a text, turns, files, or many of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialora.data.reading.formats import FORMATS as TABLES
from dialora.data.reading.formats import find_suffix
from dialora.data.transcripts import Conversation, Style
from dialora.data.transcripts.dialogue import has_style
from dialora.data.transcripts.formats.labelled_text import DialogSum, SamSum
from dialora.data.transcripts.reading import SUFFIXES
from dialora.data.transcripts.text import read_as_transcript
from dialora.errors import DataError
from dialora.systems.items import Item, build_item, is_turns, open_inputs, take
from dialora.systems.kinds.system import System
from dialora.systems.options import SummaryOptions
from dialora.systems.summary import Summary
from dialora.systems.writing import SummaryWriter

AS_IT_STANDS = (SamSum.name, DialogSum.name)
"""Formats of text that need not be read to be summarized where speakers are called as the system knows them."""
CHUNK = 256
"""Items that are batched together by `stream`, at most; it asks for them before it gives the first."""
_LONGEST_PATH = 4096


class Summarizer:
    """Summarizes with one system, whose model is loaded when it is first needed, and stays."""

    def __init__(self, system: System, options: SummaryOptions, on_warning: Callable[[str], None]) -> None:
        self.system, self.options = system, options
        self._writer = SummaryWriter(system, options, on_warning)

    def summarize(self, content: Any) -> Summary | list[Summary]:
        """Return the summary of a text, of a list of turns, or of a path; or a list of those of several of them.

        A text is a str, read as a conversation where it is one, and otherwise as it stands. Turns are pairs of speaker
        and text, objects with both, or Turns. A path is a Path, or a str that is one: a file, folder or pattern of any
        format, and of one conversation the summary is given alone. Raises DataError.
        """
        if not _is_one(content):
            return list(self.stream(content))
        made = list(self.stream([content]))
        return made[0] if len(made) == 1 else made

    def stream(self, contents: Iterable[Any]) -> Iterator[Summary]:
        """Give the summaries of many texts, lists of turns or paths, in their order, in constant memory.

        They are summarized in batches of the caller's next ones, so their number need not be known. Raises DataError.
        """
        items = self._list_items([contents] if _is_one(contents) else contents)
        while chunk := take(items, CHUNK):
            yield from self._writer.write(chunk)

    def show_input(self, content: Any) -> list[str]:
        """Return the exact text that the system reads of a text, turns or a path: one for each part."""
        reader = self._writer.reader
        return [reader.show(part) for one in reader.read(list(self._list_items([content]))) for part in one.parts]

    def _list_items(self, contents: Iterable[Any]) -> Iterator[Item]:
        number = 0
        for content in contents:
            if is_path(content):
                with open_inputs([content]) as inputs:
                    for item in inputs.stream(self.system.config.data, notes=[]):
                        number += 1
                        yield item
                continue
            number += 1
            item = build_item(content, number)
            if isinstance(item.content, str):
                talk = read_as_transcript(item.content, item.id)
                item = replace(item, content=choose_content(item.content, talk, self._writer.reader.style))
            yield item


def choose_content(text: str, talk: Conversation | None, style: Style) -> Conversation | str:
    """Return what is read of a text that was recognised as a conversation, or not: the text itself where a system that
    calls speakers in `style` would read the same of it.
    """
    is_plain = talk is None or (talk.format in AS_IT_STANDS and has_style(talk, style))
    return text if is_plain or talk is None else talk


def _is_one(content: Any) -> bool:
    """Whether something is one text, conversation or path, and not several of them. Raises DataError if neither."""
    if isinstance(content, str | Path | Conversation) or (isinstance(content, Sequence) and is_turns(content)):
        return True
    # Iterating over a mapping or a table gives its keys, and over bytes numbers: nothing that anybody said.
    is_keyed = isinstance(content, Mapping) or hasattr(content, "columns")
    if is_keyed or isinstance(content, bytes) or not isinstance(content, Iterable):
        raise DataError(f"summarize: got {type(content).__name__}; give a text, turns, a path, or several of them.")
    return False


def is_path(content: Any) -> bool:
    """Whether something names files: a Path, or a text on one line that is there, or is called as a file is.

    A word with a known suffix is no conversation: that it is not there is said when it is opened.
    """
    if isinstance(content, Path):
        return True
    if not isinstance(content, str) or not 0 < len(content) < _LONGEST_PATH or "\n" in content:
        return False
    is_called_so = len(content.split()) == 1 and find_suffix(Path(content)) in SUFFIXES | TABLES.keys()
    try:
        return is_called_so or Path(content).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


__all__ = ["CHUNK", "Summarizer", "choose_content", "is_path"]
