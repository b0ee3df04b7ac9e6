"""What is not what was written does not count, whatever its length: stages, sealed files, logs under way."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dialora.errors import StageError
from dialora.records import Example
from dialora.store import (
    ExperimentFolder,
    LoggedBatch,
    PartialLog,
    Stage,
    load_json,
    names,
    own_folder,
    require_seal,
    save_json,
    save_records,
    save_sealed,
    telling_damage,
)


def flip(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def swap(content: bytes) -> bytes:
    at = next(i for i in range(len(content) // 3, len(content)) if content[i] != content[i - 1])
    return content[: at - 1] + content[at : at + 1] + content[at - 1 : at] + content[at + 1 :]


def cut_and_pad(content: bytes) -> bytes:
    return content[: len(content) // 2].ljust(len(content), b" ")


DAMAGES = [flip, swap, cut_and_pad]
Damage = Callable[[bytes], bytes]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path / "scoring", "key")
    with stage.writing() as folder:
        (folder / "scores.jsonl").write_text('{"rouge1": [0.200]}\n')
        (folder / "model.safetensors").write_bytes(bytes(range(200)))
    return stage


def damage_file(path: Path, damage: Damage) -> None:
    content = path.read_bytes()
    path.write_bytes(damage(content))
    assert len(path.read_bytes()) == len(content)
    assert path.read_bytes() != content


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["scores.jsonl", "model.safetensors", names.MANIFEST])
def test_a_stage_with_a_changed_file_of_the_same_length_is_not_whole(stage: Stage, name: str, damage: Damage) -> None:
    assert stage.is_complete
    damage_file(stage.folder / name, damage)
    assert not stage.is_complete
    with pytest.raises(StageError, match=r"damaged|another configuration"):
        stage.require()


@pytest.mark.parametrize("name", ["schema_version", "key", "files", "sha256"])
@pytest.mark.parametrize("how", ["changed", "left out"])
def test_a_manifest_that_was_changed_is_damage_and_no_other_configuration(stage: Stage, name: str, how: str) -> None:
    path = stage.folder / names.MANIFEST
    values = load_json(path)
    changed = {"schema_version": 1, "key": "kez", "files": {}, "sha256": "0" * 64}
    save_json(
        {n: v for n, v in values.items() if n != name} | ({name: changed[name]} if how == "changed" else {}), path
    )
    told: list[str] = []
    # To the key it was made from, to another one, and to the one that stands there.
    for key in ("key", "another key", "kez"):
        with telling_damage(told.append):
            assert not Stage(stage.folder, key).is_complete
    assert len(told) == 3
    assert all(f"{names.MANIFEST} is not what was written there" in line for line in told)


def test_a_manifest_of_an_earlier_version_is_read_without_a_digest(stage: Stage) -> None:
    path = stage.folder / names.MANIFEST
    save_json({n: v for n, v in load_json(path).items() if n != "sha256"} | {"schema_version": 1}, path)
    assert stage.is_complete


def test_weights_are_judged_by_their_length_where_nobody_reads_them(stage: Stage) -> None:
    damage_file(stage.folder / "model.safetensors", flip)
    assert stage.is_complete_but_for_weights
    assert stage.require(reads_weights=False) == stage.folder
    damage_file(stage.folder / "scores.jsonl", flip)
    assert not stage.is_complete_but_for_weights


def test_damage_is_told_once(stage: Stage) -> None:
    told: list[str] = []
    with telling_damage(told.append):
        assert stage.is_complete
        assert not Stage(stage.folder, "another key").is_complete
        assert told == []
        damage_file(stage.folder / "scores.jsonl", swap)
        assert not stage.is_complete
        assert not stage.is_complete
    (line,) = told
    assert "scores.jsonl is not what was written" in line


def test_a_file_is_read_for_its_digest_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.time() - 100
    for path in stage.folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert stage.is_complete

    def read_again(path: Path) -> str:
        raise AssertionError(path)

    monkeypatch.setattr("dialora.store.damage.hash_file", read_again)
    assert stage.is_complete


def test_an_observer_of_a_folder_is_warned(tmp_path: Path) -> None:
    events = []
    with own_folder(tmp_path / "out", observer=events.append) as folder:
        stage = folder.tokens("key")
        with stage.writing() as temporary:
            (temporary / "splits.json").write_text("[1, 2]")
        damage_file(stage.folder / "splits.json", flip)
        assert not stage.is_complete
    assert [event["event"] for event in events] == ["warning"]
    assert "made anew" in events[0]["message"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_examples_of_an_experiment_are_those_that_were_written(tmp_path: Path, damage: Damage) -> None:
    folder = ExperimentFolder(tmp_path)
    with folder.data("key").writing() as temporary:
        save_records([Example("a", "one two", ("three",))], temporary / names.examples("test"))
    assert folder.load_examples("test")[0].id == "a"
    damage_file(tmp_path / names.DATA / names.examples("test"), damage)
    with pytest.raises(StageError, match="damaged"):
        folder.load_examples("test")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_sealed_file_is_what_was_written(tmp_path: Path, damage: Damage) -> None:
    path = tmp_path / "run.yaml"
    save_sealed("name: a\nmethods: {lora: {r: 8}}\n", path)
    require_seal(path)
    damage_file(path, damage)
    with pytest.raises(StageError, match=r"run\.yaml: is not what was written"):
        require_seal(path)
    # Whoever means a change takes the seal off.
    path.write_text("name: a\nmethods: {lora: {r: 9}}\n")
    require_seal(path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_batch_of_a_log_that_was_changed_is_made_again(tmp_path: Path, damage: Damage) -> None:
    log = PartialLog(tmp_path / "partial.jsonl", "key")
    log.append(0, [{"new_ids": [11, 22, 33]}], seconds=1.0)
    first = log.path.read_bytes()
    log.append(1, [{"new_ids": [44]}], seconds=1.0)
    log.path.write_bytes(b"\n" + damage(first.strip(b"\n")) + b"\n" + log.path.read_bytes()[len(first) :])
    told: list[str] = []
    with telling_damage(told.append):
        assert log.load() == {1: LoggedBatch([{"new_ids": [44]}], 1.0)}
    assert len(told) == 1
