"""Every word of a file is in a turn, or in a line that is counted as left out; balanced counts do not show that."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialora.data.transcripts import FORMATS, Conversation
from dialora.data.transcripts.content import Json, Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.opening import parse_bytes
from dialora.data.transcripts.reading import read_content
from dialora.errors import DialoraError
from tests.data.transcripts.samples import WRITERS, list_places, write
from tests.data.transcripts.support import build_document, read_one, show

PATH = Path("talk")
EXAMPLES = settings(
    max_examples=300, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
NOISE = ["", " ", "{}", "{}: {}", "{} {} {}", "42", "NOTE {}", "- {}", "<b>{}</b> {}", "{}\t{}", "{} {}: {}"]
"""Lines of anything, in which {} is a word that stands nowhere else."""
CUES = ["00:00:01.000 --> 00:00:02.000", "00:01.000 --> 00:02.000 align:start", "00:03,000 --> 00:04,000 {}", "1", "2"]
LINES = {
    "WhatsApp": ["03.08.21, 12:30 - {}: {}", "[1/4/23, 7:02:11 PM] {}: {} {}", "03.08.21, 12:31 - {} {}", "Anna: {}"],
    "Zoom VTT": ["WEBVTT", "WEBVTT {}", "Anna: {}", "{}: {}", *CUES],
    "Teams VTT": ["WEBVTT", "<v Anna>{}</v>", "<v {}>{}", "<v.loud Bob>{}</v> {} <v Anna>{}", *CUES],
    "WebVTT": ["WEBVTT", "STYLE", "REGION", "Kind: {}", "Anna:", ">> {}: {}", "<c.x>{}</c>", "<v {}>{}</v>", *CUES],
    "SRT": ["Anna: {}", "Bob:", "[{}]: {}", "(speaker 1) {}", "{{\\an8}}{}", *CUES],
    "Otter TXT": ["Anna  0:04", "{}  1:00:03", "Bob | 0:09", "{} (0:10):", "0:11", "Transcribed by https://otter.ai"],
    "Teams DOCX": ["Anna   0:04", "{} {}   0:09", "0:0:0.0 --> 0:0:4.490", "0:0:0.0 --> 0:0:4.490 {}",
        "{} started transcription"],
    "Meet DOCX": ["00:00:00", "Anna: {}", "00:05:00", "Transcription ended after 00:26:31"],
    "Text with times and names": ["[0:04] Anna: {}", "[0:05] {}", "{} (0:07) {}", "00:00:07 - {}: {}"],
    "SAMSum-like text": ["Anna: {}", "**Bob:** {}", "[{}]: {}", "（{}）：{}"],
    "DialogSum-like text": ["#Person1#: {}", "#Person2#:{}", "#{}#: {}"],
}  # fmt: skip


def name_words() -> Iterator[str]:
    """Words of letters alone, as names are, each of which begins none of the others."""
    for letters in itertools.product("bcdfg", repeat=4):
        yield f"Q{''.join(letters)}z"


@contextmanager
def leaving_out() -> Iterator[list[str]]:
    """Collect what is left out and counted."""
    found: list[str] = []
    original: Callable[..., None] = Draft.leave_out

    def leave_out(draft: Draft, reason: str, sample: str = "", count: int = 1) -> None:
        found.append(sample)
        original(draft, reason, sample, count)

    with mock.patch.object(Draft, "leave_out", leave_out):
        yield found


def require_words(
    words: Sequence[str], read: Callable[[], Sequence[Conversation]], *, most_in_a_record: int = 0
) -> None:
    """What is read holds every word, or is refused in one line.

    Of a record that is counted as left out, with not more than so many words, what it holds is not known.
    """
    problem = ""
    with leaving_out() as left_out:
        try:
            found = read()
        except DialoraError as error:
            problem, found = str(error), []
    assert "\n" not in problem
    texts = [text for one in found for turn in one.turns for text in (turn.speaker, turn.text)]
    kept = "\n".join((*texts, *left_out, *(one.name for one in found)))
    lost = [word for word in words if word not in kept]
    counts = [count for one in found for what, count in one.counts.items() if "left out" in what]
    assert problem or len(lost) <= most_in_a_record * sum(counts), lost


def fill(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Lines with words in their places, and the words."""
    words, names = [], name_words()
    filled = []
    for line in lines:
        own = list(itertools.islice(names, line.replace("{{", "").count("{}")))
        filled.append(line.format(*own))
        words += own
    return filled, words


def test_every_format_of_text_has_lines() -> None:
    assert set(LINES) == {name for name in WRITERS if FORMATS[name].content is Text}


@pytest.mark.parametrize("name", LINES)
def test_no_word_of_a_text_is_lost(name: str) -> None:
    @EXAMPLES
    @given(st.lists(st.sampled_from(LINES[name] * 2 + NOISE), min_size=1, max_size=14))
    def check(lines: list[str]) -> None:
        filled, words = fill(lines)
        is_document = name.endswith("DOCX")
        paragraphs = [line.split("\n") for line in filled]
        content = Text(paragraphs, is_document=is_document)
        require_words(
            words,
            lambda: [
                draft.finish(name, "talk", merges=FORMATS[name].merges) for draft in FORMATS[name].read(content, "talk")
            ],
        )

    check()


@pytest.mark.parametrize("name", LINES)
def test_no_word_of_a_file_is_lost_whatever_it_is_taken_for(name: str) -> None:
    @EXAMPLES
    @given(st.lists(st.sampled_from([*LINES[name], *NOISE, *itertools.chain(*LINES.values())]), min_size=1, max_size=9))
    def check(lines: list[str]) -> None:
        first = [line for line in LINES[name][:1] if "VTT" in name]
        filled, words = fill([*first, *lines])
        data = build_document(*filled) if name.endswith("DOCX") else "\n".join(filled).encode()
        require_words(words, lambda: list(read_content(parse_bytes(data, PATH), PATH, name="talk", notes=[])))

    check()


KINDS: list[Callable[[Any], Any]] = [
    lambda value: [value],
    lambda value: {"text": value},
    lambda value: {"other": value},
    lambda value: [[value], value],
    lambda value: [value, {"text": value}, 5, None],
    lambda value: str(value),
    lambda value: None,
    lambda value: True,
    lambda value: 7,
    lambda value: [*value, "lost"] if isinstance(value, list) else value,
    lambda value: {"extra": "x", **value} if isinstance(value, dict) else value,
]
"""What a value may be instead."""


@pytest.mark.parametrize("name", [name for name in WRITERS if FORMATS[name].content is Json])
def test_no_word_of_a_document_is_lost_whatever_kind_its_values_are_of(name: str) -> None:
    names = name_words()
    said = [next(names) for _ in range(6)]
    turns = [(("Anna", "Bob")[at % 2], f"{a} {b}") for at, (a, b) in enumerate(itertools.pairwise(said))]
    whole = json.loads(write(name, turns))
    places = list(list_places(whole))

    @EXAMPLES
    @given(st.lists(st.tuples(st.sampled_from(places), st.sampled_from(KINDS)), min_size=1, max_size=2))
    def check(changes: list[tuple[list[Any], Callable[[Any], Any]]]) -> None:
        changed = json.loads(json.dumps(whole))
        for place, change in changes:
            inner = changed
            try:
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = change(inner[place[-1]])
            except (LookupError, TypeError):  # what the first change has taken away
                continue
        data = json.dumps(changed)
        require_words(
            [word for word in said if word in data],
            lambda: list(read_content(parse_bytes(data.encode(), PATH), PATH, name="talk", notes=[])),
            most_in_a_record=2,
        )

    check()


VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nAnna: how many?\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\nAnna: how many?\n"


@pytest.mark.parametrize(
    ("text", "turns", "left_out"),
    [
        pytest.param(
            f"{VTT}42\n00:03.000 --> 00:04.000\nBob: ok\n", ["Anna: how many? 42", "Bob: ok"], {}, id="number"
        ),
        pytest.param(
            f"{SRT}1984\n00:00:03,000 --> 00:00:04,000\nBob: ok\n",
            ["Anna: how many? 1984", "Bob: ok"],
            {},
            id="number that counts no cue",
        ),
        pytest.param(
            f"{VTT}\nYes\n00:03.000 --> 00:04.000\nBob: ok\n", ["Anna: how many? Yes", "Bob: ok"], {}, id="a lone word"
        ),
        pytest.param(
            f"{SRT}\nYes\n00:00:03,000 --> 00:00:04,000\nBob: ok\n",
            ["Anna: how many? Yes", "Bob: ok"],
            {},
            id="a lone word in SRT",
        ),
        pytest.param(
            f"so it begins\n{SRT[2:]}", ["Anna: how many?"], {"lines outside of cues": 1}, id="above the first"
        ),
        pytest.param(
            f"{SRT}\nNOTE that this is said\nand this\n\n2\n00:00:03,000 --> 00:00:04,000\nBob: ok\n",
            ["Anna: how many? NOTE that this is said and this", "Bob: ok"],
            {},
            id="SRT has no comments",
        ),
        pytest.param(
            f"{VTT}\nNOTE\nAnna: a comment\n\n00:03.000 --> 00:04.000\nBob: ok\n",
            ["Anna: how many?", "Bob: ok"],
            {"comments and styles": 2},
            id="comments",
        ),
        pytest.param(
            f"{VTT}\nSTYLE is all\n\n00:03.000 --> 00:04.000\nBob: ok\n",
            ["Anna: how many? STYLE is all", "Bob: ok"],
            {},
            id="a word that begins no block",
        ),
        pytest.param(
            VTT.replace("WEBVTT\n", "WEBVTT - Talk\nAnna: hello\n"),
            ["Anna: how many?"],
            {"lines of the header": 2},
            id="below the signature",
        ),
        pytest.param(
            "WEBVTT\n\none\n00:01.000 --> 00:02.000\nAnna: a\n\ntwo\n00:03.000 --> 00:04.000\nBob: b\n",
            ["Anna: a", "Bob: b"],
            {"identifiers of cues": 2},
            id="words for identifiers",
        ),
        pytest.param("WEBVTT\n\n00:01.000 --> 00:02.000 line:0 Anna: a\n", ["Anna: a"], {}, id="text beside the times"),
        pytest.param(
            "1\n00:00:01,000 --> 00:00:02,000\nAnna: a\n3\n00:00:03,000 --> 00:00:04,000\nBob: b\n\n5\n"
            "00:00:05,000 --> 00:00:06,000\nBob: c\n",
            ["Anna: a 3", "Bob: b c"],
            {"identifiers of cues": 1},
            id="cues cut out",
        ),
    ],
)
def test_captions_lose_no_word(text: str, turns: list[str], left_out: dict[str, int]) -> None:
    conversation = read_one(text)
    assert show(conversation) == turns
    assert conversation.left_out == left_out
