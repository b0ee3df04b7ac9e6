"""Whose a folder is, and what the disk refuses: a line about it, and nothing overwritten."""

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.cli import main
from dialora.errors import ConfigError, StageError
from dialora.store import explain_disk_error, names, own_folder
from dialora.store.owning import locked
from tests.conftest import DIALOGUES


def list_contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({names.EXPERIMENT: "name: a\ndata: {source: x}\n", "report.html": "mine"}, "an experiment"),
        ({names.EXPERIMENT: "name: a\ntable: scores.csv\n"}, r"the scores of the table scores\.csv"),
        ({names.EXPERIMENT: "\0\0", "data/data.json": "{}"}, "an experiment"),
        ({names.RUN_CONFIG: "name: a\n"}, "a run of an experiment"),
        ({"thesis.tex": "years"}, "files that are not dialora's"),
    ],
)
def test_a_data_check_overwrites_no_folder_of_another_kind(files: dict[str, str], kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = list_contents(folder)
    with pytest.raises(ConfigError, match=f"holds {kind}; give a new or empty folder"):
        dialora.check_data(DIALOGUES, output=folder)
    assert list_contents(folder) == before


def test_a_data_check_takes_its_own_folder_again_and_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dialora.experiment.data_check as room

    def render(found: Any, dataset: Any, folder: Path) -> None:
        (folder / names.DATA_CHECK_JSON).write_text("{}")

    monkeypatch.setattr(room, "check_source", lambda config: (None, None))
    monkeypatch.setattr(room, "render_data_check", render)
    (tmp_path / names.LOCK).touch()  # all that a refused `score --output` leaves
    for _ in range(2):
        dialora.check_data(DIALOGUES, output=tmp_path)
    with pytest.raises(ConfigError, match="holds a data check"), own_folder(tmp_path):
        pass


def test_an_experiment_that_cannot_be_read_is_no_table(tmp_path: Path) -> None:
    (tmp_path / names.EXPERIMENT).write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigError, match="holds the experiment"), own_folder(tmp_path, tables=("t.csv",)):
        pass
    with own_folder(tmp_path):
        pass


LONG = "x" * 300


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    return tmp_path / "a"


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "bundled", "--output", "{tmp}/" + LONG],
        ["compare", "bundled", "--output", "{tmp}/file/out"],
        ["compare", "bundled", "--output", "{tmp}/a/out"],
        ["compare", "bundled", "--output", "{tmp}/file"],
        ["compare", "{tmp}/" + LONG],
        ["compare", "{tmp}/a"],
        ["compare", "{tmp}"],
        ["compare", "{tmp}/file/x.yaml"],
        ["data", "check", "bundled", "--output", "{tmp}/" + LONG],
        ["data", "check", "bundled", "--output", "{tmp}/file/out"],
        ["summarize", "{tmp}/file", "--run", "{tmp}/" + LONG, "--output", "{tmp}/o.csv"],
        ["summarize", "{tmp}/file", "--run", "{tmp}/a", "--output", "{tmp}/o.csv"],
        ["parity", "{tmp}/file/run"],
    ],
)
def test_a_path_that_cannot_be_is_one_line(
    arguments: list[str], tmp_path: Path, loop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert main([argument.format(tmp=tmp_path) for argument in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ConfigError: ")
    assert len(line) < 700


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_whatever_the_system_refuses_is_one_line(number: int) -> None:
    explained = explain_disk_error(OSError(number, os.strerror(number), f"/a/{LONG}/b"))
    assert isinstance(explained, ConfigError | StageError)
    assert "\n" not in str(explained)
    assert "/a/x" in str(explained)
    assert len(str(explained)) < 500


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that takes no files")
def test_a_lock_that_cannot_be_made_is_not_one_that_is_held(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="/proc: no file can be made there"),
        locked(Path("/proc/x.lock"), "it is held"),
    ):
        pass
    lock = tmp_path / "x.lock"
    with locked(lock, "it is held"), pytest.raises(StageError, match=r"^it is held$"), locked(lock, "it is held"):
        pass


def test_an_os_error_anywhere_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import dialora.api

    def fail(*args: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full/disk")

    monkeypatch.setattr(dialora.api, "params", fail)
    assert main(["params", "bundled"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("StageError: /full/disk: the disk is full.")


def test_nothing_in_a_message_moves_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "\x1b[31mred\udcff"]) == 2
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    printed.encode()


def test_a_thousand_problems_are_some_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = "".join(f"unknown_{n}: 1\n" for n in range(1000))
    (tmp_path / "x.yaml").write_text(f"data: {{source: bundled}}\nmethods: {{lora: {{}}}}\n{keys}")
    assert main(["params", str(tmp_path / "x.yaml")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 20
    assert lines[-1].endswith("988 more.")


@pytest.mark.parametrize("left", [".data.writing", "data", ".experiment.yaml.writing"])
def test_what_was_broken_off_at_its_beginning_goes_on(left: str, tmp_path: Path) -> None:
    (tmp_path / names.LOCK).touch()
    (tmp_path / left).mkdir()
    with own_folder(tmp_path) as folder:
        assert folder.root == tmp_path


def test_signs_that_a_kill_left_half_written_are_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "a" / "work").mkdir(parents=True)
    torn = tmp_path / "a" / "work" / f".heartbeat.json-{platform.node()}-{gone.pid}.writing"
    others = [
        tmp_path / "a" / "work" / f".heartbeat.json-{platform.node()}-1.writing",  # is there
        tmp_path / "a" / "work" / f".heartbeat.json-elsewhere-{gone.pid}.writing",  # who knows
    ]
    for path in (torn, *others):
        path.write_text("{", encoding="utf-8")
    (tmp_path / "experiment.yaml").write_text("name: a\n", encoding="utf-8")
    with own_folder(tmp_path):
        assert not torn.exists()
        assert all(path.exists() for path in others)
