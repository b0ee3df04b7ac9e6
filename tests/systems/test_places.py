"""Where inputs and outputs lie: an output among its inputs, standard input, names in two places or of odd bytes."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.systems import find_system
from dialora.systems.items import open_inputs
from dialora.systems.options import SummaryOptions
from dialora.systems.summaries import summarize_inputs
from tests.systems.support import Echo

FORMATS = [".jsonl", ".csv", ".parquet", ".txt"]
TALK = "Anna: Is it late?\nBob: It is nine.\n"
ROWS = '{"id": "r1", "dialogue": "Anna: Go."}\n{"id": "r2", "dialogue": "Bob: No."}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "talks"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(f"{TALK}Anna: {name}.\n")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def command(root: Path, echo: Echo) -> Any:
    return lambda *arguments: main(["summarize", *arguments, "--system", str(root), "--method", "lora"])


@pytest.mark.parametrize("named", ["talks", "talks/*", "talks/**/*"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_an_output_among_its_inputs_is_none_of_them(
    folder: Path, root: Path, echo: Echo, named: str, suffix: str
) -> None:
    def run(output: Path) -> int:
        with open_inputs([named], output=output) as inputs:
            system = find_system(root, method="lora", set=["decoding.max_batch_tokens=64"])
            options: Any = {"options": SummaryOptions(), "observer": lambda event: None, "chunk": 1}
            return summarize_inputs(system, inputs, output, **options)

    run(Path(f"elsewhere{suffix}"))
    output = folder / f"out{suffix}"
    echo.left = 2
    with pytest.raises(KeyboardInterrupt):
        run(output)
    echo.left = 10**9
    assert run(output) == 1
    assert run(output) == 0
    assert output.read_bytes() == Path(f"elsewhere{suffix}").read_bytes()


def test_an_input_is_no_output(folder: Path, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rows.jsonl").write_text(ROWS)
    for named in ("talks/rows.jsonl", str(folder / "rows.jsonl"), "talks/../talks/rows.jsonl"):
        assert command(named, "--output", "talks/rows.jsonl") == 2
        assert "is an input too; give another name" in " ".join(capsys.readouterr().err.split())
    assert (folder / "rows.jsonl").read_text() == ROWS


def test_an_output_goes_on_with_the_names_that_it_began_with(folder: Path, command: Any, root: Path) -> None:
    """Rows hold what files are called: half of them by one name and half by another is no file of one run."""
    (folder.parent / "copy").mkdir()
    (folder.parent / "copy" / "a.txt").write_bytes((folder / "a.txt").read_bytes())
    assert command("talks/a.txt", "--output", "out.jsonl") == 0
    before = Path("out.jsonl").read_bytes()
    assert command("copy/a.txt", "--output", "out.jsonl") == 2
    assert command("talks/a.txt", "--output", "out.jsonl") == 0
    assert Path("out.jsonl").read_bytes() == before


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_may_be_called_by_bytes_that_are_no_characters(folder: Path, command: Any, suffix: str) -> None:
    table = os.fsencode(folder) + b"/t\xff.jsonl"
    try:
        Path(os.fsdecode(table)).write_text(ROWS)
    except OSError:
        pytest.skip("no such names here")
    assert command(os.fsdecode(table), "--output", f"out{suffix}") == 0
    assert Path(f"out{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (TALK, ["standard input"]),
        (ROWS, ["r1", "r2"]),
        (json.dumps([json.loads(line) for line in ROWS.splitlines()]), ["r1", "r2"]),
        ('id,dialogue\nr1,"Anna: Go."\nr2,"Bob: No."\n', ["r1", "r2"]),
        ("\ufeffid\tdialogue\nr1\tAnna: Go.\n", ["r1"]),
        (
            '{"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yo."}]}',
            ["standard input"],
        ),
    ],
    ids=["text", "json lines", "json", "csv", "tsv", "messages"],
)
def test_standard_input_may_be_a_table_and_is_called_standard_input(
    command: Any, data: str, ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def give() -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode())))

    give()
    assert command("-", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert [(row["source"], row["id"]) for row in made] == [("standard input", one) for one in ids]
    give()
    assert command("-", "--dry-run", "--json") == 0
    (file,) = json.loads(capsys.readouterr().out)
    assert (file["path"], file["num_conversations"], file["problem"]) == ("standard input", len(ids), None)


@pytest.mark.parametrize("data", ["junk", '{"words": 1}\n{"words": 2}\n', "", "id,dialogue\nr1\n"])
def test_what_is_wrong_with_standard_input_is_said_of_standard_input(
    command: Any, data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--dry-run"], ["--prompt"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode())))
        assert command("-", *more) == 2
        told = capsys.readouterr().err.replace("\n", "")
        assert "standard input: " in told
        assert not any(part in told for part in ("dialora-", "standard input.", "/standard"))


def test_a_finished_output_has_nothing_beside_it_but_its_manifest(folder: Path, root: Path, echo: Echo) -> None:
    for suffix in (".parquet", ".txt"):
        output = folder.parent / f"out{suffix}"
        assert dialora.api.summarize_files(folder, output=output, system=root, method="lora") == 3
        left = {path.name for path in folder.parent.glob(f"*out{suffix}*")}
        assert left == {output.name, f"{output.name}.manifest.json", f".{output.name}.lock"}
