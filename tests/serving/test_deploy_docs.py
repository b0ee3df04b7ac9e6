"""What docs/deploy.md shows of asking a server, executed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.export.conftest import runs  # noqa: F401
from tests.serving.support import Client, Engine, serving, use_engine

SECTION = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("\n## Serve\n")[2].partition("\n## ")[0]
ADDRESS = "127.0.0.1:8000"


@pytest.fixture
def experiment(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:  # noqa: F811
    """A served experiment, whose systems are called as in the page."""
    use_engine(monkeypatch, Engine())
    with serving([str(runs)]) as client:
        yield client


def test_the_python_that_is_shown_prints_a_line_for_each_summary(
    experiment: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.S)
    assert ADDRESS in code
    exec(code.replace(ADDRESS, f"127.0.0.1:{experiment.port}"), {})
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("a lora ")
    assert line.endswith("]")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_commands_that_are_shown_are_answered(experiment: Client, tmp_path: Path) -> None:
    (tmp_path / "meeting.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:02.000\n<v SPEAKER_00>Are you coming at nine?\n")
    commands = re.findall(rf"^curl .*{re.escape(ADDRESS)}.*$", SECTION, re.M)
    answers = []
    for command in commands:
        words = shlex.split(command.replace(ADDRESS, f"127.0.0.1:{experiment.port}"))
        asked = subprocess.run([*words, "--silent"], cwd=tmp_path, capture_output=True, check=True)
        (conversation,) = json.loads(asked.stdout)["conversations"]
        answers.append(conversation)
    assert [[one["system"] for one in answer["summaries"]] for answer in answers] == [
        ["zero_shot", "full", "lora", "prompt"],
        ["lora"],
    ]
    assert [answer["turns"][0]["speaker"] for answer in answers] == ["Anna", "Anna"]
