"""The layouts in which people have outputs: a row or a file per system, a line per summary, columns of no system."""

from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_outputs_config
from dialora.errors import DataError
from dialora.outputs.table import Outputs, load_outputs
from tests.outputs.test_outputs import write

HUMAN = ["Ann buys a loaf of bread.", "Ben sells his old car.", "Cem goes home by train."]
TALKS = [f"Ann: Hello, number {at}.\nBen: Good day to you too." for at in range(3)]
WRITTEN = {"a": ["Ann buys bread.", "", "Cem goes home."], "b": ["Two people talk.", "They speak.", "Ben goes."]}


def load(*paths: Path, **options: Any) -> Outputs:
    return load_outputs(load_outputs_config(paths, {f"outputs.{key}": value for key, value in options.items()}))


def shown(outputs: Outputs) -> dict[str, list[str]]:
    return {one.label: list(one.summaries) for one in outputs.systems}


def long_rows(**names: str) -> list[dict[str, Any]]:
    """A row per dialogue and system; `names` gives columns another name, or none."""
    rows = [
        {"id": f"d{at}", "reference": HUMAN[at], "system": system, "summary": texts[at]}
        for at in range(3)
        for system, texts in WRITTEN.items()
    ]
    return [{names.get(key, key): value for key, value in row.items() if names.get(key, key)} for row in rows]


@pytest.mark.parametrize(
    "names",
    [{}, {"system": "model", "summary": "prediction"}, {"id": ""}, {"system": "Model Name"}],
    ids=["system", "model", "no id", "spelling"],
)
def test_a_row_per_system(tmp_path: Path, names: dict[str, str]) -> None:
    outputs = load(write(tmp_path / "o.csv", long_rows(**names)))
    assert shown(outputs) == WRITTEN
    assert [example.references for example in outputs.examples] == [(text,) for text in HUMAN]
    assert any(note.startswith("One row per system") for note in outputs.summary.notes)


def test_a_row_per_system_under_a_name_of_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", long_rows(system="who"))
    assert shown(load(path, system_name_column="who")) == WRITTEN


def test_people_may_be_one_of_the_systems(tmp_path: Path) -> None:
    rows = long_rows(reference="")
    rows += [{"id": f"d{at}", "system": "human", "summary": text} for at, text in enumerate(HUMAN)]
    outputs = load(write(tmp_path / "o.csv", rows))
    assert shown(outputs) == WRITTEN
    assert [example.references for example in outputs.examples] == [(text,) for text in HUMAN]


def test_a_column_called_model_may_be_a_system(tmp_path: Path) -> None:
    rows = [{"id": at, "reference": HUMAN[at], "model": WRITTEN["a"][at], "t5": WRITTEN["b"][at]} for at in range(3)]
    assert shown(load(write(tmp_path / "o.csv", rows))) == {"model": WRITTEN["a"], "t5": WRITTEN["b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], "'b' has no summary for 1 of 3 dialogues, as 'd2'"),
        (lambda rows: [*rows, rows[0] | {"summary": "Other."}], "rows 1 and 7: 'a' wrote two different things"),
        (lambda rows: [*rows[:-2], *(row | {"system": ""} for row in rows[-2:])], "no system|two different things"),
    ],
)
def test_what_is_wrong_with_a_row_per_system(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write(tmp_path / "o.csv", change(long_rows())))


def files(tmp_path: Path, *columns: str, suffix: str = ".csv") -> list[Path]:
    """A file of references and one per system, with these columns and the texts."""
    texts = {"reference": HUMAN} | WRITTEN
    made = []
    for name, items in texts.items():
        rows = [{"id": f"d{at}", "dialogue": TALKS[at], "summary": item} for at, item in enumerate(items)]
        rows = [{key: row[key] for key in (*columns, "summary")} for row in rows]
        made.append(write(tmp_path / f"{name}{suffix}", rows[:: -1 if name == "b" and columns else 1]))
    return made


@pytest.mark.parametrize("columns", [("id", "dialogue"), ("id",), ("dialogue",), ()])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_a_file_per_system(tmp_path: Path, columns: tuple[str, ...], order: tuple[int, ...]) -> None:
    made = files(tmp_path, *columns)
    outputs = load(*[made[at] for at in order])
    assert shown(outputs) == WRITTEN
    assert [example.references for example in outputs.examples] == [(text,) for text in HUMAN]
    assert [example.dialogue for example in outputs.examples] == (TALKS if "dialogue" in columns else [""] * 3)


def test_each_file_may_have_the_references(tmp_path: Path) -> None:
    made = [
        write(tmp_path / f"{name}.jsonl", [{"reference": HUMAN[at], "prediction": texts[at]} for at in range(3)])
        for name, texts in WRITTEN.items()
    ]
    outputs = load(*made)
    assert shown(outputs) == WRITTEN
    assert [example.references for example in outputs.examples] == [(text,) for text in HUMAN]


def test_references_of_other_dialogues_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", [{"reference": HUMAN[at], "prediction": "x y"} for at in range(3)])
    two = write(tmp_path / "b.csv", [{"reference": HUMAN[at], "prediction": "x y"} for at in (2, 0, 1)])
    with pytest.raises(DataError, match="3 of 3 dialogues of b have another reference than a"):
        load(one, two)


def test_a_file_of_references_may_hold_a_system_too(tmp_path: Path) -> None:
    rows = [{"id": f"d{at}", "reference": HUMAN[at], "t5": WRITTEN["b"][at]} for at in range(3)]
    _, a, _ = files(tmp_path, "id")
    outputs = load(write(tmp_path / "references.csv", rows), a)
    assert shown(outputs) == {"t5": WRITTEN["b"], "a": WRITTEN["a"]}


def test_systems_of_one_name_stay_apart(tmp_path: Path) -> None:
    rows = [{"id": f"d{at}", "reference": HUMAN[at], "a": WRITTEN["b"][at]} for at in range(3)]
    _, a, b = files(tmp_path, "id")
    outputs = load(write(tmp_path / "references.csv", rows), a, b.rename(tmp_path / "topic.csv"))
    assert list(shown(outputs).values()) == [WRITTEN["b"], WRITTEN["a"], WRITTEN["b"]]
    assert len(shown(outputs)) == 3


def test_several_references_of_an_id_are_one_dialogues(tmp_path: Path) -> None:
    rows = [{"id": f"d{at // 2}", "summary": f"{HUMAN[at // 2]} {at % 2}"} for at in range(6)]
    _, a, b = files(tmp_path, "id")
    outputs = load(write(tmp_path / "reference.csv", rows), a, b)
    assert [len(example.references) for example in outputs.examples] == [2, 2, 2]
    assert shown(outputs) == WRITTEN


def test_dialogues_that_no_system_has_are_left_out_with_a_note(tmp_path: Path) -> None:
    reference, a, _ = files(tmp_path, "id")
    write(a, [{"id": "d0", "summary": "Ann."}, {"id": "d9", "summary": "Who?"}])
    outputs = load(reference, a)
    assert shown(outputs) == {"a": ["Ann."]}
    notes = " ".join(outputs.summary.notes)
    assert "2 of 3 dialogues of reference are in no other file" in notes
    assert "1 dialogues of a have no reference" in notes


@pytest.mark.parametrize("names", [("refs.txt", "a.txt", "b.txt"), ("a.txt", "b.txt", "gold.txt")])
def test_a_line_per_summary(tmp_path: Path, names: tuple[str, ...]) -> None:
    texts = WRITTEN | {"refs": HUMAN, "gold": HUMAN}
    for name in names:
        lines = [*texts[Path(name).stem]]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    outputs = load(*[tmp_path / name for name in names])
    assert shown(outputs) == WRITTEN
    assert [example.references for example in outputs.examples] == [(text,) for text in HUMAN]


def test_the_first_of_texts_holds_the_references(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("\n".join(HUMAN), encoding="utf-8")
    (tmp_path / "y.txt").write_text("\n".join(WRITTEN["b"]), encoding="utf-8")
    outputs = load(tmp_path / "x.txt", tmp_path / "y.txt")
    assert shown(outputs) == {"y": WRITTEN["b"]}
    assert "x is taken for the references, because it comes first." in outputs.summary.notes


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"preds.txt": "a\n"}, "holds one summary a line, and no references; give both"),
        ({"refs.txt": "a\nb\nc\n", "preds.txt": "a\n"}, "refs has 3, preds has 1 rows or lines"),
        ({"a.csv": "summary\nx\n", "b.csv": "summary\ny\n"}, "none says that it holds the references"),
        ({"ref.csv": "id,n\n1,2\n", "b.csv": "id,summary\n1,y\n"}, "no reference column"),
        ({"ref.csv": "id,summary\n1,x\n", "b.csv": "id,n\n1,2\n"}, "no column of summaries. Columns: id, n"),
    ],
)
def test_what_is_wrong_with_files(tmp_path: Path, texts: dict[str, str], message: str) -> None:
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(*[tmp_path / name for name in texts])
    assert message in str(caught.value)


def test_columns_that_are_no_systems_are_left_out_with_their_reason(tmp_path: Path) -> None:
    rows = [
        {
            "Unnamed: 0": str(at), "annotator": "gpt", "lang": "en", "kind": "daily life", "dialogue": TALKS[at],
            "instruct": f"Summarize this.\n{TALKS[at]}\nSummary:", "ids": "[0, 12, 4, -100]", "rouge1": "0.41",
            "reference": HUMAN[at], "t5": WRITTEN["a"][at], "broken": "",
        }
        for at in range(3)
    ]  # fmt: skip
    outputs = load(write(tmp_path / "o.csv", rows))
    assert shown(outputs) == {"t5": WRITTEN["a"], "broken": ["", "", ""]}
    (note,) = (note for note in outputs.summary.notes if note.startswith("Columns left out"))
    for name in ("Unnamed: 0", "annotator", "lang", "kind", "instruct", "ids (token ids", "rouge1 (numbers)"):
        assert name in note
    assert shown(load(tmp_path / "o.csv", system_columns=["kind"])) == {"kind": ["daily life"] * 3}


@pytest.mark.parametrize(
    ("reference", "output"),
    [
        ("Actual Summary", "Predicted Summary"),
        ("ground_truth", "generated"),
        ("labels", "decoded_preds"),
        ("decoded_labels", "decoded_preds"),
        ("highlights", "generated"),
        ("summary", "generated_summary"),
        ("ref", "summary"),
        ("Reference Summaries", "outputs"),
        ("target_text", "prediction"),
        ("gold-summary", "candidate"),
    ],
)
def test_usual_names_of_columns(tmp_path: Path, reference: str, output: str) -> None:
    rows = [{output: WRITTEN["b"][at], reference: HUMAN[at]} for at in range(3)]
    outputs = load(write(tmp_path / "o.csv", rows))
    assert [one.summaries for one in outputs.systems] == [tuple(WRITTEN["b"])]
    assert [example.references for example in outputs.examples] == [(text,) for text in HUMAN]
