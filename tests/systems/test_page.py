"""The commands and Python of docs/summarize.md, and README's Python on it, run as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from dialora.cli import main
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "summarize.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```text (\S+)\n(.*?)```", PAGE, re.S))
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
PYTHON = [*re.findall(r"```python\n(.*?)```", PAGE, re.S), *(block for block in README if "dialora.load(" in block)]


@pytest.fixture(autouse=True)
def place(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page's files are, and systems as the bundled experiment leaves them."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copytree(root, tmp_path / "runs" / "bundled")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dialora.systems.kinds.finding.has_comparison", lambda root: True)
    monkeypatch.setattr("dialora.systems.kinds.finding.find_winner", lambda root: "lora")
    return tmp_path


def test_the_pages_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        assert main(shlex.split(command.replace("'*.txt'", "whatsapp.txt"))[1:]) == 0, capsys.readouterr().err
    rows = [json.loads(line) for line in Path("summaries.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["whatsapp", "meeting"]
    assert f"{', '.join(f'`{name}`' for name in ('row', 'source'))} (the file), `id`, `summary`" in PAGE
    assert all(f"`{column}`" in PAGE for column in rows[0])


@pytest.mark.parametrize("block", PYTHON)
def test_the_pages_python_runs(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "the page", "exec"), {})


def test_readme_shows_how_a_system_is_loaded() -> None:
    assert len(PYTHON) == 3


def test_the_page_names_every_option() -> None:
    import inspect

    from dialora.cli import systems

    names = set(inspect.signature(systems.summarize).parameters) - {"inputs", "json", "method"}
    assert [name for name in names if f"`--{name.replace('_', '-')}`" not in PAGE] == []
