"""The data check: every kind of finding on data made to have it, the page, the JSON and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.examples import build_dataset
from dialora.data.quality.check import KINDS, DataCheck, check_data
from dialora.data.quality.encoding import find_control, find_mojibake
from dialora.data.quality.speakers import find_unknown_speakers
from dialora.data.sources import load_rows
from dialora.data.turns import find_speakers, remove_speakers
from dialora.errors import ConfigError
from dialora.experiment.data_check import describe_check

Row = dict[str, Any]
LONG = "Amanda: I have baked some cookies for the party on Friday, do you want any of them?\nJerry: Sure, thank you!"


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def check(folder: Path, *, limits: tuple[int, int] = (10, 5), **splits: list[Row]) -> DataCheck:
    for split, rows in splits.items():
        lines = "".join(json.dumps({"id": f"{split}_{i}"} | row) + "\n" for i, row in enumerate(rows))
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    config = DataConfig(source=str(folder))
    rows = load_rows(config)
    return check_data(
        rows,
        build_dataset(rows, config),
        source="made up",
        tokenizer="words",
        limits=limits,
        count_source_tokens=count_words,
        count_target_tokens=count_words,
    )


def find(found: DataCheck, kind: str, split: str = "test") -> tuple[str, ...]:
    (finding,) = [finding for finding in found.findings if (finding.kind, finding.split) == (kind, split)]
    return finding.ids


FINE = {"dialogue": "A: Is it raining?\nB: Not yet.", "summary": "B tells A that no rain has come."}


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("empty_dialogue", {"dialogue": " ", "summary": "s"}),
        ("empty_summary", {"dialogue": "A: hello\nB: you", "summary": None}),
        ("identical_references", {"dialogue": "A: hello\nB: you", "summary": ["One.", "Two.", "One."]}),
        ("copied_reference", {"dialogue": LONG, "summary": "I have baked some cookies for the party on Friday."}),
        ("copied_reference", {"dialogue": LONG, "summary": "Sure, thank you!"}),
        ("unknown_speaker", {"dialogue": "#Person1#: hi\n#Person2#: ho", "summary": "#Person3# greets #Person1#."}),
        ("unknown_speaker", {"dialogue": "Tom: hi\nB: ho", "summary": "Tom meets Clara Bow."}),
        ("mojibake", {"dialogue": "A: It\u00e2\u20ac\u2122s late.\nB: ho", "summary": "Late."}),
        ("mojibake", {"dialogue": "A: a cup\nB: of tea", "summary": "A Caf\u00c3\u00a9."}),
        ("replacement_character", {"dialogue": "A: caf\ufffd\nB: ho", "summary": "A."}),
        ("control_character", {"dialogue": "A: one\x07two\nB: ho", "summary": "A."}),
        ("single_turn", {"dialogue": "A: hi B: ho", "summary": "A."}),
        ("control_character", {"dialogue": "A: one\x92s\nB: ho", "summary": "A."}),
    ],
)
def test_each_finding_is_found_alone(tmp_path: Path, kind: str, row: Row) -> None:
    # Clara Bow speaks elsewhere, so her name is a speaker's.
    other = {"dialogue": "Clara Bow: Nobody is home tonight.\nA: Oh.", "summary": "Clara Bow says so."}
    found = check(tmp_path, train=[other], test=[FINE, row])
    assert find(found, kind) == ("test_1",)
    assert [(f.kind, f.split) for f in found.findings if f.ids] == [(kind, "test")]


def test_one_reference_of_several_dialogues(tmp_path: Path) -> None:
    rows = [{"dialogue": f"A: number {i}", "summary": "They talk." if i % 2 else f"It is about {i}."} for i in range(4)]
    found = check(tmp_path, train=[FINE, {"dialogue": "A: else", "summary": "They talk."}], test=rows)
    assert find(found, "shared_reference") == ("test_1", "test_3")
    assert find(found, "shared_reference", "train") == (), "counted by split"


def test_every_kind_is_looked_for_in_every_split(tmp_path: Path) -> None:
    found = check(tmp_path, train=[FINE], validation=[FINE], test=[FINE])
    assert {(f.kind, f.split) for f in found.findings} == {
        (kind, split) for kind in KINDS for split in ("train", "validation", "test")
    }
    assert {f.total for f in found.findings} == {1}


def test_rows_without_text_are_named_by_number_where_they_have_no_id(tmp_path: Path) -> None:
    found = check(tmp_path, test=[FINE, {"id": "", "dialogue": "", "summary": "s"}])
    assert find(found, "empty_dialogue") == ("row 2",)


def test_what_is_quoted_or_named_otherwise_is_no_finding(tmp_path: Path) -> None:
    rows = [
        {"dialogue": LONG, "summary": "Amanda has baked some cookies for the party and offers Jerry a few of them."},
        {"dialogue": "#Person1#: Has Tom called?\n#Person2#: No.", "summary": "#Person1# waits for Tom's call."},
        {
            "dialogue": "Ann: Oh.\nTom: \u00c9t\u00e9 \u2013 \u201cna\u00efve\u201d \u2026 \u20ac5\tok \U0001f600",
            "summary": "CAF\u00c9\u2026",
        },
    ]
    found = check(tmp_path, test=rows)
    assert [finding.kind for finding in found.findings if finding.ids] == []


# The parts


@pytest.mark.parametrize(
    "text",
    [
        "\u2019",
        "\u00e9\u2014",
        "\u20ac",
        "\u201cYes\u201d",
        "\u4f60\u597d",
        "\u041f\u0440\u0438\u0432\u0435\u0442",
        "\U0001f600",
        "\u00c9\u201d",
        "na\u00efve",
        "\u00ab\u00c0 bient\u00f4t\u00bb",
    ],
)
def test_text_is_no_mojibake_and_its_wrong_reading_is(text: str) -> None:
    assert find_mojibake(f"so {text} it is") is None
    misread = "".join(
        bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
        for byte in text.encode()
    )
    assert find_mojibake(f"so {misread} it is") is not None


def test_line_breaks_and_tabs_are_no_control_characters() -> None:
    assert find_control("a\tb\nc\r\nd") is None
    assert find_control("a\x0bb") == "\x0b"
    assert find_control("a\ufeffb") == "\ufeff"


def test_speakers_of_turns() -> None:
    dialogue = "#Person1#: At 10:30?\n#Person2# : Yes: really.\nMary Ann: Hm.\nno speaker here\n#Person1#：ok"
    assert find_speakers(dialogue) == {"#Person1#": 2, "#Person2#": 1, "Mary Ann": 1}
    assert remove_speakers("A: At 10:30?\nBob: Yes: really.").split() == ["At", "10:30?", "Yes:", "really."]


@pytest.mark.parametrize(
    ("summary", "unknown"),
    [
        ("Tom calls Eva and Anna-Lena.", ["Eva"]),
        ("TOM calls the agent.", []),
        ("#Person2# calls #PERSON1#.", ["#Person2#"]),
        ("Eva's friend calls Eva.", ["Eva"]),
        ("Mary Ann Lee waits.", ["Mary Ann Lee"]),
    ],
)
def test_unknown_speakers(summary: str, unknown: list[str]) -> None:
    dialogue = "Tom: hi, is Anna there?\n#Person1#: no"
    speakers = {"Tom", "Eva", "Anna", "agent", "#Person1#", "#Person2#", "Mary Ann Lee"}
    assert find_unknown_speakers(summary, dialogue, speakers) == unknown


def test_lengths_and_truncation(tmp_path: Path) -> None:
    rows = [{"dialogue": f"A: {'word ' * n}end {n}", "summary": "s " * 5} for n in (1, 8, 40, 200)]
    found = check(tmp_path, limits=(50, 4), test=rows)
    dialogues, references = found.lengths
    assert (dialogues.split, dialogues.what, dialogues.count) == ("test", "dialogues", 4)
    assert dialogues.words == {"mean": 65.25, "median": 27.0, "p95": pytest.approx(179.0), "max": 203.0}
    assert dialogues.longer_than == {"50": 1, "128": 1, "256": 0, "512": 0, "1024": 0, "2048": 0}
    assert (references.limit, references.longer_than["4"], references.longer_than["32"]) == (4, 4, 0)


# The command, the page, the JSON


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A small data set with an overlap, a mojibake, and text that would break a page."""
    folder = tmp_path / "chats"
    folder.mkdir()
    talk = "Ann: would you like to see the new film with me on Sunday evening?\nBob: Yes, very much, thank you."
    rows = {
        "train": [
            ("t1", talk, "Bob accepts."),
            ("t2", "Ann: It\u00e2\u20ac\u2122s <script>late</script> & dark.", "Dark [red]."),
        ],
        "test": [("x1", talk.replace("much", "MUCH!"), "Bob will come."), ("x2", "Ann: ok, see you then.", "Ok.")],
    }
    for split, items in rows.items():
        lines = [json.dumps({"id": i, "dialogue": d, "summary": s}) for i, d, s in items]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_the_command_writes_a_page_and_json(damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    arguments = ["data", "check", str(damaged), "--output", str(output), "--set", "data.max_source_length=12"]
    assert main(arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 of 2 test dialogues stand in training too" in printed
    assert "t1 ≈ x1" in printed
    page = (output / "data-check.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    values = json.loads((output / "data-check.json").read_text(encoding="utf-8"))
    assert {f["kind"]: f["ids"] for f in values["findings"] if f["ids"]} == {"mojibake": ["t2"], "single_turn": ["x2"]}
    (across,) = [d for d in values["duplicates"] if (d["a"], d["b"]) == ("train", "test")]
    assert (across["near"], across["concerned_b"]) == ([{"a": "t1", "b": "x1", "similarity": 1.0}], 1)
    assert values["lengths"][0]["longer_than"]["12"] == 2
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == values


def test_a_split_may_be_missing(damaged: Path, tmp_path: Path) -> None:
    (damaged / "test.jsonl").unlink()
    found = dialora.check_data(damaged)
    assert list(found.splits) == ["train"]
    assert "dialogues" in describe_check(found)[0]


def test_another_models_tokenizer_counts(damaged: Path, tiny_model: Path) -> None:
    bundled, tiny = (dialora.check_data(damaged, set={"model": model}) for model in ("bundled", str(tiny_model)))
    assert bundled.lengths[0].tokens["mean"] < tiny.lengths[0].tokens["mean"]
    assert bundled.lengths[0].words == tiny.lengths[0].words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["./nowhere"], "DataError: ./nowhere: no such file or folder"),
        (
            ["bundled", "--set", "training.max_steps=3"],
            "ConfigError: training.max_steps: means nothing to a data check",
        ),
        (["bundled", "--set", "data.colour=red"], "ConfigError: data.colour: unknown key"),
        (["bundled", "--set", "model=./nowhere"], "ModelError: model: ./nowhere: no such folder"),
    ],
)
def test_bad_input_ends_with_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", *arguments, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_special_tokens_in_texts_are_noted(tmp_path: Path) -> None:
    special = {"dialogue": "A: Write </s> here.\nB: Why?", "summary": "A wants </s> and <pad>."}
    for row, expected in ((FINE, 0), (special, 1)):
        lines = "".join(json.dumps(one) + "\n" for one in (FINE, row))
        (tmp_path / "test.jsonl").write_text(lines, encoding="utf-8")
        notes = [note for note in dialora.check_data(tmp_path).notes if "special tokens" in note]
        assert (
            notes[-1:] == ["1 texts hold what the model uses as special tokens (</s>); it is read as text."][:expected]
        )
        assert len(notes) == 2 * expected, "in a reference they are left out"


def test_the_check_ends_with_what_was_done_to_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"chat": "A: Hi.<br>B: Yo.", "abstract": "B greets A."}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert main(["data", "check", str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    done = capsys.readouterr().out.partition("What was done to the data:")[2]
    page = (tmp_path / "out" / "data-check.html").read_text(encoding="utf-8")
    for sentence in (
        "test: dialogue from 'chat'; summary from 'abstract'.",
        "or another sign for a line break, read as one: 1.",
    ):
        assert sentence in " ".join(done.split())
        assert sentence in page.replace("&#39;", "'")


def test_overrides_may_be_a_mapping() -> None:
    with pytest.raises(ConfigError, match="seeds: means nothing"):
        dialora.check_data("bundled", set={"seeds": [1]})


@pytest.mark.slow
def test_dialogsum_in_a_minute(real_data: Path) -> None:
    import time

    started = time.process_time()
    found = dialora.check_data(real_data / "dialogsum" / "hub", set={"model": str(real_data / "flan-t5-base")})
    assert time.process_time() - started < 60
    kinds = {(f.kind, f.split): len(f.ids) for f in found.findings if f.ids}
    assert kinds["identical_references", "test"] == 10
    assert [item.longer_than["512"] for item in found.lengths if item.what == "dialogues"] == [260, 8, 13]
