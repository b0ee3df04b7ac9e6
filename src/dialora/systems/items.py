"""What is to be summarized, one after the other: the conversations of files, rows of tables, texts and turns.

An item is a conversation of turns, or a text that is taken as it stands.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.config import DataConfig
from dialora.data.reading.files import reading_explained
from dialora.data.reading.rows import read_text
from dialora.data.reading.tables import stream_dialogues
from dialora.data.reading.text import normalise_name
from dialora.data.reading.turn_lists import SPEAKER_KEYS, TEXT_KEYS
from dialora.data.transcripts import Conversation, Turn, rename_speakers
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.inputs import expand_inputs, open_conversations
from dialora.data.transcripts.opening import STANDARD_INPUT
from dialora.data.transcripts.reading import find_name, read_content
from dialora.errors import ConfigError, DataError
from dialora.records import Record
from dialora.systems.beside import list_own_files
from dialora.systems.spooling import SPOOLED, named, spool

MOST_CHARACTERS = 2_000_000
"""Of the conversations that are batched together; about a thousand parts of what a system reads at a time."""
TURNS = "turns"
"""The format of a conversation that was given as turns."""


@dataclass(frozen=True, slots=True)
class Item(Record):
    """One conversation or text."""

    number: int
    """Counted from 1, over all inputs."""
    id: str
    source: str
    """The file it is from, as it was named; "" for what was given in Python."""
    content: Conversation | str

    @property
    def size(self) -> int:
        """Its characters."""
        return len(self.content) if isinstance(self.content, str) else sum(len(one.text) for one in self.content.turns)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that were named, to be read as often as is needed."""

    paths: tuple[Path, ...]
    names: Mapping[str, str]
    """New names of speakers, by what the files call them."""
    passed_over: Mapping[Path, Sequence[str]]
    """For each folder, sentences on what is in it and no input."""
    left_out: frozenset[str] = frozenset()
    """Real paths of what is no input wherever it lies: the output, and what is beside it."""
    spooled: Path | None = None
    """The file that standard input is kept in."""

    def name(self, path: Path) -> str:
        """Return what a file is called in messages and outputs."""
        return SPOOLED if path == self.spooled else str(path)

    def stream(self, config: DataConfig, *, required: Collection[str] = (), notes: list[str]) -> Iterator[Item]:
        """Give every conversation and row, in the order of the files. Raises DataError.

        `config` may name columns of tables, which have to be there where `required` has their option. Behind the last
        item, `notes` has what became of what was read.
        """
        renamed, counts = set[str](), dict[str, int]()
        rows = ((path, *row) for path in self.paths for row in self._read(path, config, required, notes))
        for number, (path, id, content) in enumerate(rows, start=1):
            if isinstance(content, Conversation):
                for what, count in content.counts.items():
                    counts[what] = counts.get(what, 0) + count
                renamed |= self.names.keys() & set(content.speakers)
                content = self.rename(content)
            yield Item(number, id, self.name(path), content)
        self.require_renamed(renamed)
        notes.extend(f"{what}: {count:,}." for what, count in counts.items())
        notes.extend(f"{folder}: {sentence}" for folder, told in self.passed_over.items() for sentence in told)

    def rename(self, conversation: Conversation) -> Conversation:
        """Return a conversation with the new names of those who speak in it."""
        own = {old: self.names[old] for old in conversation.speakers if old in self.names}
        return rename_speakers(conversation, own) if own else conversation

    def require_renamed(self, speakers: Collection[str]) -> None:
        """Raise DataError where somebody is to be renamed who is not among all speakers."""
        for old, new in self.names.items():
            if old not in speakers:
                raise DataError(f"--rename {old}={new}: nobody is called {old!r}; --dry-run lists the speakers.")

    def _read(
        self, path: Path, config: DataConfig, required: Collection[str], notes: list[str]
    ) -> Iterator[tuple[str, Conversation | str]]:
        own: list[str] = []
        with named(path, self.name(path)):
            yield from read_file(path, config, required=required, notes=own)
        notes.extend(note.replace(str(path), self.name(path)) for note in own)

    def fingerprint(self) -> str:
        """Return the SHA-256 of what the files are called in outputs, and of their bytes."""
        digest = hashlib.sha256()
        for path in self.paths:
            name = self.name(path)
            for file, inside in self._list_files(path):
                with reading_explained(file), file.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
                digest.update(os.fsencode(f"{name}\n{inside}\n{content}\n"))
        return digest.hexdigest()

    def _list_files(self, path: Path) -> Iterator[tuple[Path, str]]:
        """Give the files of an input with their place in it: one, or those of a folder that is read as one input."""
        if not path.is_dir():
            yield path, ""
            return
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path)
            is_hidden = any(part.startswith(".") for part in inside.parts)
            if file.is_file() and not is_hidden and os.path.realpath(file) not in self.left_out:
                yield file, inside.as_posix()


def read_file(
    path: Path, config: DataConfig, *, required: Collection[str] = (), notes: list[str]
) -> Iterator[tuple[str, Conversation | str]]:
    """Give the id and content of each conversation or row of a file; see `Inputs.stream`. Raises DataError."""
    content = open_conversations(path)
    if content is None:
        for row in stream_dialogues(path, config, required=required, notes=notes):
            yield row.id, row.dialogue
    else:
        for conversation in read_content(content, path, name=find_name(path), notes=notes):
            yield conversation.name, conversation


@contextmanager
def open_inputs(
    inputs: Sequence[str | Path], *, names: Mapping[str, str] | None = None, output: Path | None = None
) -> Iterator[Inputs]:
    """Find the files that are named; what comes on standard input (`-`) is kept in a file meanwhile.

    An `output` that lies in a folder of inputs is none of them, nor is what lies beside it. Raises DataError where a
    name is of none, and ConfigError where the output is an input.
    """
    passed_over: dict[Path, list[str]] = {}
    left_out = frozenset[str]() if output is None else list_own_files(output)
    given = [str(one) for one in inputs]
    found = expand_inputs(given, passed_over=passed_over)
    if output is not None and os.path.realpath(output) in map(os.path.realpath, set(given)) and output.is_file():
        raise ConfigError(f"--output {output}: is an input too; give another name.")
    paths = [path for path in found if os.path.realpath(path) not in left_out]
    if not paths:
        raise DataError(f"{' '.join(given)}: names no file to summarize; give conversations or a table of dialogues.")
    with tempfile.TemporaryDirectory(prefix="dialora-") as folder:
        spooled = None
        if STANDARD_INPUT in paths:
            spooled = spool(Path(folder))
            paths = [spooled if path == STANDARD_INPUT else path for path in paths]
        yield Inputs(tuple(paths), names or {}, passed_over, left_out, spooled)


def take(items: Iterator[Item], most: int) -> list[Item]:
    """Return the next items, at most so many, and fewer where they are long: memory holds no more at a time."""
    some: list[Item] = []
    size = 0
    while len(some) < most and size < MOST_CHARACTERS and (item := next(items, None)) is not None:
        some.append(item)
        size += item.size
    return some


def build_item(value: Any, number: int) -> Item:
    """Return what was given in Python as an item: a text, a Conversation, or a list of turns. Raises DataError.

    A turn is a Turn, a pair of speaker and text, or an object with both under a usual name; a speaker may be a number.
    """
    name = str(number)
    if isinstance(value, Item):
        return value
    if isinstance(value, Conversation):
        return Item(number, value.name or name, "", value)
    if isinstance(value, str):
        return Item(number, name, "", read_text(value, f"dialogue {number}", "text"))
    if isinstance(value, Sequence) and is_turns(value):
        return Item(number, name, "", _build_conversation(value, name))
    raise DataError(f"dialogue {number}: is {type(value).__name__}; give a text, a Path or a list of turns.")


def is_turns(values: Sequence[Any]) -> bool:
    """Whether a list is of the turns of one conversation, and not of several."""
    return bool(values) and all(isinstance(one, Turn | Mapping) or _is_pair(one) for one in values)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _build_conversation(turns: Iterable[Any], name: str) -> Conversation:
    draft = Draft(name)
    for at, turn in enumerate(turns, start=1):
        if isinstance(turn, Turn):
            speaker, text = turn.speaker, turn.text
        elif isinstance(turn, Mapping):
            speaker, text = (_find(turn, keys, f"dialogue {name}: turn {at}") for keys in (SPEAKER_KEYS, TEXT_KEYS))
        else:
            speaker, text = turn
        draft.add(speaker, text)
    if draft.is_empty or not draft.has_speakers:
        raise DataError(f"dialogue {name}: nobody says anything; a turn has a speaker and a text.")
    return draft.finish(TURNS, f"dialogue {name}", merges=False)


def _find(turn: Mapping[str, Any], keys: Sequence[str], where: str) -> str:
    known = {normalise_name(str(key)): value for key, value in turn.items()}
    key = next((key for key in keys if key in known), None)
    if key is None:
        raise DataError(f"{where}: has no {keys[0]}; its keys are {', '.join(map(str, turn))}; recognised: "
                        f"{', '.join(keys)}.")  # fmt: skip
    found = known[key]
    if keys is SPEAKER_KEYS and isinstance(found, int) and not isinstance(found, bool):
        return f"Speaker {found}"  # as recognisers number them
    if not isinstance(found, str):
        raise DataError(f"{where}: its {key} is {type(found).__name__}; give a text.")
    return found


__all__ = ["TURNS", "Inputs", "Item", "build_item", "is_turns", "open_inputs", "read_file", "take"]
