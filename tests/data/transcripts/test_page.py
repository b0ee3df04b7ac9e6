"""docs/summarize.md does what it says, and `summarize --dry-run` prints what files hold."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.data.transcripts import FORMATS, read_conversations
from dialora.errors import DataError
from tests.conftest import ROOT
from tests.data.transcripts.samples import write
from tests.data.transcripts.support import show

PAGE = (ROOT / "docs" / "summarize.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```text (\S+)\n(.*?)```", PAGE, re.S))
READ = re.findall(r"```text (\S+)\n.*?```\n\n```(turns|refused)\n(.*?)\n```", PAGE, re.S)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("name", "kind", "expected"), READ, ids=[name for name, _, _ in READ])
def test_the_pages_files_are_read_as_it_shows(files: Path, name: str, kind: str, expected: str) -> None:
    if kind == "turns":
        (conversation,) = read_conversations(Path(name))
        assert [*show(conversation), *conversation.notes] == expected.split("\n")
    else:
        with pytest.raises(DataError) as caught:
            list(read_conversations(Path(name)))
        assert str(caught.value) == expected


def test_all_files_of_the_page_are_checked() -> None:
    assert [name for name, _, _ in READ] == list(FILES)


def test_the_page_names_every_format() -> None:
    for name in FORMATS:
        assert name.removesuffix(" (a single file)").removesuffix("-like text") in PAGE, name


# The command


def test_a_dry_run_prints_what_each_file_holds(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", "*.txt", "meeting.vtt", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"whatsapp\.txt\W+WhatsApp\W+1\W+2\W+\d+\W+1\W+Anna, Bob", out)
    assert re.search(r"meeting\.vtt\W+Zoom VTT\W+1\W+2\W+\d+\W+1\W+Anna Berg, Bob", out)
    assert "whatsapp.txt: left out: media and other notices: 1.\n" in out


def test_a_dry_run_as_json_has_the_same_and_the_problems(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", "log.jsonl", "captions.vtt", "none.txt", "--dry-run", "--json"]) == 2
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert [(one["format"], one["num_turns"], one["speakers"]) for one in found] == [
        ("OpenAI messages", 2, ["user", "assistant"]),
        (None, 0, []),
        (None, 0, []),
    ]
    assert found[0]["problem"] is None
    assert captured.err.count("DataError: ") == 2
    assert "nobody is named in it" in captured.err
    assert "none.txt: no such file" in captured.err


def test_a_dry_run_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(write("ShareGPT"))))
    assert main(["summarize", "-", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["format"] == "ShareGPT"


def test_what_is_written_into_a_name_does_not_steer_the_terminal(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "x.json").write_text(json.dumps({"messages": [{"role": "\x1b[31mAnna", "content": "[bold]hi"}]}))
    for options in ([], ["--json"]):
        assert main(["summarize", "x.json", "--dry-run", *options]) == 0
        assert "\x1b[31m" not in capsys.readouterr().out
