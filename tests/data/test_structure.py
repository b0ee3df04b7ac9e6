"""Structure inside a text: lists in cells, turns on one line, signs for line breaks, special tokens, missing values."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialora.comparison.yardsticks import lead_turns
from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.one_line import split_line
from dialora.data.reading.cells import read_dialogue, read_summaries
from dialora.data.reading.changes import Changes, describe_changes
from dialora.data.reading.tables import stream_dialogues
from dialora.data.reading.turn_lists import TurnKeys
from dialora.errors import DataError

TURNS = [{"speaker": "Gwen", "text": "It's late, isn't it?"}, {"speaker": "Hal", "text": 'He said "no".'}]
TEXT = "Gwen: It's late, isn't it?\nHal: He said \"no\"."


def dialogue(value: Any, **options: Any) -> tuple[str, list[str]]:
    """Return a dialogue as it is read, and what is said about it."""
    changes = Changes()
    return read_dialogue(value, "row 1", changes=changes, **options), describe_changes(changes)


def summaries(value: Any) -> tuple[list[str], list[str]]:
    changes = Changes()
    return read_summaries(value, "row 1", changes=changes), describe_changes(changes)


# Lists written into a cell


@pytest.mark.parametrize(
    "cell",
    [
        json.dumps(TURNS),
        str(TURNS),
        str(np.array(TURNS, dtype=object)),
        json.dumps({"turns": TURNS}),
        json.dumps([TEXT.split("\n")[0], TEXT.split("\n")[1]]),
        str(np.array(TEXT.split("\n"))),
        json.dumps([["Gwen", TURNS[0]["text"]], ["Hal", TURNS[1]["text"]]]),
    ],
)
def test_turns_written_into_a_cell_are_turns(cell: str) -> None:
    text, notes = dialogue(cell)
    assert text == TEXT
    assert notes[0] == "Dialogues written as a list into a cell, of which each turn is read as a line: 1."


@pytest.mark.parametrize("write", [json.dumps, str, lambda value: str(np.array(value)), lambda v: json.dumps([[v]])])
def test_summaries_written_into_a_cell_are_references(write: Any) -> None:
    values = ["It's late, Gwen says.", 'Hal said "no".']
    assert summaries(write(values)) == (
        values,
        ["Cells with a written list of summaries, of which each is read as one: 1."],
    )


@pytest.mark.parametrize("text", ["[laughs] Hal: no [sighs]", "[1, 2]", "{x} and {y}", "[Gwen]: hi", "[see [1]]"])
def test_brackets_that_write_no_list_are_text(text: str) -> None:
    assert dialogue(text) == (text, [])
    assert summaries(text) == ([text], [])


def test_a_list_that_cannot_be_parsed_is_text_and_noted() -> None:
    cell = '["Gwen: hi", "Hal: yo'
    for read, text, expected in (
        (dialogue, cell + '"]x]', cell + '"]x]'),
        (summaries, cell + '"]x]', [cell + '"]x]']),
        (dialogue, "[[1, 2]]", "[[1, 2]]"),
        (summaries, "[[1, 2]]", ["[[1, 2]]"]),
    ):
        text, notes = read(text)
        assert text == expected
        assert notes == [
            "Cells that look like a list but hold no texts as JSON or Python writes them, read as plain text: 1."
        ]


def test_a_written_list_runs_no_code_and_takes_no_time(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    cells = [
        f"[open({str(mark)!r}, 'w')]",
        "['a'.__class__]",
        "['" + "(" * 100_000 + "']",
        '["a", ' + "[" * 50_000 + "]]",
    ]
    started = time.perf_counter()
    for cell in cells:
        dialogue(cell)
    assert not mark.exists()
    assert time.perf_counter() - started < 20


def test_a_written_list_of_turns_with_other_keys_asks_for_them() -> None:
    for value in ([{"who": "A", "said": "Hi."}], '[{"who": "A", "said": "Hi."}]'):
        with pytest.raises(DataError, match=r"row 1: a turn has no text\. Keys: who, said\..*data\.turn_text_key"):
            dialogue(value)


def test_pairs_of_sentences_are_no_speakers_and_texts() -> None:
    with pytest.raises(DataError, match="the turn of the dialogue must be text, got list"):
        dialogue([["Hi.", "How are you?"], ["Fine.", "You?"]])


# Turns as objects


@pytest.mark.parametrize(
    "value",
    [
        [{"participant": "Gwen", "utterance": "Hi."}, {"participant": "Hal", "utterance": "Yo."}],
        [{"speaker": {"id": 1, "name": "Gwen"}, "utt": "Hi."}, {"speaker": {"id": 2, "name": "Hal"}, "utt": "Yo."}],
        [["Gwen", "Hi."], ["Hal", "Yo."]],
        {"turns": [{"from": "Gwen", "value": "Hi."}, {"from": "Hal", "value": "Yo."}]},
        {"speaker": ["Gwen", "Hal"], "utterance": ["Hi.", "Yo."]},
        [{"role": "Gwen", "content": [{"type": "text", "text": "Hi."}]}, {"role": "Hal", "content": "Yo."}],
    ],
)
def test_turns_have_their_speakers_whatever_they_are_called(value: Any) -> None:
    assert dialogue(value)[0] == "Gwen: Hi.\nHal: Yo."


def test_turn_keys_may_be_named() -> None:
    value = [{"who": "Gwen", "said": "Hi.", "text": "no", "speaker": "no"}]
    assert dialogue(value, keys=TurnKeys("said", "who"))[0] == "Gwen: Hi."
    assert dialogue(json.dumps(value), keys=TurnKeys("said", "who"))[0] == "Gwen: Hi."


def test_speakers_in_a_column_of_their_own(tmp_path: Path) -> None:
    for number, write in enumerate(
        (json.dumps, lambda row: json.dumps({key: str(value) for key, value in row.items()}))
    ):
        path = tmp_path / f"test-{number}.jsonl"
        path.write_text(
            write({"utt": ["Hi.", "Yo."], "speaker": ["Gwen", "Hal"], "summary": "s"}) + "\n", encoding="utf-8"
        )
        config = DataConfig(source=str(path))
        assert load_dataset(config, needs_train=False).test[0].dialogue == "Gwen: Hi.\nHal: Yo."
        assert [item.dialogue for item in stream_dialogues(path, config)] == ["Gwen: Hi.\nHal: Yo."]


def test_speakers_that_are_too_few() -> None:
    with pytest.raises(DataError, match="row 1: 2 turns, but 1 speakers"):
        read_dialogue(["a", "b"], "row 1", speakers=["Gwen"])


# Turns on one line


@pytest.mark.parametrize(
    ("line", "turns"),
    [
        ("#Person1#: Hi. How are you? #Person2#: Fine.", ["#Person1#: Hi. How are you?", "#Person2#: Fine."]),
        ("Gwen: Hi | Hal: yo | Gwen: bye", ["Gwen: Hi", "Hal: yo", "Gwen: bye"]),
        (
            "Gwen: Hi, Hal. Hal: Yo! Dr. Fox: Well? Gwen: Ok.",
            ["Gwen: Hi, Hal.", "Hal: Yo!", "Dr. Fox: Well?", "Gwen: Ok."],
        ),
        (
            "user: Hi! assistant: Hello. user: Bye. assistant: Bye.",
            ["user: Hi!", "assistant: Hello.", "user: Bye.", "assistant: Bye."],
        ),
        ("甲：你好。乙： 你好。 甲： 再见。", ["甲：你好。", "乙： 你好。", "甲： 再见。"]),
    ],
)
def test_turns_on_one_line_are_divided(line: str, turns: list[str]) -> None:
    assert split_line(line) == turns
    text, notes = dialogue(line)
    assert text.split("\n") == turns
    assert notes == ["Dialogues on one line, divided into turns where speakers are named: 1."]
    assert lead_turns(text).split("\n") == turns[:2]


@pytest.mark.parametrize(
    "line",
    [
        "Gwen: I need three things: milk, eggs, bread.",
        "Gwen: Bring two things. First: milk. Second: eggs.",
        "Gwen: a | b | c",
        "Meet me at 10:30. See http://x.org: it is there.",
        "No speaker at all. Gwen: hi. Gwen: yo.",
        "",
    ],
)
def test_a_line_that_may_be_one_turn_stays_one(line: str) -> None:
    assert dialogue(line) == (line, [])


def test_a_dialogue_with_lines_is_not_divided_further() -> None:
    text = "#Person1#: Say '#Person2#: hi'.\n#Person2#: Why?"
    assert dialogue(text) == (text, [])


# Signs for line breaks


@pytest.mark.parametrize(
    "sign", ["<br>", " <br/> ", "<BR />", "<n>", "\r", "\u2028", "\u2029", "\\n", "\\r\\n", "\x85"]
)
def test_signs_for_a_line_break_are_line_breaks(sign: str) -> None:
    expected = ["Texts with `<br>`, `<n>`, `\\n` or another sign for a line break, read as one: 1."]
    assert dialogue(f"Gwen: Hi{sign}Hal: Yo.") == ("Gwen: Hi\nHal: Yo.", expected)
    if sign != "\x85":
        assert summaries(f"Gwen says hi.{sign}Hal says yo.") == (["Gwen says hi.\nHal says yo."], expected)


@pytest.mark.parametrize(
    "text",
    [
        "Gwen: It is in C:\\new\\notes.",
        "Gwen: Print \\n.\nHal: Why?",
        "Gwen: Well\x85 I think so.",
        "Gwen: a <b> c < n >",
    ],
)
def test_what_is_no_line_break_stays(text: str) -> None:
    assert dialogue(text) == (text, [])


# Special tokens and missing values


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<pad> Hal left the lamp.</s><pad><pad>", "Hal left the lamp."),
        ("Hal left<pad> it.<|endoftext|>", "Hal left it."),
        ("[CLS] Hal left it. [SEP] [PAD]", "Hal left it."),
        ("Hal left it. -100 -100 -100", "Hal left it."),
        ("<s>Hal left it.</s>", "Hal left it."),
    ],
)
def test_special_tokens_in_a_summary_are_left_out_and_noted(text: str, plain: str) -> None:
    assert summaries(text) == (
        [plain],
        ["Summaries with special tokens of a model (`<pad>`, `</s>`, -100), which are left out: 1."],
    )
    assert dialogue(f"Hal: {text}")[0] == f"Hal: {text}", "for a model they are text"


@pytest.mark.parametrize("text", ["It was -100 degrees.", "x<padding>y", "From -100 to 100."])
def test_what_is_no_special_token_stays(text: str) -> None:
    assert summaries(text) == ([text], [])


@pytest.mark.parametrize("text", ["nan", "NaN", "None", "null", " NULL ", "<NA>", "none"])
def test_words_for_nothing_are_empty_cells(text: str) -> None:
    note = ["Cells with nothing but the word nan, None or null, read as empty: 1."]
    assert dialogue(text) == ("", note)
    assert summaries(text) == ([], note)


def test_words_for_nothing_within_a_dialogue_are_text() -> None:
    assert dialogue("Gwen: How many?\nHal: None") == ("Gwen: How many?\nHal: None", [])
    assert dialogue(["How many?", "None"])[0] == "How many?\nNone"
    assert summaries("None of them came.") == (["None of them came."], [])


def test_long_runs_of_space_take_no_time() -> None:
    started = time.perf_counter()
    for text in (" " * 200_000, "\t" * 200_000, ". " * 100_000, "A: b. " * 50_000, "\\n" * 100_000):
        for sign in ("<br>", "\x85", " | B: c.", "</s>"):
            dialogue(f"A: {text}x{sign}")
            summaries(f"x{text}{sign}")
    assert time.perf_counter() - started < 60


def test_what_was_made_of_texts_stands_in_the_notes(tmp_path: Path) -> None:
    rows = [
        {"dialogue": "A: Hi.<br>B: Yo.", "summary": "s</s>"},
        {"dialogue": str(TURNS), "summary": "nan"},
        {"dialogue": "A: a? B: b. A: c.", "summary": '["s", "t"]'},
    ]
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = load_dataset(DataConfig(source=str(path)), needs_train=False)
    made = [note for note in data.summary.notes if "names test" not in note]
    assert len(made) == 7
    assert all(note.endswith(": 1.") for note in made)
    assert [len(example.references) for example in data.test] == [1, 2]
    assert data.summary.splits["test"].skipped == {"empty summary": 1}
