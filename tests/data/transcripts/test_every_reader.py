"""What holds for every reader: its turns come back, whatever they say, and damage is one line, never a crash."""

from __future__ import annotations

import json
import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialora.data.transcripts import FORMATS, Conversation
from dialora.data.transcripts.content import Archive, Content, Json, Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.opening import parse_bytes
from dialora.data.transcripts.reading import read_content
from dialora.data.transcripts.recognition import find_transcript_format
from dialora.errors import DataError
from tests.data.transcripts.samples import TURNS, WRITERS, expect, list_places, write
from tests.data.transcripts.support import require_balance

ALL = sorted(WRITERS)
PATH = Path("talk")
EXAMPLES = settings(
    max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

# Words and signs that mean something in some format, and whatever else there is.
_SIGNS = [
    "a:",
    "：",
    "0:04",
    "<b>",
    "&amp;",
    "<v",
    "#x#",
    "[1]",
    "-->",
    "-",
    "12.3.21,",
    "\u200e",
    "{",
    '"',
    "\u202f",
    "é",
    "你好",
]
WORD = st.one_of(
    st.sampled_from(_SIGNS),
    st.text(string.ascii_letters, min_size=1, max_size=8),
    st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=5),
)
NAMES = ["Anna", "Bob Lee", "Мария", "王伟", "Zoë van Dijk"]
# What is said begins with a word: with a sign it may be another format's markup, which is read as such.
_REST = st.lists(st.sampled_from(["a:", "0:04", "x", "9", "é", "你好", "-", "(b)", "#1", "& c", "<3"]), max_size=6)
SAID = st.builds(lambda first, rest: " ".join(["so", first, *rest]), st.text(string.ascii_letters, min_size=1), _REST)
TURN_LISTS = st.lists(st.tuples(st.sampled_from(NAMES), SAID), min_size=2, max_size=7)


def read(data: bytes) -> list[Conversation]:
    return list(read_content(parse_bytes(data, PATH), PATH, name="talk", notes=[]))


def read_damaged(data: bytes) -> None:
    """Read what may be anything: conversations in balance, or one line that says what is wrong."""
    found, problem = try_to_read(parse_bytes, data)
    assert (not found) == bool(problem)
    assert "\n" not in problem
    for conversation in found:
        require_balance(conversation)
        assert conversation.turns


def try_to_read(open_file: Callable[[Any, Path], Content], data: Any) -> tuple[list[Conversation], str]:
    """The conversations, or the message that says why there are none."""
    try:
        return list(read_content(open_file(data, PATH), PATH, name="talk", notes=[])), ""
    except DataError as error:
        return [], str(error)


def test_every_format_has_a_sample() -> None:
    assert set(FORMATS) == set(WRITERS)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_format_is_recognised_by_what_it_holds(name: str, encoding: str) -> None:
    data = write(name)
    if not data.startswith(b"PK"):
        data = data.decode().replace("\n", "\r\n").encode(encoding)
    (conversation,) = read(data)
    assert conversation.format == name
    assert Conversation.from_json(json.loads(json.dumps(conversation.to_json()))) == conversation
    assert [(turn.speaker, turn.text) for turn in conversation.turns] == expect(name, TURNS, merges=False)


@pytest.mark.parametrize("name", ALL)
def test_no_other_format_of_its_kind_is_as_sure(name: str) -> None:
    content = parse_bytes(write(name), PATH)
    sureness = {one.name: one.recognise(content) for one in FORMATS.values() if isinstance(content, one.content)}
    others = [other for other, own in sureness.items() if other != name and own >= sureness[name]]
    assert others == []
    chosen = find_transcript_format(content)
    assert chosen is not None
    assert chosen.name == name


@pytest.mark.parametrize("name", ALL)
def test_what_is_said_comes_back(name: str) -> None:
    @EXAMPLES
    @given(TURN_LISTS)
    def check(turns: list[tuple[str, str]]) -> None:
        (conversation,) = read(write(name, turns))
        require_balance(conversation)
        found = [(turn.speaker, turn.text) for turn in conversation.turns]
        by_words = name in ("Deepgram", "Amazon Transcribe")  # which have no turns but runs of words
        assert found == expect(name, turns, merges=FORMATS[name].merges or by_words)

    check()


@pytest.mark.parametrize("name", ALL)
def test_a_damaged_file_is_read_or_refused_in_one_line(name: str) -> None:
    whole = write(name)

    @EXAMPLES
    @given(st.lists(st.tuples(st.integers(0, len(whole)), st.integers(0, 40), st.binary(max_size=12)), max_size=4))
    def check(changes: list[tuple[int, int, bytes]]) -> None:
        data = whole
        for at, size, other in changes:
            data = data[:at] + other + data[at + size :]
        read_damaged(data)

    check()


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "text",
                    "speaker",
                    "words",
                    "segments",
                    "role",
                    "content",
                    "from",
                    "value",
                    "turns",
                    "results",
                ]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
ARCHIVED = ["users.json", "a/2024-01-01.json", "a.txt", "b.zip"]


@pytest.mark.parametrize("name", [name for name in ALL if FORMATS[name].content is Json])
def test_a_part_of_another_kind_is_read_or_refused_in_one_line(name: str) -> None:
    """Some value of the document is any other value."""
    whole = json.loads(write(name))
    places = list(list_places(whole))

    @EXAMPLES
    @given(st.sampled_from(places), VALUES)
    def check(place: list[Any], value: Any) -> None:
        changed = json.loads(json.dumps(whole))
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        read_damaged(json.dumps(changed).encode())

    check()


@pytest.mark.parametrize("name", [name for name in ALL if FORMATS[name].content is Text])
def test_any_lines_are_read_or_refused_in_one_line(name: str) -> None:
    """Lines of the format stand among lines of anything."""
    own = (write(name).decode() if not name.endswith("DOCX") else "00:00:00\nAnna: x\nBob   0:04").split("\n")

    @EXAMPLES
    @given(st.lists(st.one_of(st.sampled_from(own), st.lists(WORD, max_size=6).map(" ".join)), min_size=1, max_size=12))
    def check(lines: list[str]) -> None:
        read_damaged("\n".join(lines).encode())
        content = Text([[line] for line in lines])
        for draft in FORMATS[name].read(content, "talk"):
            require_balance(draft.finish(name, "talk", merges=FORMATS[name].merges))

    check()


@EXAMPLES
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_one_line(data: bytes) -> None:
    read_damaged(data)


@EXAMPLES
@given(VALUES)
def test_any_json_is_read_or_refused_in_one_line(value: Any) -> None:
    read_damaged(json.dumps(value).encode())


@EXAMPLES
@given(st.dictionaries(st.sampled_from(ARCHIVED), st.one_of(VALUES.map(json.dumps), st.text()), min_size=1))
def test_any_archive_is_read_or_refused_in_one_line(files: dict[str, str]) -> None:
    def read_file(name: str) -> bytes:
        return files[name].encode("utf-8", "replace")

    archive = Archive(sorted(files), read_file, lambda name: parse_bytes(read_file(name), PATH / name))
    found, problem = try_to_read(lambda given, _: given, archive)
    assert "\n" not in problem
    for conversation in found:
        require_balance(conversation)


def test_merging_takes_time_that_grows_with_the_length() -> None:
    """A turn of many pieces is joined once, not anew for each."""

    def measure(num_pieces: int) -> float:
        draft = Draft("talk")
        for _ in range(num_pieces):
            draft.add("Anna", "é" * 200)
        start = time.process_time()
        (turn,) = draft.finish("x", "talk", merges=True).turns
        assert len(turn.text) == 201 * num_pieces - 1
        return time.process_time() - start

    assert measure(16_000) < 12 * measure(4_000) + 0.1


HEADS = {
    "WhatsApp": "03.08.21, 12:30 - Anna: hi ",
    "Teams VTT": "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Anna>",
    "SRT": "1\n00:00:01,000 --> 00:00:02,000\nAnna: ",
    "Otter TXT": "Anna  0:04\n",
    "Text with times and names": "[0:04] Anna: ",
    "SAMSum-like text": "Anna: ",
}


@pytest.mark.parametrize(
    "run", [" ", "\t", "\u202f", "\u200e", "<v ", "<", "Anna: hi ", "0:04 ", "#a# ", "**", "| ", "[("]
)
@pytest.mark.parametrize("name", HEADS)
def test_a_long_run_of_anything_takes_no_longer_than_its_length(name: str, run: str) -> None:
    data = f"{HEADS[name]}{run * (60_000 // len(run))}\nend".encode()
    start = time.process_time()
    read_damaged(data)
    assert time.process_time() - start < 3
