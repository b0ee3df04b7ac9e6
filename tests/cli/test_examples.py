"""`dialora examples`: what a finished comparison wrote, in the terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dialora
from dialora.cli import main
from dialora.report.comparison_stage import keep_comparison
from dialora.store import ExperimentFolder
from tests.report.test_report import build_document


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished comparison."""
    folder = tmp_path_factory.mktemp("finished")
    keep_comparison(build_document(), ExperimentFolder(folder))
    return folder


def test_it_prints_dialogue_people_and_systems(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", str(run), "--id", "test_0", "--width", "80"]) == 0
    shown = capsys.readouterr().out
    for part in ("test_0", "asking the way", "Person2  There is one two blocks", "Human", "● Instruct", "ROUGE-L 0."):
        assert part in shown
    assert max(map(len, shown.splitlines())) == 80


def test_json_is_what_the_function_gives(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", str(run), "-n", "2", "--sort", "worst", "--system", "lora", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    selection = dialora.examples(run, n=2, sort="worst", systems="lora")
    assert [one["id"] for one in values["examples"]] == [one.id for one in selection]
    assert [one["summaries"] for one in values["examples"]] == [{"lora": one.summaries["lora"]} for one in selection]


@pytest.mark.parametrize("sort", ["worst", "best"])
def test_an_order_by_score_needs_no_system(sort: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", str(run), "--sort", sort]) == 0
    assert f"with the {'lowest' if sort == 'worst' else 'highest'} mean ROUGE-1 of" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--id", "test_99"], 2, "ConfigError: id: 'test_99' is no test dialogue; the nearest: 'test_9'"),
        (["--sort", "wurst"], 2, "ConfigError: sort: 'wurst' is no order"),
        (["--system", "peft"], 2, "ConfigError: system: 'peft' is not compared"),
        (["-n", "0"], 2, "ConfigError: n: must be 1 or more"),
        (["--width", "3"], 2, "Invalid value for '--width'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], code: int, message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["examples", str(run), *arguments]) == code
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_folder_without_a_comparison_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", str(tmp_path)]) == 1
    assert "holds no finished comparison" in capsys.readouterr().err
    assert main(["examples", str(tmp_path / "x")]) == 2
    assert "no such folder, experiment file or shipped experiment" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [80, 120])
def test_in_a_terminal_lines_are_as_long_as_it_is_wide(run: Path, columns: int) -> None:
    main_end, other_end = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color", "COLORTERM": ""}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "dialora", "examples", str(run), "--id", "test_0"]
    process = subprocess.Popen(command, stdout=other_end, env=environment)
    os.close(other_end)
    shown = b""
    while True:
        try:
            shown += os.read(main_end, 4096)
        except OSError:
            break
    os.close(main_end)
    assert process.wait() == 0
    assert b"\x1b[" in shown
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip("\r")) for line in shown.decode().split("\n")]
    assert max(map(len, lines)) == columns
