"""What a user names → files; and which of them hold conversations, which are tables of dialogues.

A name is a file, a folder, a pattern (`talks/*.vtt`), or `-` for standard input. Conversations are recognised by what
a file holds, tables by their suffix, as everywhere: a file with a table's suffix is one unless it is a transcript for
certain from its first line on, or JSON of a known format whose records have no column of dialogues beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from dialora.config import DataConfig
from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    OTHER_DIALOGUE_COLUMNS,
    OTHER_SUMMARY_COLUMNS,
    SUMMARY_COLUMNS,
)
from dialora.data.reading.files import reading_explained, shorten_path
from dialora.data.reading.formats import FORMATS as TABLES
from dialora.data.reading.formats import find_suffix
from dialora.data.reading.formats.delimited import Delimited
from dialora.data.reading.formats.json_lines import JsonLines
from dialora.data.reading.tables import TEXTS, stream_dialogues
from dialora.data.reading.text import normalise_name
from dialora.data.transcripts.content import Content, Json, Text
from dialora.data.transcripts.conversation import Conversation
from dialora.data.transcripts.formats import Sureness
from dialora.data.transcripts.opening import STANDARD_INPUT, open_content, open_folder
from dialora.data.transcripts.parts import as_objects
from dialora.data.transcripts.reading import SUFFIXES, describe_passed_over, find_name, list_files, read_content
from dialora.data.transcripts.recognition import find_transcript_format
from dialora.data.turns import find_speakers
from dialora.errors import DataError
from dialora.records import Record

TABLE = "table"
_PATTERN = frozenset("*?[")
_STARS = re.compile(r"\*{2,}")
Measure = Callable[[Conversation | str], tuple[int, int]]
"""Returns how many tokens a system reads of a conversation, or of a row of a table, and in how many parts."""


@dataclass(frozen=True, slots=True)
class InspectedFile(Record):
    """What a file gives, or why it gives nothing."""

    path: str
    format: str | None = None
    """None where there is a problem."""
    num_conversations: int = 0
    num_turns: int = 0
    speakers: tuple[str, ...] = ()
    """In order of appearance; of a table none, for every row has its own."""
    num_tokens: int | None = None
    """What a system reads of it, prompts included; None where none was asked."""
    num_parts: int | None = None
    """In how many parts it is read."""
    notes: tuple[str, ...] = ()
    """About this file; on one within it, with its name."""
    problem: str | None = None


def expand_inputs(inputs: Sequence[str], *, passed_over: dict[Path, list[str]] | None = None) -> list[Path]:
    """Return the files that are named, each once, in the order of the names. Raises DataError where one names none.

    A folder is its files and those in its sub-folders, but an export of Slack is one input. A sub-folder that cannot
    be listed stands for its files: opening it says why. `passed_over` has then, for each folder, sentences on what is
    in it and no input.
    """
    paths: dict[str, Path] = {}
    for name in inputs:
        if not name or "\0" in name:
            raise DataError(f"{name!r} names no file; give a file, a folder, a pattern, or - for standard input.")
        found = _expand(name, {} if passed_over is None else passed_over)
        if not found:
            raise DataError(f"{shorten_path(name)}: names no file with conversations or a table of dialogues.")
        for path in found:
            # Links may lead to one file in several ways.
            paths.setdefault("-" if path == STANDARD_INPUT else os.path.realpath(path), path)
    return list(paths.values())


def _expand(name: str, passed_over: dict[Path, list[str]]) -> list[Path]:
    if name == str(STANDARD_INPUT):
        return [STANDARD_INPUT]
    path = Path(os.path.expanduser(name))
    with reading_explained(path):
        if path.is_dir():
            found = _list_folder(path, passed_over)
        elif not path.is_file() and _PATTERN & set(name):
            found = _match(path)
        else:
            found = [path]  # what lies there, or not, is told when it is opened
    # A file may be called as standard input is.
    return [one.absolute() if one == STANDARD_INPUT else one for one in found]


def _match(pattern: Path) -> list[Path]:
    """Return the files that a pattern names, but for hidden ones, unless it names these; `**` follows no links."""
    # Two stars are folders of any depth where they stand alone, and elsewhere one.
    parts = [part if part == "**" else _STARS.sub("*", part) for part in pattern.parts[bool(pattern.anchor) :]]
    hidden = [part for part in parts if part.startswith(".")]
    return [
        one
        for one in sorted(Path(pattern.anchor).glob("/".join((*parts, "*") if parts[-1] == "**" else parts)))
        if one.is_file()
        and all(any(fnmatch(part, own) for own in hidden) for part in one.parts if part.startswith("."))
    ]


def open_conversations(path: Path) -> Content | None:
    """Return the content of a file of conversations; None where it is a table. Raises DataError where it is neither."""
    suffix = find_suffix(path)
    may_be_table = suffix in TABLES and suffix != TEXTS
    try:
        content = open_content(path)
    except DataError:
        if may_be_table and path.is_file():
            return None  # as Parquet, whose own reader says what is wrong with it
        raise
    return None if may_be_table and _is_table(content, suffix) else content


def _is_table(content: Content, suffix: str) -> bool:
    """Whether a file with a table's suffix is one."""
    if isinstance(content, Text):
        # A cell may hold a whole transcript, but a table begins with its header.
        is_begun = content.is_document or find_transcript_format(Text([content.head[:1]]), at_least=Sureness.LIKELY)
        return not is_begun or find_transcript_format(content, at_least=Sureness.CERTAIN) is None
    chosen = find_transcript_format(content)
    if chosen is None or not isinstance(content, Json) or suffix in Delimited.suffixes:
        return chosen is None
    is_rows = content.is_list or suffix in JsonLines.suffixes
    records = as_objects(content.head if content.is_list else [content.head])
    names = {normalise_name(name) for record in records for name in record}
    column = next((name for name in DIALOGUE_COLUMNS if name in names), None)
    if column is not None and column not in chosen.columns:
        return True
    has_dialogues = not names.isdisjoint((*DIALOGUE_COLUMNS, *OTHER_DIALOGUE_COLUMNS))
    return is_rows and has_dialogues and not names.isdisjoint((*SUMMARY_COLUMNS, *OTHER_SUMMARY_COLUMNS))


def inspect_inputs(inputs: Sequence[str]) -> Iterator[InspectedFile]:
    """Give what each file of the inputs holds, whether it can be read or not. Raises DataError as `expand_inputs`."""
    return map(inspect_file, expand_inputs(inputs))


def inspect_file(
    path: Path, *, measure: Measure | None = None, config: DataConfig | None = None, required: Collection[str] = ()
) -> InspectedFile:
    """Return what a file holds, whether it can be read or not; `config`, `required`: see `stream_dialogues`."""
    try:
        return _inspect(path, measure, config or DataConfig(source=str(path)), required)
    except DataError as error:
        return InspectedFile(str(path), problem=str(error))


def _inspect(path: Path, measure: Measure | None, config: DataConfig, required: Collection[str]) -> InspectedFile:
    notes: list[str] = []
    measured: list[tuple[int, int]] = []
    content = open_conversations(path)
    formats: dict[str, None] = {}
    speakers: dict[str, None] = {}
    counts: dict[str, int] = {}
    num_conversations = num_turns = 0
    if content is None:
        formats[TABLE] = None
        for item in stream_dialogues(path, config, required=required, notes=notes):
            num_conversations, num_turns = num_conversations + 1, num_turns + sum(find_speakers(item.dialogue).values())
            measured += [measure(item.dialogue)] if measure else []
    else:
        for one in read_content(content, path, name=find_name(path), notes=notes):
            num_conversations, num_turns = num_conversations + 1, num_turns + len(one.turns)
            formats[one.format] = None
            speakers.update(dict.fromkeys(one.speakers))
            measured += [measure(one)] if measure else []
            for what, count in one.counts.items():
                counts[what] = counts.get(what, 0) + count
    about = (note.removeprefix(f"{path}: ").removeprefix(f"{path}{os.sep}") for note in notes)
    if content is None:
        about = (note.removeprefix(f"{path.name}: ") for note in about)
    return InspectedFile(
        str(path),
        ", ".join(formats),
        num_conversations,
        num_turns,
        tuple(speakers),
        sum(tokens for tokens, _ in measured) if measure else None,
        sum(parts for _, parts in measured) if measure else None,
        (*(f"{what}: {count:,}." for what, count in counts.items()), *about),
    )


def _list_folder(folder: Path, passed_over: dict[Path, list[str]]) -> list[Path]:
    archive = open_folder(folder)
    if find_transcript_format(archive) is not None:
        return [folder]
    names = list_files(archive, SUFFIXES | TABLES.keys())
    if sentences := describe_passed_over(archive, len(names)):
        passed_over[folder] = sentences
    return [folder / name for name in sorted((*names, *archive.unreadable))]


__all__ = ["TABLE", "InspectedFile", "Measure", "expand_inputs", "inspect_file", "inspect_inputs", "open_conversations"]
