"""Folders, zip files and patterns: each file once, whatever links there are, and what is passed over is said."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.sources import load_rows
from dialora.data.transcripts import read_conversations
from dialora.data.transcripts.inputs import expand_inputs, inspect_inputs
from dialora.errors import DataError
from tests.data.transcripts.samples import write
from tests.data.transcripts.support import build_zip

TALK = b"Anna: hi\nBob: yo\n"
FILES = {
    "a.txt": TALK,
    "b.txt.gz": gzip.compress(TALK),
    "c.zip": build_zip({"c.txt": TALK, "c.png": b"x"}),
    "chat.log": TALK,
    "sub/d.JSON": write("Telegram"),
    "sub/photo.jpg": b"\xff\xd8",
    ".hidden/e.txt": TALK,
}


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "talks", FILES)


def test_a_folder_gives_the_same_file_by_file_and_as_a_whole(folder: Path) -> None:
    notes: list[str] = []
    whole = [conversation.turns for conversation in read_conversations(folder, notes=notes)]
    files = expand_inputs([str(folder)])
    assert [path.relative_to(folder).as_posix() for path in files] == ["a.txt", "b.txt.gz", "c.zip", "sub/d.JSON"]
    assert whole == [conversation.turns for path in files for conversation in read_conversations(path)]
    assert len(whole) == 4
    assert notes == [
        f"{folder}: left out files of other kinds: 2.",
        f"{folder / 'c.zip'}: left out files of other kinds: 1.",
    ]


def test_a_zip_file_gives_what_its_folder_does(folder: Path, tmp_path: Path) -> None:
    files = {name: data for name, data in FILES.items() if name != "c.zip"}
    path = tmp_path / "talks.zip"
    path.write_bytes(build_zip(dict(files)))
    (folder / "c.zip").unlink()
    notes: list[str] = []
    packed = [(one.name, one.turns) for one in read_conversations(path, notes=notes)]
    assert packed == [(one.name, one.turns) for one in read_conversations(folder)]
    assert notes == [f"{path}: left out files of other kinds: 2."]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_says_how_many_files_it_passed_over(
    folder: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summarize", str(folder), "--dry-run", *options]) == 0
    out = capsys.readouterr().out
    if options:
        *files, last = json.loads(out)
        assert (last["path"], last["notes"]) == (str(folder), ["left out files of other kinds: 2."])
        assert files[2]["notes"] == ["left out files of other kinds: 1."]
    else:
        assert f"\n{folder}: left out files of other kinds: 2.\n" in out
        assert f"\n{folder / 'c.zip'}: left out files of other kinds: 1.\n" in out


def test_a_note_begins_with_its_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where what the note is about begins as the file is called."""
    fill(tmp_path, {"rows.csv": b"dialogue;id\nAnna: hi;1\n", "left": b"a title\nAnna: hi\nBob: yo\n"})
    monkeypatch.chdir(tmp_path)
    assert main(["summarize", "rows.csv", "left", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "\nrows.csv: cells are divided by semicolons.\n" in out
    assert "\nleft: left out: lines above the first turn: 1.\n" in out


@pytest.fixture
def locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A sub-folder that nobody may look into, not even a superuser, whom the system lets in."""
    (folder / "locked").mkdir()
    scandir: Callable[[Any], Any] = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path) == str(folder / "locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    yield folder
    monkeypatch.undo()


def test_a_folder_that_cannot_be_listed_is_said_and_hides_no_other_file(locked: Path) -> None:
    found = list(inspect_inputs([str(locked)]))
    assert [one.problem for one in found if one.problem] == [f"{locked / 'locked'}: cannot be read: Permission denied."]
    assert sum(one.num_turns for one in found) == 9


def test_a_part_of_a_folder_is_not_given_for_the_whole(locked: Path) -> None:
    with pytest.raises(DataError, match="locked: cannot be read: Permission denied"):
        list(read_conversations(locked))


def test_what_is_called_like_a_conversation_and_is_no_file_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {"a.txt": TALK})
    (tmp_path / "b.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "c.txt")
    problems = [str(one.problem) for one in inspect_inputs([str(tmp_path)])]
    assert problems[0] == "None"
    assert "b.txt: no such file" in problems[1]
    assert "c.txt: is no file but a pipe" in problems[2]


def test_links_in_a_circle_give_each_file_once(tmp_path: Path) -> None:
    fill(tmp_path, {"talks/a.txt": TALK, "talks/x/b.txt": TALK})
    for at, target in enumerate((".", "..", "x")):
        (tmp_path / "talks" / f"s{at}").symlink_to(target)
    (tmp_path / "talks" / "x" / "up").symlink_to("..")
    (tmp_path / "talks" / "same.txt").symlink_to("a.txt")
    expected = ["a.txt", "b.txt"]
    for name in (str(tmp_path / "**" / "*.txt"), str(tmp_path / "talks"), str(tmp_path / "talks" / "**")):
        assert [path.name for path in expand_inputs([name])] == expected
    passed_over: dict[Path, list[str]] = {}
    expand_inputs([str(tmp_path / "talks")], passed_over=passed_over)
    assert passed_over == {tmp_path / "talks": ["left out links to folders: 4."]}


def test_a_pattern_names_hidden_files_only_where_it_says_so(folder: Path) -> None:
    assert [path.name for path in expand_inputs([str(folder / "**" / "*.txt")])] == ["a.txt"]
    assert [path.name for path in expand_inputs([str(folder / ".h*" / "*.txt")])] == ["e.txt"]


@pytest.mark.parametrize("name", ["", "a\0b", "a\0*"])
def test_what_names_nothing_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="names no file; give a file, a folder, a pattern, or -"):
        expand_inputs([name])


def test_two_stars_within_a_name_are_one(folder: Path) -> None:
    assert [path.name for path in expand_inputs([str(folder / "**a**xt")])] == ["a.txt"]


@pytest.mark.parametrize("name", ["./-", "*"])
def test_a_file_called_as_standard_input_is_a_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").write_bytes(TALK)
    monkeypatch.chdir(tmp_path)
    (found,) = inspect_inputs([name])
    assert (found.num_turns, found.problem) == (2, None)


def slack_day(*texts: str) -> bytes:
    day = [{"type": "message", "user": "U1", "ts": f"{at}.0", "text": text} for at, text in enumerate(texts)]
    return json.dumps(day).encode()


@pytest.mark.parametrize("day", [write("Telegram"), write("OpenAI messages"), b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_file_named_by_a_date_makes_no_export_of_slack(tmp_path: Path, day: bytes) -> None:
    fill(tmp_path, {"talks/2024-05-01.json": day, "b.txt": TALK})
    found = list(inspect_inputs([str(tmp_path)]))
    assert [Path(one.path).name for one in found] == ["b.txt", "2024-05-01.json"]
    assert found[0].num_turns == 2
    assert "Slack" not in str([one.format for one in found])


def test_days_of_slack_without_lists_are_an_export(tmp_path: Path) -> None:
    fill(tmp_path, {"general/2024-05-01.json": slack_day("a", "b"), "general/2024-05-02.json": slack_day("c")})
    (found,) = inspect_inputs([str(tmp_path)])
    assert (found.format, found.num_turns, found.notes) == ("Slack", 3, ())


def test_what_lies_beside_an_export_of_slack_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {"users.json": b"[]", "general/2024-05-01.json": slack_day("a"), "talk.txt": TALK, "x/y.png": b"x"})
    (tmp_path / "again").symlink_to("general")
    (found,) = inspect_inputs([str(tmp_path)])
    assert (found.format, found.num_turns) == ("Slack", 1)
    assert found.notes == ("left out files of other kinds: 2.", "left out links to folders: 1.")


def test_a_pipe_in_an_export_of_slack_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {"users.json": b"[]", "general/2024-05-01.json": slack_day("a")})
    os.mkfifo(tmp_path / "general" / "2024-05-02.json")
    (found,) = inspect_inputs([str(tmp_path)])
    assert "2024-05-02.json: is no file but a pipe" in str(found.problem)


@pytest.mark.parametrize("name", ["/", "."])
def test_a_whole_disk_is_not_gone_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(*_: object, **__: object) -> None:
        raise AssertionError("it was")

    monkeypatch.chdir("/")
    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(DataError, match=r": is a whole disk; give the folder that holds the conversations"):
        list(read_conversations(Path(name)))
    with pytest.raises(DataError, match=r": is a whole disk"):
        load_rows(DataConfig(source=name))
