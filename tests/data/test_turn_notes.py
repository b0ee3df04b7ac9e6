"""What is said of dialogues whose turns are objects, pairs or lists: which key was read as what, in how many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.reading.cells import read_dialogue
from dialora.data.reading.changes import Changes, describe_changes, describe_changes_by_column
from dialora.data.reading.tables import stream_dialogues
from dialora.data.reading.turn_lists import TurnKeys


def describe(*values: Any, **options: Any) -> list[str]:
    """Return what is said of dialogues."""
    changes = Changes()
    for value in values:
        read_dialogue(value, "row 1", changes=changes, **options)
    return describe_changes(changes)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            [{"id": 1, "who": "x", "speaker": "Gwen", "utterance": "Hi."}],
            "'utterance' is read as text and 'speaker' as",
        ),
        ([{"Role": "Gwen", "Content": "Hi."}], "'Content' is read as text and 'Role' as speaker"),
        ({"turns": [{"from": "Gwen", "value": "Hi."}]}, "'value' is read as text and 'from' as speaker"),
        ([{"who": "Gwen", "text": "Hi."}], "'text' is read as text and no key as speaker (data.turn_speaker_key names"),
        ({"speaker": ["Gwen"], "utt": ["Hi."]}, "objects of lists, of which 'utt' is read as text and 'speaker' as"),
        ({"utt": ["Hi.", "Yo."]}, "objects of lists, of which 'utt' is read as text and no key as speaker"),
        ([["Gwen", "Hi."], ["Hal", "Yo."]], "of pairs, of which the first is read as speaker and the second as text"),
        (["Hi.", "Yo."], "lists of texts, each read as a turn"),
    ],
)
def test_the_keys_that_were_read_are_told_with_the_number_of_dialogues(value: Any, expected: str) -> None:
    (note,) = describe(value, value, "A: Hi.\nB: Yo.")
    assert expected in note
    assert note.endswith(": 2."), "dialogues, not turns"
    cell, written = describe(json.dumps(value))
    assert "written as a list into a cell" in cell
    assert written == note.replace(": 2.", ": 1.")


def test_keys_that_the_experiment_names_are_told() -> None:
    keys = TurnKeys("said", "who")
    (note,) = describe([{"who": "Gwen", "said": "Hi.", "text": "other"}], keys=keys)
    assert "'said' is read as text and 'who' as speaker: 1." in note


def test_dialogues_whose_turns_differ_in_their_keys_are_told_under_each() -> None:
    notes = describe([{"speaker": "Gwen", "text": "Hi."}, {"speaker": "Hal", "text": "Yo."}, {"text": "(laughs)"}])
    assert [note.partition("read as text and ")[2] for note in notes] == [
        "'speaker' as speaker: 1.",
        "no key as speaker (data.turn_speaker_key names one): 1.",
    ]


def test_text_has_no_line_of_its_own() -> None:
    assert describe("Gwen: Hi.\nHal: Yo.", "", None, []) == []


def test_a_table_of_outputs_names_the_column() -> None:
    changes = Changes()
    read_dialogue([{"speaker": "Gwen", "text": "Hi."}], "row 1", changes=changes)
    (note,) = describe_changes_by_column({"source": changes, "other": Changes()})
    assert note.endswith("'text' is read as text and 'speaker' as speaker: source (1).")


def test_lists_in_two_columns_are_told_with_their_columns_by_every_verb(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    row = {"utt": ["Hi.", "Yo."], "speakers": ["Gwen", "Hal"], "summary": "They greet."}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    config = DataConfig(source=str(path))
    summary = load_dataset(config, needs_train=False).summary
    sentence = "Dialogues as lists in two columns, of which one is read as texts and the other as speakers: 1."
    assert sentence in summary.notes
    assert summary.columns["test"]["speakers"] == ["speakers"]
    notes: list[str] = []
    assert [item.dialogue for item in stream_dialogues(path, config, notes=notes)] == ["Gwen: Hi.\nHal: Yo."]
    assert notes == ["test.jsonl: texts of turns from 'utt', their speakers from 'speakers'.", sentence]
