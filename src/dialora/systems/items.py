"""What is to be summarized, one after the other: the conversations of files, rows of tables, texts and turns.

An item is a conversation of turns, or a text that is taken as it stands.
"""

from __future__ import annotations

import hashlib
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
from dialora.data.transcripts.content import MAX_BYTES
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.inputs import expand_inputs, open_conversations
from dialora.data.transcripts.opening import STANDARD_INPUT, read_standard_input
from dialora.data.transcripts.reading import find_name, read_content
from dialora.errors import DataError
from dialora.records import Record

SPOOLED = "standard input"
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


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that were named, to be read as often as is needed."""

    paths: tuple[Path, ...]
    names: Mapping[str, str]
    """New names of speakers, by what the files call them."""
    passed_over: Mapping[Path, Sequence[str]]
    """For each folder, sentences on what is in it and no input."""

    def stream(self, config: DataConfig, *, required: Collection[str] = (), notes: list[str]) -> Iterator[Item]:
        """Give every conversation and row, in the order of the files. Raises DataError.

        `config` may name columns of tables, which have to be there where `required` has their option. Behind the last
        item, `notes` has what became of what was read.
        """
        renamed, counts = set[str](), dict[str, int]()
        rows = ((path, *row) for path in self.paths for row in read_file(path, config, required=required, notes=notes))
        for number, (path, id, content) in enumerate(rows, start=1):
            if isinstance(content, Conversation):
                for what, count in content.counts.items():
                    counts[what] = counts.get(what, 0) + count
                own = {old: new for old, new in self.names.items() if old in content.speakers}
                renamed |= own.keys()
                content = rename_speakers(content, own) if own else content
            yield Item(number, id, SPOOLED if path.name == SPOOLED else str(path), content)
        if missing := [name for name in self.names if name not in renamed]:
            raise DataError(f"--rename {missing[0]}={self.names[missing[0]]}: nobody is called {missing[0]!r}; "
                            f"--dry-run lists the speakers.")  # fmt: skip
        notes.extend(f"{what}: {count:,}." for what, count in counts.items())
        notes.extend(f"{folder}: {sentence}" for folder, told in self.passed_over.items() for sentence in told)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the files' names and bytes."""
        digest = hashlib.sha256()
        for path in self.paths:
            for file in sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]:
                with reading_explained(file), file.open("rb") as stream:
                    digest.update(f"{file.name}\n{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
        return digest.hexdigest()


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
def open_inputs(inputs: Sequence[str | Path], *, names: Mapping[str, str] | None = None) -> Iterator[Inputs]:
    """Find the files that are named; what comes on standard input (`-`) is kept in a file meanwhile.

    Raises DataError where a name is of none.
    """
    passed_over: dict[Path, list[str]] = {}
    paths = expand_inputs([str(one) for one in inputs], passed_over=passed_over)
    with tempfile.TemporaryDirectory(prefix="dialora-") as folder:
        if STANDARD_INPUT in paths:
            spooled = Path(folder) / SPOOLED
            _spool(spooled)
            paths = [spooled if path == STANDARD_INPUT else path for path in paths]
        yield Inputs(tuple(paths), names or {}, passed_over)


def _spool(file: Path) -> None:
    data = read_standard_input()
    if len(data) > MAX_BYTES:
        raise DataError(f"{SPOOLED}: holds more than {MAX_BYTES >> 20} MB, which is no conversation; give a file.")
    file.write_bytes(data)


def build_item(value: Any, number: int) -> Item:
    """Return what was given in Python as an item: a text, a Conversation, or a list of turns. Raises DataError.

    A turn is a Turn, a pair of speaker and text, or an object with both under a usual name.
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
    found = next((known[key] for key in keys if key in known), None)
    if not isinstance(found, str):
        raise DataError(f"{where}: has no {keys[0]}; its keys are {', '.join(map(str, turn))}; recognised: "
                        f"{', '.join(keys)}.")  # fmt: skip
    return found


__all__ = ["TURNS", "Inputs", "Item", "build_item", "is_turns", "open_inputs", "read_file"]
