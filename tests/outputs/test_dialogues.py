"""Which rows are one dialogue: what ids say counts, and outputs that say nothing join nothing."""

from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_outputs_config
from dialora.outputs.table import Outputs, load_outputs
from tests.outputs.test_outputs import write


def load(tmp_path: Path, rows: list[dict[str, Any]]) -> Outputs:
    return load_outputs(load_outputs_config(write(tmp_path / "o.csv", rows)))


def rows_of(outputs: list[str], ids: list[str] | None = None) -> list[dict[str, str]]:
    rows = [{"reference": f"Person {at} buys a loaf of bread.", "model": text} for at, text in enumerate(outputs)]
    return [row if ids is None else {"id": ids[at]} | row for at, row in enumerate(rows)]


SAME = ["They talk about it."] * 3
NUMBERED = [f"test_{at // 3}_{at % 3 + 1}" for at in range(9)]


@pytest.mark.parametrize("outputs", [["", "", "", "a b", "c d"], [*SAME, "a b", "c d"], ["x"] * 5])
@pytest.mark.parametrize("style", ["d{}", "conv_{}", "a-{}", "2024-01-0{}", "sess_1_{}"])
def test_different_ids_are_different_dialogues(tmp_path: Path, outputs: list[str], style: str) -> None:
    found = load(tmp_path, rows_of(outputs, [style.format(at + 1) for at in range(5)]))
    assert len(found.examples) == 5
    assert found.systems[0].summaries == tuple(outputs)


def test_ids_that_number_references_are_one_dialogue(tmp_path: Path) -> None:
    found = load(tmp_path, rows_of([text for text in ("a b", "c d", "") for _ in range(3)], NUMBERED))
    assert [example.id for example in found.examples] == ["test_0", "test_1", "test_2"]
    assert {len(example.references) for example in found.examples} == {3}
    assert any("the numbers of one dialogue's references" in note for note in found.summary.notes)


@pytest.mark.parametrize("outputs", [["x"] * 9, [""] * 9, [f"text {at}" for at in range(9)]])
def test_numbered_ids_of_other_outputs_are_dialogues(tmp_path: Path, outputs: list[str]) -> None:
    assert len(load(tmp_path, rows_of(outputs, NUMBERED)).examples) == 9


@pytest.mark.parametrize(
    "outputs",
    [[""] * 6, ["x"] * 6, ["x", "x", "a b", "c d", "e f", "g h"], ["x", "x", "y", "y", "x", "x", "y", "y"]],
    ids=["empty", "constant", "now and then", "two by turns"],
)
def test_without_ids_outputs_that_say_nothing_join_nothing(tmp_path: Path, outputs: list[str]) -> None:
    assert len(load(tmp_path, rows_of(outputs)).examples) == len(outputs)


def test_without_ids_runs_of_one_summary_are_one_dialogue(tmp_path: Path) -> None:
    found = load(tmp_path, rows_of(["a b", "a b", "c d", "c d", "", "", "e f"]))
    assert [len(example.references) for example in found.examples] == [2, 2, 1, 1, 1]
    assert any("7 rows are taken for 5 dialogues" in note for note in found.summary.notes)


def test_a_row_without_an_id_is_a_dialogue_of_its_own(tmp_path: Path) -> None:
    assert len(load(tmp_path, rows_of(["x"] * 4, ["a", "a", "", ""])).examples) == 3
