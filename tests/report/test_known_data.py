"""What the report says of data that a base is known to have seen."""

from dialora.config import load_experiment
from dialora.report.known_data import describe_known_data

VALUES = {"data": {"source": "knkarthick/samsum"}, "methods": {"zero_shot": {}}}


def test_a_base_that_has_seen_the_data_is_said_to_have() -> None:
    (note,) = describe_known_data(load_experiment(VALUES | {"model": "google/flan-t5-base"}))
    assert note.startswith("flan-t5-base was trained on SAMSum, ")
    assert "is no zero-shot" in note
    other = VALUES | {"model": "google/flan-t5-base", "data": {"source": "knkarthick/dialogsum"}}
    assert "no zero-shot" not in describe_known_data(load_experiment(other))[0]


def test_each_base_is_spoken_of_once_and_an_unknown_one_not_at_all() -> None:
    methods = {
        "lora": {},
        "lora_bart": {"method": "lora", "model": "facebook/bart-large-cnn"},
        "full_bart": {"method": "full", "model": "facebook/bart-large-cnn"},
    }
    notes = describe_known_data(load_experiment(VALUES | {"model": "bundled", "methods": methods}))
    assert [note.split(" ")[0] for note in notes] == ["bart-large-cnn"]
    assert "CNN/DailyMail" in notes[0]
