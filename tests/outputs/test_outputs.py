"""Other people's outputs: tables of every shape become the same report, and dialogues stay the units."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.comparison import Comparison
from dialora.config import load_outputs_config
from dialora.errors import ConfigError, DataError
from dialora.outputs.table import Outputs, load_outputs

ROWS = [
    {"": "0", "id": "t_0_1", "human": "Ann greets Ben.", "lora": "Ann says hi.", "full": "Ann greets.", "n": "3"},
    {"": "1", "id": "t_0_2", "human": "They say hi.", "lora": "Ann says hi.", "full": "Ann greets.", "n": "3"},
    {"": "2", "id": "t_1_1", "human": "Cem buys bread.", "lora": "Cem buys it.", "full": "", "n": "4"},
    {"": "3", "id": "t_1_2", "human": "Bread is bought.", "lora": "Cem buys it.", "full": "", "n": "4"},
]
TALKS = ["Ann: Hi, Ben.\nBen: Hi.", "Cem: One loaf, please.\nDee: Here you are."]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def load(path: Path, rows: list[dict[str, Any]], *overrides: str) -> Outputs:
    return load_outputs(load_outputs_config(write(path, rows), overrides))


def without(*names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in ROWS]


def test_columns_are_recognised(tmp_path: Path) -> None:
    outputs = load(tmp_path / "o.csv", ROWS)
    assert [(one.label, one.method) for one in outputs.systems] == [("lora", "lora"), ("full", "full")]
    assert [example.references for example in outputs.examples] == [
        ("Ann greets Ben.", "They say hi."),
        ("Cem buys bread.", "Bread is bought."),
    ]
    assert [example.id for example in outputs.examples] == ["t_0", "t_1"]
    assert outputs.systems[1].summaries == ("Ann greets.", "")
    assert any(note.startswith("Columns left out: n (numbers).") for note in outputs.summary.notes)


def test_columns_are_named(tmp_path: Path) -> None:
    rows = [{"gold": "a b", "x": "a", "y": "b", "z": "c"}]
    names = ["outputs.reference_columns=[x, y]", "outputs.system_columns=[gold]"]
    outputs = load(tmp_path / "o.jsonl", rows, *names)
    assert outputs.examples[0].references == ("a", "b")
    assert [one.key for one in outputs.systems] == ["gold"]


def test_the_notebooks_columns_are_its_methods(tmp_path: Path) -> None:
    names = [f"{name}_model_summaries" for name in ("original", "instruct", "peft")]
    outputs = load(tmp_path / "o.csv", [{"human_baseline_summaries": "a"} | dict.fromkeys(names, "b")])
    assert [(one.key, one.method, one.label) for one in outputs.systems] == [
        ("original", "zero_shot", "Original"),
        ("instruct", "full", "Instruct"),
        ("peft", "lora", "PEFT"),
    ]


def test_several_references_in_a_row(tmp_path: Path) -> None:
    rows = [{"reference": ["a", "b"], "sys": "c"}, {"reference": ["d"], "sys": "e"}]
    assert [one.references for one in load(tmp_path / "o.jsonl", rows).examples] == [("a", "b"), ("d",)]
    rows = [{"summary2": "b", "summary1": "a", "sys": "c"}]
    assert load(tmp_path / "o.csv", rows).examples[0].references == ("a", "b")


@pytest.mark.parametrize("how", ["dialogue", "id", "outputs"])
def test_rows_of_one_dialogue_are_one_example(tmp_path: Path, how: str) -> None:
    rows = without("id")
    if how == "dialogue":
        rows = [row | {"dialogue": TALKS[i // 2]} for i, row in enumerate(rows)]
    elif how == "id":
        rows = [row | {"id": f"d{i // 2}"} for i, row in enumerate(rows)]
    outputs = load(tmp_path / "o.csv", rows)
    assert [len(example.references) for example in outputs.examples] == [2, 2]
    assert [example.dialogue for example in outputs.examples] == (TALKS if how == "dialogue" else ["", ""])
    assert any("are taken for 2 dialogues" in note for note in outputs.summary.notes) == (how == "outputs")


@pytest.mark.parametrize("has_ids", [True, False])
def test_dialogues_are_joined(tmp_path: Path, has_ids: bool) -> None:
    talks = [{"id": row["id"], "dialogue": TALKS[i // 2], "summary": row["human"]} for i, row in enumerate(ROWS)]
    source = write(tmp_path / "test.csv", talks[::-1] if has_ids else talks)
    outputs = load(tmp_path / "o.csv", ROWS if has_ids else without("id"), f"outputs.dialogues={source}")
    assert [example.dialogue for example in outputs.examples] == TALKS
    assert [example.id for example in outputs.examples] == ["t_0", "t_1"]
    how = "by id" if has_ids else "row by row"
    assert f"Dialogues joined from test.csv {how}; the references agree." in outputs.summary.notes


def test_dialogues_in_another_order_are_refused(tmp_path: Path) -> None:
    talks = [{"dialogue": TALKS[i // 2], "summary": row["human"]} for i, row in enumerate(ROWS)]
    source = write(tmp_path / "test.csv", talks[::-1])
    with pytest.raises(DataError, match=r"4 of 4 rows of .* have another reference"):
        load(tmp_path / "o.csv", without("id"), f"outputs.dialogues={source}")
    write(source, talks[:3])
    with pytest.raises(DataError, match=r"has 3 rows where .* has 4"):
        load(tmp_path / "o.csv", without("id"), f"outputs.dialogues={source}")


@pytest.mark.parametrize(
    ("rows", "overrides", "message"),
    [
        (without("human"), [], "no reference column. Columns: id, lora, full, n."),
        (without("lora", "full"), [], "no system column"),
        (ROWS, ["outputs.system_columns=[nowhere]"], "outputs.system_columns: 'nowhere' is not a column"),
        ([*ROWS[:1], ROWS[1] | {"id": "t_0_1", "lora": "No."}], [], "rows 1 and 2: one dialogue, but 'lora' wrote two"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], overrides: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path / "o.csv", rows, *overrides)
    assert message in str(caught.value)


def test_half_a_character_is_refused_with_its_place(tmp_path: Path) -> None:
    rows = [row | {"id": "t\ud83d"} if at == 1 else row for at, row in enumerate(ROWS)]
    with pytest.raises(DataError, match=r"row 2: the id holds half a character, '.ud83d'; repair it"):
        load(tmp_path / "o.jsonl", rows)


def test_what_means_nothing_to_a_table_is_refused() -> None:
    with pytest.raises(ConfigError, match="training: unknown key"):
        load_outputs_config("o.csv", ["training.max_steps=3"])


def test_the_command_writes_the_whole_report(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [row | {"dialogue": TALKS[i // 2]} for i, row in enumerate(ROWS)]
    table, out = write(tmp_path / "theirs.csv", rows), tmp_path / "out"
    few = ["--set", "scoring.num_resamples=200", "--output", str(out)]
    assert main(["score", str(table), *few]) == 0
    shown = capfd.readouterr().out
    assert "First two turns" in shown
    assert "full wrote nothing for 1 dialogues; these score 0." in " ".join(shown.split())
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [s["key"] for s in results["systems"]] == ["lora", "full", "human", "lead-2", "longest-2"]
    assert results["systems"][0]["trainable_params"] is None
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "One loaf, please." in page
    assert "Trainable" not in page
    before = (out / "scoring" / "manifest.json").stat().st_mtime_ns
    assert main(["score", str(table), *few, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["systems"] == results["systems"]
    assert (out / "scoring" / "manifest.json").stat().st_mtime_ns == before
    assert main(["score", str(table), *few, "--set", "scoring.protocol=lab"]) == 0
    assert "references:each|examples:2|rows:4" in capfd.readouterr().out


@pytest.fixture(scope="module")
def lab(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The course lab's real outputs, by the lab's protocol."""
    (table,) = (real_data / "lab-outputs").glob("*.csv")
    return dialora.score_outputs(
        table,
        set={"scoring.protocol": "lab", "outputs.dialogues": str(real_data / "dialogsum" / "hub" / "test.csv")},
        output=tmp_path_factory.mktemp("lab") / "out",
    )


@pytest.mark.slow
def test_the_labs_numbers_come_out(lab: Comparison) -> None:
    means = {s.key: round(s.scores["rouge1"].mean, 4) for s in lab.systems}
    assert [means[key] for key in ("original", "instruct", "peft")] == [0.2333, 0.4214, 0.4081]
    by_key = {s.key: [round(100 * s.scores[m].mean, 2) for m in ("rouge1", "rouge2", "rougeL")] for s in lab.systems}
    assert by_key["human"] == [53.37, 26.73, 44.99]
    assert by_key["lead-2"] == [26.95, 6.33, 20.68]


@pytest.mark.slow
def test_the_labs_answer_counts_dialogues(lab: Comparison) -> None:
    assert lab.num_examples == 500
    item = lab.difference("peft", "instruct")
    assert item.difference == pytest.approx(-0.0133, abs=5e-5)
    assert -0.022 < item.ci_low < item.ci_high < -0.005
    assert item.p_value < 0.01
    assert lab.verdict.startswith("PEFT is 1.3 ± 0.7 ROUGE-1 points below full fine-tuning")


@pytest.mark.slow
def test_the_labs_rows_are_recognised_as_dialogues(real_data: Path) -> None:
    (table,) = (real_data / "lab-outputs").glob("*.csv")
    outputs = load_outputs(load_outputs_config(table))
    assert {len(example.references) for example in outputs.examples} == {3}
    assert len(outputs.examples) == 500
