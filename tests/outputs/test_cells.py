"""What is scored of a cell: its texts, without what a tokenizer or a writer of tables left in them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_outputs_config
from dialora.data.reading.cells import read_summaries
from dialora.data.reading.changes import Changes, describe_changes, describe_changes_by_column
from dialora.errors import DataError
from dialora.outputs.cells import ColumnChanges, read_output
from dialora.outputs.table import Outputs, load_outputs


def load(tmp_path: Path, rows: list[dict[str, Any]], *overrides: str, suffix: str = ".jsonl") -> Outputs:
    path = tmp_path / f"o{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".csv":
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return load_outputs(load_outputs_config(path, overrides))


REFERENCES = ['Ann said: "It\'s done."', "Ben, Cem and Dee [all] left.\nThey were late."]


@pytest.mark.parametrize(
    "cell",
    [
        json.dumps(REFERENCES),
        json.dumps(REFERENCES, indent=1),
        str(REFERENCES),
        "[" + "\n ".join(map(repr, REFERENCES)) + "]",
        "[" + ", ".join(map(repr, REFERENCES)) + ",]",
    ],
    ids=["json", "indented json", "python", "numpy", "last comma"],
)
def test_a_list_written_into_a_cell_is_that_list(tmp_path: Path, cell: str) -> None:
    rows = [{"references": cell, "model": "Ann did it."}, {"references": "One alone.", "model": "Ben did it."}]
    outputs = load(tmp_path, rows, suffix=".csv")
    assert [example.references for example in outputs.examples] == [tuple(REFERENCES), ("One alone.",)]
    assert any("references (1)" in note and "written list" in note for note in outputs.summary.notes)


@pytest.mark.parametrize(
    "text",
    ["[laughs] Ann left.", "[Ann] and [Ben]", "{Ann}", "['a' is a letter", "[1, 2]", "", "[", '["a", "b"', "[a, b]"],
)
def test_a_text_with_brackets_is_a_text(text: str) -> None:
    changes = Changes()
    assert read_summaries(text, "row 1", changes=changes) == [text] * bool(text)
    assert not describe_changes(changes)


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_cell_that_never_closes_is_read_at_once(size: int) -> None:
    for text in ("[" * size + "]", '["' + "\\" * size + "]", '["a" ' * size + "]", "[" + '""' * size + "x]"):
        assert read_summaries(text, "row 1") == [text]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<pad> Ann left.</s><pad><pad>", "Ann left."),
        ("<s>Ann left.</s>", "Ann left."),
        ("[CLS] Ann left. [SEP] [PAD] [PAD]", "Ann left."),
        ("Ann left.<|im_end|><|endoftext|>", "Ann left."),
        ("Ann left.<n>Ben stayed.", "Ann left.\nBen stayed."),
        ("Ann left. <n> Ben stayed.</s>", "Ann left.\nBen stayed."),
        ("nan", ""),
        ("None", ""),
        ("null", ""),
        ("None of them came.", "None of them came."),
        ("a < b > c", "a < b > c"),
        ({"summary_text": "Ann left."}, "Ann left."),
        ([{"generated_text": "Ann left."}], "Ann left."),
        ("[{'summary_text': \"Ann's left.\"}]", "Ann's left."),
        (["Ann left."], "Ann left."),
        (None, ""),
    ],
)
def test_what_a_cell_says(tmp_path: Path, cell: Any, text: str) -> None:
    changes: ColumnChanges = {}
    assert read_output(cell, "row 1", "model", changes) == text
    taken_as_it_stands = cell == text or not isinstance(cell, str)
    assert bool(describe_changes_by_column(changes)) != taken_as_it_stands


def test_cleaned_references_and_empty_outputs_are_told(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "reference": "Ann left.</s>", "model": "nan"},
        {"id": "b", "reference": "nan", "model": "Ben left."},
        {"id": "c", "reference": "Cem left.<n>Dee came.", "model": "Cem left."},
    ]
    outputs = load(tmp_path, rows, suffix=".csv")
    assert [example.references for example in outputs.examples] == [("Ann left.",), ("Cem left.\nDee came.",)]
    assert outputs.systems[0].summaries == ("", "Cem left.")
    notes = " ".join(outputs.summary.notes)
    assert "read as empty: reference (1), model (1)" in notes
    assert "special tokens of a model (`<pad>`, `</s>`, -100), which are left out: reference (1)" in notes
    assert "1 of 3 rows are not scored: 1 have no reference" in notes


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (["a", "b"], "row 1: 'model' holds 2 texts where one is scored"),
        ({"score": 1}, "'model' holds an object without a text. Keys: score."),
        ([0, 312, -100, -100], "token ids, not text; decode them"),
        ("[0, 312, -100, -100]", "token ids, not text; decode them"),
        ("[ 0 312\n -100]", "token ids, not text; decode them"),
    ],
)
def test_what_holds_no_summary_is_refused(tmp_path: Path, cell: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, [{"id": "a", "reference": "Ann left.", "model": cell}], "outputs.system_columns=[model]")
    assert message in str(caught.value)
