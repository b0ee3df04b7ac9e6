"""The run directory: whole or not there, whatever happens in between."""

import errno
import json
from pathlib import Path

import pytest

from dialora.errors import StageError
from dialora.records import Example
from dialora.store import (
    LoggedBatch,
    PartialLog,
    Stage,
    disk_errors_explained,
    load_records,
    names,
    save_json,
    save_records,
    save_text,
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "training", "key")


def fill(stage: Stage, text: str = "content") -> None:
    with stage.writing() as folder:
        (folder / "file.txt").write_text(text)


def test_a_stage_appears_all_at_once(stage: Stage) -> None:
    with stage.writing() as folder:
        (folder / "file.txt").write_text("half")
        assert not stage.folder.exists()
        assert not stage.is_complete
    assert stage.is_complete
    assert stage.require() == stage.folder


def test_a_stage_that_fails_leaves_nothing(stage: Stage) -> None:
    def break_midway() -> None:
        with stage.writing() as folder:
            (folder / "file.txt").write_text("half")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        break_midway()
    assert list(stage.folder.parent.iterdir()) == []


def test_what_a_killed_writer_left_is_not_taken_for_whole(stage: Stage) -> None:
    left = stage.folder.with_name(".training.writing")
    left.mkdir(parents=True)
    (left / "old.txt").write_text("left by a crash")
    assert not stage.is_complete
    fill(stage)
    assert sorted(path.name for path in stage.folder.iterdir()) == ["file.txt", names.MANIFEST]


@pytest.mark.parametrize("damage", ["truncate", "remove", "manifest", "key"])
def test_a_damaged_or_foreign_stage_is_made_anew(stage: Stage, damage: str) -> None:
    fill(stage)
    if damage == "truncate":
        (stage.folder / "file.txt").write_text("con")
    elif damage == "remove":
        (stage.folder / "file.txt").unlink()
    elif damage == "manifest":
        (stage.folder / names.MANIFEST).write_text('{"key": "key", "files"')
    else:
        stage = Stage(stage.folder, "another key")
    assert not stage.is_complete
    with pytest.raises(StageError, match=r"missing|damaged|made from another configuration"):
        stage.require()
    fill(stage, "new")
    assert stage.is_complete
    assert (stage.folder / "file.txt").read_text() == "new"


def test_records_survive_line_separators_inside_them(tmp_path: Path) -> None:
    examples = [Example("a", "one\u2028two\u0085three\nfour", ("r",), None), Example("b", "x", ("r", "s"), "topic")]
    save_records(examples, tmp_path / "e.jsonl")
    assert load_records(Example, tmp_path / "e.jsonl") == examples


def test_a_partial_log_loses_only_a_line_cut_short(tmp_path: Path) -> None:
    log = PartialLog(tmp_path / "work" / "log.jsonl", "key")
    assert log.load() == {}
    log.append(0, [{"x": 1}], seconds=0.5)
    with log.path.open("ab") as file:
        file.write(b'{"key": "key", "batch": 1, "ro')
    log.append(2, [{"x": "é"}], seconds=2.0)
    assert log.load() == {0: LoggedBatch([{"x": 1}], 0.5), 2: LoggedBatch([{"x": "é"}], 2.0)}
    assert PartialLog(log.path, "other decoding").load() == {}


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    save_json({"a": 1}, path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with (
        pytest.raises(StageError, match=r"the disk is full\. Finished stages are kept"),
        disk_errors_explained(tmp_path),
    ):
        save_text("new", path)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_a_full_disk_leaves_no_stage(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StageError, match="the disk is full"), disk_errors_explained(stage.folder):
            fill(stage)
    assert not stage.folder.exists()
    fill(stage)
    assert stage.is_complete
