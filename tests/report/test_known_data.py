"""What the report says of data that a base is known to have seen."""

import json
from pathlib import Path

import pytest

from dialora.config import load_experiment
from dialora.report.known_data import describe_known_data, find_known

VALUES = {"data": {"source": "knkarthick/samsum"}, "methods": {"zero_shot": {}}}


def test_a_base_that_has_seen_the_data_is_said_to_have() -> None:
    (note,) = describe_known_data(load_experiment(VALUES | {"model": "google/flan-t5-base"}))
    assert note.startswith("flan-t5-base was trained on SAMSum, ")
    assert "is no zero-shot" in note
    other = VALUES | {"model": "google/flan-t5-base", "data": {"source": "knkarthick/dialogsum"}}
    assert "no zero-shot" not in describe_known_data(load_experiment(other))[0]


def test_only_of_a_base_that_has_an_untrained_row_is_it_said_to_be_no_zero_shot() -> None:
    small, large = "google/flan-t5-small", "google/flan-t5-large"
    methods = {"lora": {}, "original": {"method": "zero_shot", "model": large}}
    notes = describe_known_data(load_experiment(VALUES | {"model": small, "methods": methods}))
    assert [note.partition(" ")[0] for note in notes] == ["flan-t5-small", "flan-t5-large"]
    assert all("this experiment's data seems to be of them" in note for note in notes)
    assert ["untrained row" in note for note in notes] == [False, True]


def test_each_base_is_spoken_of_once_and_an_unknown_one_not_at_all() -> None:
    methods = {
        "lora": {},
        "lora_bart": {"method": "lora", "model": "facebook/bart-large-cnn"},
        "full_bart": {"method": "full", "model": "facebook/bart-large-cnn"},
    }
    notes = describe_known_data(load_experiment(VALUES | {"model": "bundled", "methods": methods}))
    assert [note.split(" ")[0] for note in notes] == ["bart-large-cnn"]
    assert "CNN/DailyMail" in notes[0]


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("flan-t5-small", None),
        ("models--google--flan-t5-small/snapshots/0fc9ddf78a1e988dac52e2dac162b0ede4fd74ab", None),
        ("mine", "google/flan-t5-small"),
    ],
)
def test_a_folder_is_known_by_its_name_its_cache_or_its_config(folder: str, said: str | None, tmp_path: Path) -> None:
    model = tmp_path / folder
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps({"model_type": "t5"} | ({"_name_or_path": said} if said else {})))
    pinned = VALUES | {"model": str(model), "model_revision": "files:0123"}
    (note,) = describe_known_data(load_experiment(pinned))
    assert note.startswith(model.name)
    assert "flan-t5-small" in note
    assert "no zero-shot" in note


@pytest.mark.parametrize("text", ["{", "[]", '{"_name_or_path": 3}', '{"_name_or_path": "a/b"}'])
def test_a_folder_that_tells_nothing_is_no_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    assert describe_known_data(load_experiment(VALUES | {"model": str(tmp_path)})) == []
    assert describe_known_data(load_experiment(VALUES | {"model": str(tmp_path / "gone")})) == []


def test_a_folder_above_the_data_says_nothing_of_it(tmp_path: Path) -> None:
    elsewhere = {"data": {"source": str(tmp_path / "samsum" / "calls" / "own.jsonl")}}
    (note,) = describe_known_data(load_experiment(VALUES | elsewhere | {"model": "google/flan-t5-base"}))
    assert "no zero-shot" not in note


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t5-base", {"CNN/DailyMail"}),
        ("t5-v1_1-base", set()),  # trained on C4 alone
        ("flan-t5-xl", {"SAMSum", "CNN/DailyMail", "XSum"}),
        ("bart-base", set()),
        ("bart-large-cnn-samsum", {"SAMSum", "CNN/DailyMail"}),
        ("distilbart-xsum-12-6", {"XSum"}),
        ("pegasus-cnn_dailymail", {"CNN/DailyMail"}),
        ("T0_3B", {"SAMSum", "CNN/DailyMail", "XSum"}),
        ("mt5-base", set()),
        ("SmolLM2-135M-Instruct", set()),
    ],
)
def test_the_table_says_of_each_model_what_its_source_says(name: str, data: set[str]) -> None:
    assert {one for known in find_known(name) for one in known.data} == data
