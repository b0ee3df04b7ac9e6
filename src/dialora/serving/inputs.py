"""Text, turns or an uploaded file → conversations as they are read, by the same rules as `dialora summarize`."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dialora.config import DataConfig
from dialora.config.problems import show
from dialora.data.reading.formats import FORMATS, find_suffix
from dialora.data.reading.rows import read_text
from dialora.data.transcripts import Conversation, rename_speakers
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.inputs import TABLE
from dialora.data.transcripts.text import read_as_transcript
from dialora.errors import DataError
from dialora.serving.forms import GivenFile, SummaryRequest
from dialora.serving.refusals import Refusal
from dialora.serving.schema import MOST_INPUTS, TextInput, TurnsInput
from dialora.serving.unpacking import unpacks_beyond
from dialora.systems.items import TURNS, Item, read_file
from dialora.systems.kinds.system import System
from dialora.systems.summarizer import choose_content

TEXT = "text"
MOST_CHARACTERS = 2_000_000
"""Of all conversations of a request: some thirty hours of talk."""
MOST_NOTED = 10
_LONGEST_NAME = 80
_folders: set[str] = set()
"""Of uploads that are being read."""
_UNSAFE = re.compile(r"[^\w.() -]+")


@dataclass(frozen=True, slots=True)
class ReadContent:
    """A conversation, or a text that is none, as it was read."""

    id: str
    format: str
    content: Conversation | str
    text: str | None
    """As it was given, where it was a text."""
    notes: tuple[str, ...] = ()

    @property
    def turns(self) -> list[tuple[str | None, str]]:
        """Speakers and what they say; of a text that is no conversation, its lines."""
        if isinstance(self.content, Conversation):
            return [(turn.speaker, turn.text) for turn in self.content.turns]
        return [(None, line) for line in self.content.splitlines() if line.strip()]

    def build_item(self, number: int, style: str) -> Item:
        """Return what a system reads of it that calls speakers in `style`."""
        content = self.content
        if self.text is not None and isinstance(content, Conversation):
            content = choose_content(self.text, content, style)  # type: ignore[arg-type]
        return Item(number, self.id, "", content)


def read_contents(request: SummaryRequest, system: System, *, max_unpacked: int) -> list[ReadContent]:
    """Return the conversations of a request; `system` names the columns of tables. Takes time.

    A file that unpacks to more than `max_unpacked` bytes is not read.

    Raises Refusal, and DataError for what no conversation can be read of.
    """
    found: list[ReadContent] = []
    known: set[str | None] = set()
    num_characters = 0
    for number, given in enumerate(request.contents, start=1):
        if isinstance(given, GivenFile) and unpacks_beyond(given.data, max_unpacked):
            raise Refusal(
                413,
                f"The file unpacks to more than {max_unpacked:,} bytes; send it in parts (the server's --max-body).",
            )
        for one in _read(given, str(number), system.config.data):
            found.append(_rename(one, request.names))
            known |= {speaker for speaker, _ in one.turns} if request.names else set()
            num_characters += sum(len(text) for _, text in one.turns)
            if num_characters > MOST_CHARACTERS:
                raise Refusal(413, f"This holds more than {MOST_CHARACTERS:,} characters; send it in parts.")
            if len(found) > MOST_INPUTS:
                raise Refusal(413, f"This holds more than {MOST_INPUTS:,} conversations; send it in parts.")
    missing = [old for old in request.names if old not in known]
    if found and missing:
        notes = tuple(f"rename: nobody is called {show(old)}." for old in missing[:MOST_NOTED])
        found[0] = replace(found[0], notes=(*found[0].notes, *notes))
    return found


def _read(given: TextInput | TurnsInput | GivenFile, name: str, config: DataConfig) -> Iterator[ReadContent]:
    if isinstance(given, GivenFile):
        yield from _read_upload(given, config)
        return
    id = name if given.id is None else given.id
    if isinstance(given, TextInput):
        text = read_text(given.text, "text", "text")
        talk = read_as_transcript(text, name) if text.strip() else None
        if talk is None:
            yield ReadContent(id, TEXT, text if text.strip() else "", text)
        else:
            yield ReadContent(id, talk.format, talk, text, talk.notes)
        return
    draft = Draft(name)
    for turn in given.turns:
        draft.add(turn.speaker, turn.text)
    talk = draft.finish(TURNS, "turns", merges=False)
    yield ReadContent(id, TURNS, talk, None, talk.notes)


def _read_upload(given: GivenFile, config: DataConfig) -> Iterator[ReadContent]:
    """Read a file where only this process finds it, under its own name as far as that is one."""
    with _open_folder() as folder:
        path = Path(folder) / _choose_name(given.name)
        suffix = find_suffix(path)
        if suffix in FORMATS and not FORMATS[suffix].is_bounded:
            raise Refusal(415, f"A {suffix} file, which may be of any size unpacked, is not taken here; send Parquet.")
        path.write_bytes(given.data)
        notes: list[str] = []
        found: list[ReadContent] = []
        try:
            for id, content in read_file(path, config, notes=notes):
                is_talk = isinstance(content, Conversation)
                own = content.notes if isinstance(content, Conversation) else ()
                kind = content.format if isinstance(content, Conversation) else TABLE
                found.append(ReadContent(id, kind, content, None if is_talk else str(content), own))
                if len(found) > MOST_INPUTS:
                    break
        except DataError as error:
            raise Refusal(415, _without(folder, str(error)).split("\n")[0]) from None
    about = tuple(_without(folder, note).removeprefix(f"{path.name}: ") for note in notes)
    for at, one in enumerate(found):
        # What is to be said of the file is said once.
        yield one if at else replace(one, notes=(*one.notes, *about))


@contextmanager
def _open_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="dialora-", ignore_cleanup_errors=True) as folder:
        _folders.add(folder)
        try:
            yield folder
        finally:
            _folders.discard(folder)


def remove_uploads() -> None:
    """Remove what is being read of uploads: for a process that ends without another step."""
    for folder in list(_folders):
        shutil.rmtree(folder, ignore_errors=True)


def _choose_name(given: str) -> str:
    """Return a name for a file that was called so elsewhere; its suffix is what tables are told by."""
    plain = _UNSAFE.sub("_", given.replace("\\", "/").rpartition("/")[2]).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    short = f"{stem[: _LONGEST_NAME // 2]}{dot}{suffix[-_LONGEST_NAME // 2 :]}" if len(plain) > _LONGEST_NAME else plain
    return short.strip("-") or "upload"


def _without(folder: str, message: str) -> str:
    return message.replace(f"{folder}/", "").replace(folder, "upload")


def _rename(one: ReadContent, names: Mapping[str, str]) -> ReadContent:
    if not isinstance(one.content, Conversation):
        return one
    own = {old: new for old, new in names.items() if old in one.content.speakers}
    # As it was given, it has the old names.
    return replace(one, content=rename_speakers(one.content, own), text=None) if own else one


__all__ = ["MOST_CHARACTERS", "ReadContent", "read_contents", "remove_uploads"]
