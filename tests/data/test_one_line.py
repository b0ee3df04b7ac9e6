"""Dialogues on one line whose labels nothing sets off: divided where that is safe, else said in the data check."""

from __future__ import annotations

import csv
import random
import time
from pathlib import Path

import pytest

import dialora
from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.one_line import split_line
from dialora.experiment.data_check.tables import describe_check

OPENINGS = (
    "hi",
    "Ok so",
    "I said: no",
    "see you at 10:30",
    "look: https://x.org/a:b",
    "Note: bring cash",
    "WOW",
    "xD :D",
)


@pytest.mark.parametrize(
    "turns",
    [
        ["Anna: hi", "Bob: hello there", "Anna: how are you"],
        ["Anna: Hi", "Bob: OK", "Anna: Bye"],
        ["Anna: hi!", "Bob: hello there", "Anna: how are you", "Carl: Fine"],
        ["Anna: hi", "Bob: hello there.", "Anna: how are you"],
        ["John Smith: hi", "Mary Jones: Oh hello", "John Smith: bye"],
        ["Mike Smith: hi.", "Anna Smith: hello", "Mike Smith: bye", "Lena Smith: Ok."],
        ["Speaker 1: hi", "Speaker 2: hello", "Speaker 1: bye"],
        ["Dr. Fox: hi", "Mrs. Vole: is it late", "Dr. Fox: yes"],
        ["A: hi", "B: yo", "A: well"],
        ["Q: is it late", "A: yes it is", "Q: how late"],
        ["Zoë: salut", "Émile: ça va", "Zoë: oui"],
        ["Anna: Fine.", "Bob: Hi.", "Anna: Well. Ok", "Bob: go", "Anna: yes"],
        ["Anna: meet at 10:30", "Bob: see https://x.org", "Anna: I need: milk, eggs"],
    ],
)
def test_labels_that_nothing_sets_off_divide_a_line(turns: list[str]) -> None:
    assert split_line(" ".join(turns)) == turns


@pytest.mark.parametrize(
    "line",
    [
        "Note: the shop opens at 10:30 Note: bring cash",
        "Note: the shop is shut. Note: bring cash.",
        "Anna: two things Note: bring cash Warning: no change Note: be early",
        "From: Anna To: Bob Subject: late From: Bob",
        "Anna: see https://x.org/a Bob: is there http://y.org",
        "Anna: from 10:30 to 11:30 or 10: 30",
        "Anna: I need three things: milk, eggs and these things: bread",
        "Anna: hi Bob: hello",
        "Anna: there are two Banks: one here",
        "Anna: two Banks: one here. And there.",
        "They met Anna: hi Bob: yo Anna: ok",
        "anna: hi bob: yo anna: ok",
        "Anna: I am Mr. : what Anna: who",
    ],
)
def test_prose_and_lines_that_may_be_one_turn_stay_one(line: str) -> None:
    assert split_line(line) == [line]


def test_words_before_a_colon_in_punctuated_turns_are_no_labels() -> None:
    turns = ["Anna: Hi!", "Bob: I see two Options: this and that.", "Anna: Ok.", "Bob: Bye."]
    assert split_line(" ".join(turns)) == turns


def test_whole_dialogues_come_back_from_one_line_with_or_without_ends_of_sentences() -> None:
    rng = random.Random(0)
    for _ in range(300):
        first, second = rng.sample(rng.choice([["Anna", "Bob", "Dr. Vole", "Zoë"], ["Carl Fox", "Speaker 1"]]), 2)
        sizes = range(rng.randint(3, 9))
        said = [f"{rng.choice(OPENINGS)} {rng.choice(['then', 'well', 'it is'])}{rng.choice('.?! ')}" for _ in sizes]
        turns = [f"{second if at % 2 else first}: {text}".strip() for at, text in enumerate(said)]
        assert split_line(" ".join(turns)) == turns


def test_a_long_line_takes_no_time() -> None:
    started = time.perf_counter()
    for line in (
        "A" * 10**6,
        "Aa " * 10**5,
        "A: " * 10**4,
        "Anna: x " * 10**4,
        "Mr. " * 10**5,
        "a: " + "b: c " * 10**4,
    ):
        split_line(line)
    assert time.perf_counter() - started < 20


def save(path: Path, dialogues: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("dialogue", "summary"), *((text, f"They met {at}.") for at, text in enumerate(dialogues))]
        )


def test_the_data_check_says_which_dialogues_have_a_single_turn(tmp_path: Path) -> None:
    divided = [f"Anna: hi {at} Bob: hello Anna: ok" for at in range(3)]
    save(
        tmp_path / "train.csv",
        [*divided, "Anna: hi Bob: hello", "A news article. It has no turns.", "Anna: hi\nBob: yo"],
    )
    save(tmp_path / "test.csv", [f"{text}, see you" for text in divided])
    check = dialora.check_data(tmp_path)
    found = {finding.split: finding.ids for finding in check.findings if finding.kind == "single_turn"}
    assert found == {"train": ("train_3", "train_4"), "test": ()}
    assert any("a single turn (2)" in sentence for sentence in describe_check(check))
    assert any("divided into turns where speakers are named: 6." in note for note in check.notes)
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert data.test[0].dialogue == "Anna: hi 0\nBob: hello\nAnna: ok, see you"
