"""What a cell of summaries may hold besides a text, the same in training data and in tables of outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.reading.cells import read_summaries
from dialora.data.reading.changes import Changes, describe_changes, describe_changes_by_column
from dialora.errors import DataError


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ({"summary_text": "Ann left."}, ["Ann left."]),
        ('{"summary_text": "Ann left."}', ["Ann left."]),
        ("{'summary': \"Ann's left.\"}", ["Ann's left."]),
        ('{"summaries": "Ann left."}', ['{"summaries": "Ann left."}']),
        ('{"intent": "leave", "text": "Ann"}', ['{"intent": "leave", "text": "Ann"}']),
        ({"summary": ["Ann left.", "Ben stayed."]}, ["Ann left.", "Ben stayed."]),
        (['["Ann left.", "Ben stayed."]', "Cem came."], ["Ann left.", "Ben stayed.", "Cem came."]),
        ('["Ann left.", null]', ["Ann left."]),
        ([None, float("nan")], []),
        ("[]", []),
    ],
)
def test_objects_and_lists_of_summaries(cell: Any, texts: list[str]) -> None:
    assert read_summaries(cell, "row 1") == texts


def test_an_object_that_is_no_summary_is_text_and_noted() -> None:
    changes = Changes()
    read_summaries('{"intent": "leave", "text": "Ann"}', "row 1", changes=changes)
    (note,) = describe_changes(changes)
    assert "read as plain text: 1" in note


@pytest.mark.parametrize("cell", [[312, 5, -100], [[312, 5]], "[312, 5, -100]", "[ 312 5\n -100]"])
def test_token_ids_are_no_summary(tmp_path: Path, cell: Any) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"dialogue": "Ann: Hi.\nBen: Yo.", "labels": cell}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"row 1: the summary holds token ids, not text; decode them"):
        load_dataset(DataConfig(source=str(path)), needs_train=False)


def test_an_object_without_a_text_names_its_keys() -> None:
    with pytest.raises(DataError, match=r"row 1: the summary holds an object without a text\. Keys: score\. Recog"):
        read_summaries({"score": 1}, "row 1")


def test_changes_are_told_by_column() -> None:
    columns = {f"model {at}": Changes() for at in range(7)}
    for name, changes in columns.items():
        read_summaries("Ann left.</s>", "row 1", changes=changes)
        read_summaries("nan" if name == "model 3" else "Ben stayed.", "row 2", changes=changes)
    special, missing = describe_changes_by_column(columns)
    assert special.endswith(
        "left out: model 0 (1), model 1 (1), model 2 (1), model 3 (1), model 4 (1), and 2 columns more."
    )
    assert missing.endswith("read as empty: model 3 (1).")
