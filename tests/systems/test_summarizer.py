"""`dialora.load(system)`: whatever a caller has is summarized, one or many, in order and in batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest

import dialora
from dialora.data.transcripts import Turn
from dialora.errors import DataError
from dialora.systems import System
from dialora.systems.summarizer import CHUNK
from tests.data.transcripts.samples import WRITERS
from tests.data.transcripts.samples import write as write_sample
from tests.systems.support import Scripted

TURNS = [("Anna", "Is it late?"), ("Bob", "It is nine.")]
READ = "#Person1#: Is it late? #Person2#: It is nine."
"""What the tiny system reads of them, whose tokenizer makes a line break a space."""


@pytest.fixture
def engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    tokenizer = dialora.load(root, method="lora").system.tokenizer
    engine = Scripted(tokenizer, lambda text: re.sub(r".*conversation\. (.*) Summary.*", r"\1", text))
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: engine)
    return engine


@pytest.fixture
def loaded(root: Path, engine: Scripted) -> Any:
    return dialora.load(root, method="lora")


@pytest.mark.parametrize(
    "content",
    [
        "Anna: Is it late?\nBob: It is nine.",
        TURNS,
        [Turn(*turn) for turn in TURNS],
        [{"speaker": speaker, "text": text} for speaker, text in TURNS],
        [{"role": speaker, "content": text} for speaker, text in TURNS],
        '{"messages": [{"role": "Anna", "content": "Is it late?"}, {"role": "Bob", "content": "It is nine."}]}',
        "WEBVTT\n\n00:01.000 --> 00:02.000\nAnna: Is it late?\n\n00:02.000 --> 00:03.000\nBob: It is nine.\n",
    ],
    ids=["text", "pairs", "turns", "objects", "messages", "json", "captions"],
)
def test_one_conversation_is_read_as_the_system_was_trained_and_names_come_back(
    loaded: Any, engine: Scripted, content: Any
) -> None:
    made = loaded.summarize(content)
    assert READ in engine.read[0]
    assert made.text == str(made) == "Anna: Is it late? Bob: It is nine."
    assert (made.finish_reason, made.num_parts, made.truncated, made.unsupported_names) == ("stop", 1, False, ())


def test_a_text_that_is_no_conversation_stays_as_it_stands(loaded: Any, engine: Scripted) -> None:
    text = "The garden was quiet. Nobody had been there: not since March."
    assert loaded.summarize(text).text == text
    assert text in engine.read[0]


def test_a_text_that_the_system_knows_as_it_is_stays_as_it_is(loaded: Any, engine: Scripted) -> None:
    # The second person speaks first, as nobody does who is numbered anew.
    loaded.summarize("#Person2#: Is it late?\n#Person1#: It is nine.")
    assert "#Person2#: Is it late? #Person1#: It is nine." in engine.read[0]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_is_its_file(loaded: Any, tmp_path: Path, as_text: bool) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Anna: Is it late?\nBob: It is nine.\n")
    made = loaded.summarize(str(path) if as_text else path)
    assert (made.text, made.id, made.source) == ("Anna: Is it late? Bob: It is nine.", "talk", str(path))
    (tmp_path / "other.txt").write_text("Carl: Hello.\nDora: Hi.\n")
    both = loaded.summarize(tmp_path)
    assert [one.id for one in both] == ["other", "talk"]


def test_many_come_back_in_their_order(loaded: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Anna: Is it late?\nBob: It is nine.\n")
    contents = [path, TURNS, "Carl: One.\nDora: Two.", "", *(f"Emil: {n}.\nFinn: Yes." for n in range(5))]
    made = loaded.summarize(contents)
    assert [one.id for one in made] == ["talk", *map(str, range(2, 10))]
    assert made[2].text == "Carl: One. Dora: Two."
    assert (made[3].text, made[3].finish_reason, made[3].num_parts) == ("", "empty", 0)
    assert [one.text for one in made[4:]] == [f"Emil: {n}. Finn: Yes." for n in range(5)]
    assert made == list(loaded.stream(contents))
    assert loaded.summarize([]) == []


def test_a_stream_asks_for_no_more_than_a_batch_ahead(loaded: Any) -> None:
    asked = 0

    def talks() -> Iterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield f"Anna: Number {asked}.\nBob: Yes."

    stream = loaded.stream(talks())
    for number in range(1, CHUNK + 2):
        assert next(stream).text == f"Anna: Number {number}. Bob: Yes."
        assert asked <= CHUNK * (1 + (number > CHUNK))


def test_of_long_ones_fewer_are_held_at_a_time(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialora.systems.items.MOST_CHARACTERS", 5_000)
    asked = 0

    def talks() -> Iterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield "\n".join(f"{'AB'[n % 2]}nna: Number {asked}, remark {n}." for n in range(50))

    stream = loaded.stream(talks())
    for number in range(1, 11):
        assert f"Number {number}, remark 49." in next(stream).text
        assert asked <= number + 5


def test_a_stream_of_one_thing_is_its_summary(loaded: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Anna: Is it late?\nBob: It is nine.\n")
    for content in ("Anna: Is it late?\nBob: It is nine.", TURNS, path, str(path)):
        assert [one.text for one in loaded.stream(content)] == ["Anna: Is it late? Bob: It is nine."]


def test_speakers_may_be_numbers(loaded: Any) -> None:
    made = loaded.summarize([{"speaker": number, "text": "Hi."} for number in range(2)])
    assert made.text == "Speaker 0: Hi. Speaker 1: Hi."


def test_the_engine_is_opened_once(root: Path, engine: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = 0

    def open_engine(self: Any, sources: Any, on_warning: Any) -> Scripted:
        nonlocal opened
        opened += 1
        return engine

    monkeypatch.setattr(System, "open_engine", open_engine)
    loaded = dialora.load(root, method="lora")
    assert opened == 0
    for _ in range(3):
        loaded.summarize(TURNS)
    assert opened == 1


def test_the_exact_text_that_goes_in_is_shown(loaded: Any) -> None:
    (shown,) = loaded.show_input(TURNS)
    assert shown == loaded.system.config.prompt.format(dialogue="#Person1#: Is it late?\n#Person2#: It is nine.")
    long = [("Anna", f"This is remark number {n}.") for n in range(60)]
    parts = loaded.show_input(long)
    assert len(parts) > 3
    assert all(part.startswith("Summarize the following conversation.\n\n#Person1#: This is") for part in parts)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (7, "got int; give a text, turns, a path, or several of them"),
        ([7], "dialogue 1: is int; give a text, a Path or a list of turns"),
        (["Anna: hi\nBob: yo", None], "dialogue 2: is NoneType"),
        ([{"speaker": "Anna"}], "dialogue 1: turn 1: has no text; its keys are speaker"),
        ([{"text": "hi"}], "dialogue 1: turn 1: has no speaker; its keys are text"),
        ([("Anna", ""), ("Bob", " ")], "dialogue 1: nobody says anything"),
        ([{"speaker": "Anna", "text": None}], "dialogue 1: turn 1: its text is NoneType; give a text"),
        ([{"speaker": True, "text": "hi"}], "dialogue 1: turn 1: its speaker is bool; give a text"),
        ({"speaker": "Anna", "text": "hi"}, "got dict; give a text, turns, a path, or several of them"),
        (pandas.DataFrame({"dialogue": ["Anna: hi"]}), "got DataFrame; give a text, turns, a path"),
        (b"Anna: hi", "got bytes; give a text, turns, a path, or several of them"),
        ("half a character \ud83d", "half a character"),
        (Path("nowhere.txt"), "nowhere.txt: no such file"),
        ("nowhere.txt", "nowhere.txt: no such file"),
        ("talks/*.vtt", "names no file"),
    ],
)
def test_what_is_none_is_refused_in_a_line(loaded: Any, content: Any, message: str) -> None:
    for ask in (loaded.summarize, lambda content: list(loaded.stream(content))):
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            ask(content)
        assert "\n" not in str(caught.value)


def test_every_format_of_conversations_is_summarized(loaded: Any, tmp_path: Path) -> None:
    for name in WRITERS:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.dat"
        path.write_bytes(write_sample(name))
        made = loaded.summarize(path)
        assert all(one.text for one in (made if isinstance(made, list) else [made])), name
