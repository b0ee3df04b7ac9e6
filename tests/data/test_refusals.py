"""What the system or a format cannot read: one line that says why, by every verb."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.examples import load_dataset
from dialora.data.reading.tables import fingerprint_table, stream_dialogues
from dialora.errors import DataError

TABLE = "dialogue,summary\na,s\nb,t\nc,u\n"


def make_source(folder: Path, kind: str) -> str:
    (folder / "a.csv").write_text(TABLE, encoding="utf-8")
    if kind == "pipe":
        os.mkfifo(folder / "pipe.csv")
    elif kind == "loop":
        (folder / "loop").symlink_to(folder / "loop")
    sources = {
        "name too long": "x" * 3000,
        "path too long": "x/" * 3000,
        "no folder": str(folder / "a.csv" / "b.csv"),
        "pipe": str(folder / "pipe.csv"),
        "device": "/dev/zero",
        "loop": str(folder / "loop"),
        "nothing inside": "a\0b.csv",
    }
    return sources[kind]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("name too long", "File name too long"),
        ("path too long", "File name too long"),
        ("no folder", "Not a directory"),
        ("pipe", "is no file but a pipe or device"),
        ("device", "is no file but a pipe or device"),
        ("loop", "Too many levels of symbolic links"),
        ("nothing inside", "holds a control character"),
    ],
)
def test_what_the_system_cannot_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, reason: str
) -> None:
    source = make_source(tmp_path, kind)
    assert main(["data", "check", source, "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert len(line) < 500
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["pipe", "loop", "no folder"])
def test_a_table_to_summarize_that_the_system_cannot_read(tmp_path: Path, kind: str) -> None:
    source = Path(make_source(tmp_path, kind))
    with pytest.raises(DataError):
        list(stream_dialogues(source, DataConfig(source="x")))
    if kind != "pipe":
        with pytest.raises(DataError, match="cannot be read"):
            fingerprint_table(source)


def load(path: Path) -> Any:
    return load_dataset(DataConfig(source=str(path)), needs_train=False)


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_key_that_stands_twice_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"test{suffix}"
    path.write_text('{"dialogue": "a", "dialogue": "b", "summary": "s"}\n' * 2, encoding="utf-8")
    with pytest.raises(DataError, match="line 1: is not valid JSON: the key 'dialogue' stands twice in one object"):
        load(path)


def test_a_parquet_file_whose_texts_are_no_utf8(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    broken = pyarrow.array([b"\xff\xfe\x80x", b"a"], pyarrow.binary()).cast(pyarrow.binary()).view(pyarrow.utf8())
    parquet.write_table(pyarrow.table({"dialogue": broken, "summary": ["s", "t"]}), tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"test\.parquet: rows 1 to 2: a text is not UTF-8"):
        load(tmp_path / "test.parquet")


def test_an_arrow_file_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "test.arrow").write_bytes(b"no arrow")
    with pytest.raises(DataError, match=r"test\.arrow: is not a readable Arrow file"):
        load(tmp_path / "test.arrow")


def test_an_arrow_file_of_either_kind(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"dialogue": ["a", "b"], "summary": ["s", "t"]})
    for name, open_writer in (("stream", pyarrow.ipc.new_stream), ("file", pyarrow.ipc.new_file)):
        path = tmp_path / name / "test.arrow"
        path.parent.mkdir()
        with open_writer(str(path), table.schema) as writer:
            writer.write_table(table)
        assert [example.dialogue for example in load(path).test] == ["a", "b"]


def test_json_that_stands_once_is_read(tmp_path: Path) -> None:
    rows = [{"dialogue": "a", "summary": "s"}, {"dialogue": "b", "summary": "t"}]
    (tmp_path / "test.json").write_text(json.dumps({"train": rows, "test": rows}), encoding="utf-8")
    assert len(load(tmp_path / "test.json").train) == 2
