"""`dialora summarize INPUT…`: files of every kind, in every form of output, with names."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.systems import System, find_system
from dialora.systems.items import open_inputs
from dialora.systems.options import SummaryOptions
from dialora.systems.summaries import summarize_inputs
from tests.systems.support import Scripted

CAPTIONS = """WEBVTT

00:01.000 --> 00:02.000
SPEAKER_00: Is it late?

00:02.000 --> 00:03.000
SPEAKER_01: It is nine.
"""


@pytest.fixture
def engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    engine = Scripted(
        dialora.load(root, method="lora").system.tokenizer,
        lambda text: re.sub(r".*conversation\. (.*?) Summary.*", r"\1", text),
    )
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: engine)
    return engine


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "talk.vtt").write_text(CAPTIONS)
    (tmp_path / "chat.txt").write_text("[07.03.26, 21:22:39] Carl: Hi\n[07.03.26, 21:23:10] Dora: Yo\n")
    (tmp_path / "rows.csv").write_text('id,dialogue\nr1,"#Person1#: Go.\n#Person2#: No."\nr2,\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(root: Path, engine: Scripted) -> Any:
    def run(*arguments: str) -> int:
        return main(["summarize", *arguments, "--system", str(root), "--method", "lora"])

    return run


EXPECTED = [
    ("chat.txt", "chat", "Carl: Hi Dora: Yo"),
    ("rows.csv", "r1", "#Person1#: Go. #Person2#: No."),
    ("rows.csv", "r2", ""),
    ("talk.vtt", "talk", "SPEAKER_00: Is it late? SPEAKER_01: It is nine."),
]
"""Of the whole folder: names come back where they were taken out, and the rows of a table stay as they stand."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    match path.suffix:
        case ".jsonl":
            return [json.loads(line) for line in path.read_text().splitlines()]
        case ".csv":
            with path.open(newline="") as file:
                return list(csv.DictReader(file))
        case _:
            from pyarrow import parquet

            rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
            return rows


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_all_that_a_folder_holds_is_written_in_order(
    files: Path, command: Any, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    output = tmp_path_factory.mktemp("out") / f"out{suffix}"
    assert command(str(files), "--output", str(output)) == 0
    rows = read_rows(output)
    assert [(Path(row["source"]).name, row["id"], row["summary"]) for row in rows] == EXPECTED
    assert [row["finish_reason"] for row in rows] == ["stop", "stop", "empty", "stop"]
    assert [int(row["num_parts"]) for row in rows] == [1, 1, 0, 1]
    assert {str(row["truncated"]).lower() for row in rows} == {"false"}
    before, names = output.read_bytes(), sorted(path.name for path in output.parent.iterdir())
    assert not [name for name in names if ".rows." in name and not name.endswith(".lock")]
    assert command(str(files), "--output", str(output)) == 0
    assert output.read_bytes() == before
    (files / "chat.txt").write_text("Anna: Hi\nBob: Another.\n")
    assert command(str(files), "--output", str(output)) == 2
    assert output.read_bytes() == before


def test_text_names_several_and_not_a_single_one(files: Path, command: Any) -> None:
    assert command("talk.vtt", "--output", "one.txt") == 0
    assert (files / "one.txt").read_text() == f"{EXPECTED[3][2]}\n"
    assert command("talk.vtt", "chat.txt", "--output", "two.txt") == 0
    assert (files / "two.txt").read_text() == f"talk\n{EXPECTED[3][2]}\n\nchat\n{EXPECTED[0][2]}\n"


@pytest.mark.parametrize("suffix", [".txt", ".parquet", ".jsonl"])
def test_interrupted_it_goes_on_and_ends_the_same(files: Path, root: Path, engine: Scripted, suffix: str) -> None:
    for number in range(7):
        (files / f"{number}.txt").write_text(f"Anna: Number {number}.\nBob: Yes.\n")
    whole, broken, num_told = files / f"whole{suffix}", files / f"broken{suffix}", 0
    system = find_system(root, method="lora")

    def write(output: Path, observer: Any = lambda event: None) -> int:
        with open_inputs(["[0-9].txt"]) as inputs:
            return summarize_inputs(system, inputs, output, options=SummaryOptions(), observer=observer, chunk=2)

    def stop(event: dict[str, Any]) -> None:
        nonlocal num_told
        num_told += event["event"] == "progress" and event["done"] == 4
        if num_told == 2:  # when its batches are done, and when they are written
            raise KeyboardInterrupt

    assert write(whole) == 7
    with pytest.raises(KeyboardInterrupt):
        write(broken, stop)
    assert suffix == ".jsonl" or not broken.exists()
    assert write(broken) == 3
    assert broken.read_bytes() == whole.read_bytes()
    assert len(engine.read) == 14


def test_summaries_are_printed_where_no_file_is_named(
    files: Path, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("talk.vtt") == 0
    assert capsys.readouterr().out == f"{EXPECTED[3][2]}\n"
    assert command("talk.vtt", "rows.csv") == 0
    assert capsys.readouterr().out.split("\n\n")[0] == f"talk\n{EXPECTED[3][2]}"
    assert command("talk.vtt", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["summary"], row["unsupported_names"]) == ("talk", EXPECTED[3][2], [])


def test_what_a_reader_has_to_know_is_printed_beside(
    files: Path, command: Any, engine: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.function = lambda text: "#Person1# talks about the plan with Zelda today."
    (files / "long.txt").write_text("".join(f"Anna: This is remark number {n}.\n" for n in range(60)))
    assert command("long.txt") == 0
    errors = " ".join(capsys.readouterr().err.split())
    assert re.search(r"long: longer than the system reads, so summarized in \d+ parts\.", errors)
    assert "long: the conversation does not have: Zelda." in errors


def test_standard_input_is_an_input(
    files: Path, command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CAPTIONS.encode())))
    assert command("-", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["source"], row["summary"]) == ("standard input", EXPECTED[3][2])


def test_speakers_get_the_names_that_are_given(files: Path, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("talk.vtt", "chat.txt", "--rename", "SPEAKER_00=Anna", "--rename", "Dora=Eve") == 0
    out = capsys.readouterr().out
    assert "Anna: Is it late? SPEAKER_01: It is nine." in out
    assert "Carl: Hi Eve: Yo" in out


@pytest.mark.parametrize(
    ("renames", "message"),
    [
        (["Zoe=Anna"], "--rename Zoe=Anna: nobody is called 'Zoe'"),
        (["Anna"], "give the speaker, an equals sign and the new name"),
        (["SPEAKER_00=A", "SPEAKER_00=B"], "has two new names"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused_before_anything_is_written(
    files: Path, command: Any, renames: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [part for rename in renames for part in ("--rename", rename)]
    assert command("talk.vtt", *options, "--output", "o.jsonl") == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (files / "o.jsonl").exists()


def test_the_exact_text_that_goes_in_is_printed(
    files: Path, command: Any, engine: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("talk.vtt", "--prompt") == 0
    shown = capsys.readouterr().out
    assert (
        "Summarize the following conversation.\n\n#Person1#: Is it late?\n#Person2#: It is nine.\n\nSummary: " in shown
    )
    assert re.match(r"talk\.vtt: talk, \d+ tokens\n", shown)
    assert command("talk.vtt", "--prompt", "--speakers", "names", "--json") == 0
    (part,) = json.loads(capsys.readouterr().out)
    assert "SPEAKER_00: Is it late?\nSPEAKER_01: It is nine." in part["text"]
    assert engine.read == []


def test_a_dry_run_says_what_the_system_would_read(
    files: Path, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "long.txt").write_text("".join(f"Anna: This is remark number {n}.\n" for n in range(60)))
    assert command("talk.vtt", "long.txt", "--dry-run", "--json") == 0
    short, long = json.loads(capsys.readouterr().out)
    assert (short["num_turns"], short["num_parts"], short["speakers"]) == (2, 1, ["SPEAKER_00", "SPEAKER_01"])
    assert 20 < short["num_tokens"] < 128
    assert long["num_parts"] > 3
    assert long["num_tokens"] > 3 * 100


def test_a_dry_run_counts_what_is_read_with_the_options_that_are_given(
    files: Path, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "own.csv").write_text("id,words,text\nr1,Anna: Go.,no\n")
    options = ("own.csv", "--set", "data.dialogue_column=words", "--json")
    sizes = []
    for renames in ([], ["--rename", "SPEAKER_00=Maximiliane Theodora von und zu Oberhausen"]):
        assert command("talk.vtt", *options, "--speakers", "names", "--dry-run", *renames) == 0
        talk, own = json.loads(capsys.readouterr().out)
        assert command("talk.vtt", *options, "--speakers", "names", "--prompt", *renames) == 0
        parts = json.loads(capsys.readouterr().out)
        assert [talk["num_tokens"], own["num_tokens"]] == [part["num_tokens"] for part in parts]
        sizes.append(talk["num_tokens"])
    assert sizes[1] > sizes[0]
    assert command("talk.vtt", "--dry-run", "--rename", "SPEAKER_7=Anna") == 2
    assert "nobody is called 'SPEAKER_7'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("options", [["--rename", "SPEAKER_7=Anna"], ["--on-long", "error"], []])
def test_what_is_printed_is_checked_before_the_first_summary(
    files: Path, command: Any, engine: Scripted, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As what is written is, however much stands before the mistake."""
    rows = [{"dialogue": "Anna: Go."}] * 1100
    last = '{"dialogue": 7}\n' if not options else json.dumps({"dialogue": "Anna: Go on. " * 300}) + "\n"
    (files / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + last)
    assert command("many.jsonl", *options) == 2
    assert capsys.readouterr().out == ""
    assert engine.read == []


def test_one_file_that_cannot_be_read_is_told_before_anything_is_written(
    files: Path, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "captions.vtt").write_text(CAPTIONS.replace("SPEAKER_00: ", "").replace("SPEAKER_01: ", ""))
    assert command("talk.vtt", "captions.vtt", "--output", "o.jsonl") == 2
    error = capsys.readouterr().err
    assert "captions.vtt: read as WebVTT, and nobody is named in it" in error
    assert not (files / "o.jsonl").exists()


def test_a_system_whose_data_are_unknown_reads_names_and_says_so(
    files: Path, tiny_model: Path, engine: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summarize", "talk.vtt", "--system", str(tiny_model)]) == 0
    captured = capsys.readouterr()
    assert "how its training dialogues call speakers is not known, so it reads names" in " ".join(captured.err.split())
    assert "SPEAKER_00: Is it late?" in engine.read[0]
    assert main(["summarize", "talk.vtt", "--system", str(tiny_model), "--speakers", "person_tags"]) == 0
    assert "is not known" not in capsys.readouterr().err
    assert "#Person1#: Is it late?" in engine.read[1]
