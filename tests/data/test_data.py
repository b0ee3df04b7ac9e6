"""Sources → Examples: every accepted form gives the same examples, every bad input one line that says what to do."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dialora.config import BUNDLED, DataConfig
from dialora.data.examples import DataSummary, DialogueDataset, fingerprint, load_dataset
from dialora.data.reading import sources
from dialora.data.reading.sources import read_source
from dialora.data.reading.splits import find_split
from dialora.data.reading.tables import stream_dialogues
from dialora.errors import DataError
from dialora.records import Example

Row = dict[str, Any]


def make_rows(split: str, count: int) -> list[Row]:
    return [
        {
            "id": f"{split}_{i}",
            "dialogue": f"A: {split} {i}?\nB: Yes.",
            "summary": f"B agrees, {split} {i}.",
            "topic": "t",
        }
        for i in range(count)
    ]


SPLITS = {"train": make_rows("train", 4), "validation": make_rows("validation", 2), "test": make_rows("test", 3)}


def write(path: Path, rows: Any) -> Path:
    """Write rows in the format the suffix names; text and bytes as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(rows, bytes):
        path.write_bytes(rows)
    elif isinstance(rows, str):
        path.write_text(rows, encoding="utf-8", newline="")
    elif path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_splits(folder: Path, suffix: str = ".jsonl", **changed: Any) -> Path:
    for split, rows in (SPLITS | changed).items():
        if rows is not None:
            write(folder / f"{split}{suffix}", rows)
    return folder


def load(source: Path | str, *, needs_train: bool = True, **options: Any) -> DialogueDataset:
    return load_dataset(DataConfig(source=str(source), **options), needs_train=needs_train)


def load_test(folder: Path, rows: Any, **options: Any) -> DialogueDataset:
    """Load a test split made of `rows`."""
    return load(write(folder / "test.jsonl", rows).parent, needs_train=False, **options)


def problem(source: Path | str, **options: Any) -> str:
    """Return the message of the DataError that loading raises, which is one line."""
    with pytest.raises(DataError) as caught:
        load(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Formats and where the splits come from


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"])
def test_every_format_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    data = load(write_splits(tmp_path, suffix))
    assert [len(data.train), len(data.validation), len(data.test)] == [4, 2, 3]
    assert data.test[1] == Example("test_1", "A: test 1?\nB: Yes.", ("B agrees, test 1.",), "t")
    assert data.summary.fingerprint["train"] == fingerprint(
        Example(row["id"], row["dialogue"], (row["summary"],), "t") for row in SPLITS["train"]
    )
    assert data.summary.notes == ()


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("dialogsum.dev.jsonl", "validation"),
        ("train-00000-of-00002.parquet", "train"),
        ("my_TEST_set.csv", "test"),
        ("valid.json", "validation"),
        ("val", "validation"),
        ("eval.csv", "validation"),
        ("dialogsum.hiddentest.dialogue.jsonl", None),
        ("contest.csv", None),
        ("constraints.csv", None),
        ("train_test.csv", None),
        ("devtest.csv", None),
    ],
)
def test_a_split_is_a_whole_word_of_the_name(name: str, split: str | None) -> None:
    assert find_split(name) == split


def test_a_nested_data_folder_and_shards_in_name_order(tmp_path: Path) -> None:
    write(tmp_path / "README.md", "a card")
    for shard in range(11):
        write(tmp_path / f"data/train-{shard}.jsonl", [{"id": shard, "dialogue": f"d{shard}", "summary": "s"}])
    write(tmp_path / "data/test.jsonl", SPLITS["test"])
    data = load(tmp_path)
    assert [example.id for example in data.train] == [str(shard) for shard in range(11)]
    assert "train: joined 11 files: train-0.jsonl, train-1.jsonl" in data.summary.notes[0]


def test_the_data_folder_is_not_read_beside_split_files(tmp_path: Path) -> None:
    write_splits(write_splits(tmp_path) / "data")
    assert len(load(tmp_path).train) == 4


def test_an_incomplete_set_of_shards_is_an_error(tmp_path: Path) -> None:
    write_splits(tmp_path, train=None)
    write(tmp_path / "train-00000-of-00002.jsonl", SPLITS["train"])
    assert "train: 1 of 2 shards are there" in problem(tmp_path)


def test_files_of_no_split_are_left_out_with_a_note(tmp_path: Path) -> None:
    write_splits(tmp_path)
    write(tmp_path / "sum.hiddentest.jsonl", "not read")
    write(tmp_path / "test.jsonl.gz", b"not read")
    write(tmp_path / "._train.csv", b"\x00\x05")
    data = load(tmp_path)
    assert len(data.train) == 4
    (note,) = data.summary.notes
    assert "belongs to no split (2): sum.hiddentest.jsonl, test.jsonl.gz" in note


def test_two_formats_for_one_split(tmp_path: Path) -> None:
    write(write_splits(tmp_path) / "test.csv", SPLITS["test"])
    assert "test: files of different formats for one split: test.csv, test.jsonl" in problem(tmp_path)


def test_two_files_for_one_split_that_are_no_shards(tmp_path: Path) -> None:
    write(write_splits(tmp_path) / "dev.jsonl", SPLITS["validation"])
    assert "validation: several files for one split: dev.jsonl, validation.jsonl" in problem(tmp_path)


def test_a_folder_without_splits_says_what_it_found(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", SPLITS["train"])
    write(tmp_path / "b.csv", SPLITS["train"])
    assert "no split found" in problem(tmp_path)
    assert "Found: a.csv, b.csv." in problem(tmp_path)


def test_json_forms(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(row) for row in SPLITS["test"])
    forms: list[Any] = [SPLITS["test"], {"version": 1, "data": SPLITS["test"]}, lines, lines + "\n\n"]
    for number, form in enumerate(forms):
        data = load(write(tmp_path / str(number) / "test.json", form), needs_train=False)
        assert [example.id for example in data.test] == ["test_0", "test_1", "test_2"]


@pytest.mark.parametrize("nested", [False, True])
def test_one_json_file_with_a_list_per_split(tmp_path: Path, nested: bool) -> None:
    splits: Row = {"train": SPLITS["train"], "val": SPLITS["validation"], "test": SPLITS["test"], "extra": [1]}
    data = load(write(tmp_path / "all.json", {"data": splits} if nested else splits))
    assert [len(data.train), len(data.validation), len(data.test)] == [4, 2, 3]
    assert "belongs to no split (1): extra" in data.summary.notes[0]


def test_samsum_as_three_files_and_as_one(tmp_path: Path) -> None:
    def make(split: str, count: int) -> list[Row]:
        rows = make_rows(split, count)
        return [{"id": r["id"], "summary": r["summary"], "dialogue": r["dialogue"].replace("\n", "\r\n")} for r in rows]

    for name in ("train", "val", "test"):
        write(tmp_path / "samsum" / f"{name}.json", make(name, 5))
    data = load(tmp_path / "samsum")
    assert [len(data.train), len(data.validation), len(data.test)] == [5, 5, 5]
    assert data.train[0].dialogue == "A: train 0?\nB: Yes."
    one = load(write(tmp_path / "samsum.json", make("all", 30)))
    assert [len(one.train), len(one.validation), len(one.test)] == [24, 3, 3]


# A single file without splits


def test_hold_out_is_by_dialogue_seeded_and_noted(tmp_path: Path) -> None:
    rows = make_rows("x", 50)
    repeated = [row | {"id": f"{row['id']}_b", "summary": "Another."} for row in rows]
    path = write(tmp_path / "chats.jsonl", rows + repeated + [{"id": "e", "dialogue": "", "summary": "s"}])
    data = load(path)
    assert [len(data.train), len(data.validation), len(data.test)] == [40, 5, 5]
    assert all(len(example.references) == 2 for example in data.test)
    dialogues = [{e.dialogue for e in split} for split in (data.train, data.validation, data.test)]
    assert len(set.union(*dialogues)) == 50
    assert data.summary.splits["train"].skipped == {"empty dialogue": 1}
    assert "divided with seed 0 into 40 / 5 / 5 dialogues" in data.summary.notes[0]
    assert load(path) == data
    assert load(path, seed=1).summary.fingerprint["test"] != data.summary.fingerprint["test"]
    assert load(tmp_path).summary.fingerprint == data.summary.fingerprint, "a folder with one such file is that file"


def test_hold_out_needs_three_dialogues(tmp_path: Path) -> None:
    assert "2 distinct dialogues cannot be split" in problem(write(tmp_path / "chats.csv", make_rows("x", 2)))


def test_a_single_file_that_names_a_split_is_that_split(tmp_path: Path) -> None:
    path = write(tmp_path / "my.test.csv", SPLITS["test"])
    data = load(path, needs_train=False)
    assert (data.train, data.validation, len(data.test)) == ((), (), 3)
    assert "no train split, which training needs. Found: test" in problem(path)


# Bundled data, the hub, paths


def test_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_splits(tmp_path / "assets" / "dialogues")
    monkeypatch.setattr(sources.resources, "files", lambda package: {"dialora": tmp_path}[package])
    assert len(load(BUNDLED).train) == 4


def test_hub_id(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    calls = []

    def load_stub(name: str, *, revision: str | None) -> dict[str, list[Row]]:
        calls.append((name, revision))
        return {"train": SPLITS["train"], "dev": SPLITS["validation"], "test": SPLITS["test"], "unlabelled": []}

    monkeypatch.setattr(datasets, "load_dataset", load_stub)
    data = load("owner/name-v1.1", revision="abc")
    assert calls == [("owner/name-v1.1", "abc")]
    assert [len(data.train), len(data.validation), len(data.test)] == [4, 2, 3]
    assert "belongs to no split (1): unlabelled" in data.summary.notes[0]


def test_hub_id_with_one_unnamed_split_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets, "load_dataset", lambda name, revision: {"default": make_rows("x", 20)})
    assert len(load("name").test) == 2


def test_hub_splits_that_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets, "load_dataset", lambda name, revision: {"dev": [], "validation": [], "test": []})
    assert "'dev' and 'validation' both name the validation split" in problem("name")


def test_hub_failure_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def fail(name: str, *, revision: str | None) -> None:
        raise ConnectionError("Couldn't reach the Hub.\nmore\nlines")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    message = problem("owner/name", revision="v2")
    assert "owner/name: no such file or folder here, nor a hub data set (revision v2) that can be loaded" in message
    assert "ConnectionError: Couldn't reach the Hub. Check" in message
    assert "hf auth login" in message


def test_the_real_datasets_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    folder, real = write_splits(tmp_path / "data", ".csv"), datasets.load_dataset

    def load_local(name: str, *, revision: str | None) -> Any:
        return real(str(folder), revision=revision, cache_dir=str(tmp_path / "cache"))

    monkeypatch.setattr(datasets, "load_dataset", load_local)
    assert load("owner/name").summary.fingerprint == load(folder).summary.fingerprint


def test_a_local_folder_wins_over_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_splits(tmp_path / "owner" / "name")
    monkeypatch.chdir(tmp_path)
    assert len(load("owner/name").train) == 4


@pytest.mark.parametrize(
    "source", ["./nope", "/nope", "~/nope-dialora", "a/b/c", "nope.csv", "a/nope.jsonl.gz", "", "a b"]
)
def test_a_missing_path_is_not_looked_up_on_the_hub(source: str) -> None:
    assert f"{source}: no such file or folder. Relative paths count from" in problem(source)


def test_importing_the_modules_loads_no_framework() -> None:
    code = "import sys, dialora.data.examples; sys.exit(bool({'datasets', 'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Files that cannot be read

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 123\n"

BAD_FILES = {
    "empty": ("test.csv", b"", "test.csv: is empty"),
    "blank": ("test.jsonl", b"\n \n", "test.jsonl: is empty"),
    "header only": ("test.csv", b"dialogue,summary\n", "test.csv: has no rows"),
    "empty list": ("test.json", b"[]", "test.json: has no rows"),
    "latin-1": ("test.csv", b"dialogue,summary\na,b\ncaf\xe9,c\n", "byte 24 (line 3) is 0xe9, which is not UTF-8"),
    "bom and latin-1": ("test.csv", b"\xef\xbb\xbfdialogue\n\xe9", "byte 12 (line 2)"),
    "utf-16 cut off": ("test.csv", b"\xff\xfed\x00i", "test.csv: begins as UTF-16 does, but is not"),
    "gzip cut off": ("test.csv.gz", gzip.compress(b"dialogue,summary\na,b\n")[:-9], "is not a whole gzip file"),
    "cells": ("test.csv", b'dialogue,summary\n"a\nb",c\nd,e,f\n', "line 4: 3 cells where the header has 2"),
    "open quote": ("test.csv", b'dialogue,summary\na,b\n"c,d\ne,f\n', "line 3: is not valid CSV"),
    "two columns": ("test.csv", b"dialogue,summary,summary\na,b,c\n", "two columns are called 'summary'"),
    "broken line": ("test.jsonl", b'{"a": 1}\n\n{"a": \n', "test.jsonl: line 3: is not valid JSON: Expecting value"),
    "line no object": ("test.jsonl", b'{"a": 1}\n[2]\n', "line 2: must be a JSON object, got list"),
    "broken json": ("test.json", b'[\n{"a": 1},\n{"a" 1}]', "test.json: line 3: is not valid JSON"),
    "broken json lines": ("test.json", b'{"a": 1}\n{"a" 1}\n', "test.json: line 2: is not valid JSON"),
    "row no object": ("test.json", b'[{"a": 1}, "b"]', "row 2: must be a JSON object, got str"),
    "number": ("test.json", b"3", "must be a list of rows, JSON lines, or an object"),
    "deep": ("test.json", b"[" * 100_000, "line 1: is not valid JSON"),
    "parquet": ("test.parquet", b"PAR1 no", "is not a readable Parquet file"),
    "suffix": ("test.odd", b"PK", "unknown format '.odd'; the format is recognised by its suffix: .arrow, .csv"),
    "workbook": ("test.xls", b"PK", "save it as .xlsx, or the sheet as “CSV UTF-8”"),
    "archive": ("test.zip", b"PK", "archives are not read; unpack it"),
    "Git LFS": ("test.parquet", LFS_POINTER, "is a Git LFS pointer, not the data; get them with `git lfs pull`"),
    "repeated header": ("test.csv", b"dialogue,summary\na,b\ndialogue,summary\n", "line 3: repeats the header"),
    "two headers": ("test.csv", b"text,text\ndialogue,summary\na,b\n", "remove the first of two header lines"),
    "single quotes": ("test.csv", b"dialogue,summary\n'a, b',c\n", "single quotes are no quotes in CSV"),
    "backslashes": ("test.csv", b'dialogue,summary\n"a \\"b\\" c",d\n', 'is written twice ("")'),
}


@pytest.mark.parametrize(("name", "content", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    message = problem(write(tmp_path / name, content), needs_train=False)
    assert expected in message
    assert str(tmp_path / name) in message


def test_a_split_file_in_a_folder_holding_several_splits(tmp_path: Path) -> None:
    write_splits(tmp_path, ".json", test=SPLITS)
    assert "holds several splits (train, validation, test); give this file itself" in problem(tmp_path)


def test_what_looks_odd_but_is_fine(tmp_path: Path) -> None:
    long = "x" * 300_000
    text = f'\ufeffDialogue ,SUMMARY\r\n"A: ""hi""\r\nB: é",s\r\n\r\n{long},t\r\n'
    data = load(write(tmp_path / "test.csv", text), needs_train=False)
    assert [example.dialogue for example in data.test] == ['A: "hi"\nB: é', long]
    data = load_test(tmp_path / "lines", '\ufeff{"dialogue": "a\u0301b\x85", "summary": "s"}\r\n')
    assert data.test[0].dialogue == "a\u0301b"


# Columns


def test_columns_are_recognised_whatever_their_case(tmp_path: Path) -> None:
    row = {"FName": 7, "Conversation": "d", "Highlights": "s", "Topic1": "t"}
    data = load_test(tmp_path, [row])
    assert data.test == (Example("7", "d", ("s",), "t"),)
    roles = {"dialogue": ["Conversation"], "summary": ["Highlights"], "id": ["FName"], "topic": ["Topic1"]}
    assert data.summary.columns == {"test": roles}


def test_named_columns_win(tmp_path: Path) -> None:
    row = {"dialogue": "no", "chat": "d", "summary": "no", "a": "1", "b": "2", "key": "k", "about": "t"}
    named = {"dialogue_column": "chat", "summary_columns": ("b", "a"), "id_column": "key", "topic_column": "about"}
    assert load_test(tmp_path, [row], **named).test == (Example("k", "d", ("2", "1"), "t"),)


@pytest.mark.parametrize("option", ["dialogue_column", "summary_columns", "id_column", "topic_column"])
def test_a_named_column_that_does_not_exist(tmp_path: Path, option: str) -> None:
    value = ("summary", "nope") if option == "summary_columns" else "nope"
    expected = f"data.{option}: 'nope' is not a column. Columns: id, dialogue, summary, topic."
    assert problem(write_splits(tmp_path), **{option: value}) == expected
    chats = write(tmp_path / "one" / "chats.csv", make_rows("x", 9))
    assert problem(chats, **{option: value}) == expected


def test_named_summary_columns_may_differ_between_splits(tmp_path: Path) -> None:
    write_splits(tmp_path, test=[{"dialogue": "d", "summary1": "a", "summary2": "b"}])
    data = load(tmp_path, summary_columns=("summary", "summary1", "summary2"))
    assert data.test[0].references == ("a", "b")
    assert data.train[0].references == ("B agrees, train 0.",)


def test_missing_columns(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "test.csv", [{"talk": "d", "summary": "s"}]), needs_train=False)
    assert "test: no dialogue column. Columns: talk, summary. Recognised: dialogue, dialog" in message
    assert "data.dialogue_column names another" in message
    message = problem(write(tmp_path / "test.csv", [{"id": 1, "dialogue": "d"}]), needs_train=False)
    assert "test: no summary column, so nothing can be scored. Columns: id, dialogue. Recognised: summary" in message
    assert "data.summary_columns names another" in message


def test_a_file_without_a_header_says_so_on_one_line(tmp_path: Path) -> None:
    message = problem(write(tmp_path / "test.csv", '"A: a\nB: b",c\n"A: d\nB: e",f\n'), needs_train=False)
    assert "the first row looks like data, not like a header" in message
    assert "Columns: A: a B: b, c." in message


def test_ambiguous_columns_are_noted(tmp_path: Path) -> None:
    data = load_test(tmp_path, [{"text": "no", "dialog": "d", "target": "no", "summary": "s"}])
    assert data.test[0] == Example("test_0", "d", ("s",))
    assert "test: 'dialog' is read as the dialogue; text could be it too." in data.summary.notes
    assert "test: summary is read as the summary; target could be it too." in data.summary.notes


@pytest.mark.parametrize(
    ("turns", "dialogue"),
    [
        (["A: hi", " B: yo ", None, ""], "A: hi\nB: yo"),
        ([{"speaker": "A", "text": "hi"}, {"speaker": "B", "text": ""}], "A: hi"),
        ([{"Role": "user", "Content": "hi"}, {"Role": None, "Content": "yo"}], "user: hi\nyo"),
        ([{"utterance": "hi", "speaker": 0}], "0: hi"),
    ],
)
def test_a_dialogue_may_be_a_list_of_turns(tmp_path: Path, turns: list[Any], dialogue: str) -> None:
    assert load_test(tmp_path, [{"dialogue": turns, "summary": "s"}]).test[0].dialogue == dialogue


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"dialogue": 3, "summary": "s"}, "test: row 2: the dialogue must be text, got int: '3'"),
        (
            {"dialogue": {"a": 1}, "summary": "s"},
            "row 2: the dialogue must be text or a list of turns, got an object with a",
        ),
        ({"dialogue": [3], "summary": "s"}, "test: row 2: the turn of the dialogue must be text, got int"),
        ({"dialogue": [{"a": "b"}], "summary": "s"}, "test: row 2: a turn has no text. Keys: a. Recognised: text"),
        ({"dialogue": "d", "summary": 4.5}, "test: row 2: the summary must be text, got float: '4.5'"),
        ({"dialogue": "d \ud83d", "summary": "s"}, "test: row 2: the dialogue holds half a character, '\\ud83d'"),
        ({"dialogue": "d", "summary": "s", "id": "\ud83d"}, "test: row 2: the id holds half a character, '\\ud83d'"),
        ({"dialogue": "d", "summary": "s", "topic": "\udc00t"}, "test: row 2: the topic holds half a character"),
        (
            {"dialogue": [{"speaker": "A\ud83d", "text": "hi"}], "summary": "s"},
            "test: row 2: the speaker of a turn holds half a character",
        ),
        ({"dialogue": "d", "summary": "s", "\ud83d": 1}, "column '\\ud83d': the name holds half a character"),
    ],
)
def test_a_value_that_is_no_text(tmp_path: Path, row: Row, expected: str) -> None:
    rows = [json.dumps(line) for line in ({"dialogue": "fine", "summary": "s"}, row)]
    assert expected in problem(write(tmp_path / "test.jsonl", "\n".join(rows)), needs_train=False)


# References, ids, empty cells


def test_references_from_columns(tmp_path: Path) -> None:
    rows = [
        {"summary10": "ten", "dialogue": "d", "summary2": "two", "summary1": "one"},
        {"dialogue": "e", "summary1": " one ", "summary2": "", "summary10": None},
        {"dialogue": "f", "summary1": "one", "summary2": "one", "summary10": float("nan")},
        {"dialogue": "g", "summary_3": ["a", "b"]},
    ]
    data = load_test(tmp_path, rows)
    assert [e.references for e in data.test] == [("one", "two", "ten"), ("one",), ("one", "one"), ("a", "b")]


def test_rows_that_repeat_a_dialogue_are_references(tmp_path: Path) -> None:
    rows = [
        {"id": f"test_{i}_{j}", "dialogue": f" d{i}\r\nx ", "summary": f"s{j % 2}"} for i in (0, 1) for j in (1, 2, 3)
    ]
    data = load_test(tmp_path, rows)
    expected = [Example(f"test_{i}", f"d{i}\nx", ("s1", "s0", "s1")) for i in (0, 1)]
    assert list(data.test) == expected, "identical references are kept"
    counts = data.summary.splits["test"]
    assert (counts.rows, counts.examples, counts.references, counts.merged_rows) == (6, 2, 6, 4)


def test_ids_of_merged_rows(tmp_path: Path) -> None:
    rows = [
        {"id": "train_1", "dialogue": "a", "summary": "s"},
        {"id": "train_2", "dialogue": "a", "summary": "s"},
        {"id": "train_3", "dialogue": "b", "summary": "s"},
        {"id": "x_1", "dialogue": "c", "summary": "s"},
        {"id": "x_2", "dialogue": "c", "summary": "s"},
        {"id": "x", "dialogue": "d", "summary": "s"},
        {"id": "same_1", "dialogue": "e", "summary": "s"},
        {"id": "same_1", "dialogue": "e", "summary": "s"},
        {"id": "", "dialogue": "f", "summary": "s"},
        {"dialogue": "g", "summary": "s"},
    ]
    ids = [example.id for example in load_test(tmp_path, rows).test]
    assert ids == ["train_1", "train_3", "x_1", "x", "same_1", "test_8", "test_9"]


def test_one_id_for_different_dialogues(tmp_path: Path) -> None:
    rows = [{"id": f"k{i % 5}", "dialogue": f"d{i}", "summary": "s"} for i in range(10)]
    message = problem(write(tmp_path / "test.jsonl", rows), needs_train=False)
    assert "test: 5 ids stand for different dialogues: 'k0' (rows 1, 6), 'k1' (rows 2, 7), 'k2' (rows 3, 8)." in message
    assert "data.id_column" in message


def test_empty_cells_are_counted(tmp_path: Path) -> None:
    rows = [
        {"dialogue": " \n", "summary": "s"},
        {"dialogue": None, "summary": "s"},
        {"dialogue": "a", "summary": " "},
        {"dialogue": "b", "summary": []},
        {"dialogue": float("nan"), "summary": None},
        {"dialogue": "c", "summary": "s"},
        {"dialogue": "c", "summary": "t"},
    ]
    data = load_test(tmp_path, rows)
    counts = data.summary.splits["test"]
    assert [example.id for example in data.test] == ["test_5"]
    assert counts.skipped == {"empty dialogue": 3, "empty summary": 2}
    assert counts.rows == counts.examples + counts.merged_rows + sum(counts.skipped.values())


def test_a_split_that_ends_empty(tmp_path: Path) -> None:
    rows = [{"dialogue": "", "summary": "s"}, {"dialogue": "d", "summary": ""}]
    message = problem(write_splits(tmp_path, train=rows))
    assert message == "train: none of its 2 rows can be used (1 empty dialogue, 1 empty summary)."


# Splits, limits, the summary


def test_missing_splits(tmp_path: Path) -> None:
    assert "no test split, so nothing can be scored. Found: train, validation" in problem(
        write_splits(tmp_path / "a", test=None)
    )
    no_train = write_splits(tmp_path / "b", train=None)
    assert "no train split, which training needs. Found: validation, test" in problem(no_train)
    assert load(no_train, needs_train=False).train == ()
    data = load(write_splits(tmp_path / "c", validation=None))
    assert data.validation == ()
    (note,) = data.summary.notes
    assert note.startswith("The source names train and test and nothing was divided. ")
    assert note.endswith("There is no validation split, so no validation loss will be reported.")


def test_limits_draw_with_the_seed_and_keep_the_order(tmp_path: Path) -> None:
    folder = write_splits(tmp_path, train=make_rows("train", 100))
    data = load(folder, max_train_examples=10, max_validation_examples=2, max_test_examples=99)
    numbers = [int(example.id.removeprefix("train_")) for example in data.train]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)
    assert numbers != list(range(10))
    assert load(folder, max_train_examples=10).train == data.train
    assert load(folder, max_train_examples=10, seed=1).train != data.train
    counts = data.summary.splits
    assert (counts["train"].rows, counts["train"].examples, counts["train"].limited_to) == (100, 10, 10)
    assert counts["validation"].limited_to is None
    assert (counts["test"].examples, counts["test"].limited_to) == (3, None)
    assert data.summary.notes == ("test: data.max_test_examples is 99; all 3 examples are used.",)


def test_summary_survives_json(tmp_path: Path) -> None:
    write(write_splits(tmp_path) / "notes.csv", "x")
    summary = load(tmp_path, max_train_examples=2).summary
    assert DataSummary.from_json(json.loads(json.dumps(summary.to_json()))) == summary


def test_fingerprint_depends_on_every_part_and_the_order() -> None:
    a, b = Example("1", "d", ("s",)), Example("2", "é", ("s", "t"), "x")
    variants = [[a, b], [b, a], [a], [a, Example("2", "é", ("s",), "x")], [a, Example("2", "é", ("s", "t"))], []]
    assert len({fingerprint(items) for items in variants}) == len(variants)
    assert fingerprint([a, b]) == fingerprint(iter([a, b]))
    assert len(fingerprint([])) == 64


# DialogSum as it is


def test_dialogsum_from_the_hub_and_from_its_authors_is_the_same(real_data: Path) -> None:
    hub, original = load(real_data / "dialogsum" / "hub"), load(real_data / "dialogsum" / "original")
    train, validation, test = (hub.summary.splits[split] for split in ("train", "validation", "test"))
    assert (train.rows, train.examples, train.references, train.merged_rows) == (12460, 12458, 12460, 2)
    assert (validation.rows, validation.examples) == (500, 500)
    assert (test.rows, test.examples, test.references, test.merged_rows) == (1500, 500, 1500, 1000)
    assert {len(example.references) for example in hub.test} == {3}
    assert hub.test[0].id == "test_0"
    assert (hub.train, hub.validation, hub.test) == (original.train, original.validation, original.test)
    assert hub.summary.fingerprint == original.summary.fingerprint
    assert original.summary.columns["test"]["summary"] == ["summary1", "summary2", "summary3"]
    (note,) = original.summary.notes
    assert "(2): dialogsum.hiddentest.dialogue.jsonl, dialogsum.hiddentest.topic.jsonl" in note


def test_read_source_gives_rows_as_they_stand(tmp_path: Path) -> None:
    source = read_source(DataConfig(source=str(write_splits(tmp_path))))
    assert source.splits == SPLITS
    assert (source.unsplit, source.notes) == ([], ())


# One reader for data and for tables to summarize

SAME_ROWS = {
    "quotes": ("t.csv", b'dialogue,summary\r\n"A: ""hi""\nB: yo",s\r\n\r\nb,t\r\n'),
    "cr only": ("t.csv", b"dialogue,summary\ra,s\rb,t\r"),
    "no line end": ("t.tsv", b"\xef\xbb\xbfdialogue\tsummary\na\ts\nb\tt"),
    "lines": ("t.jsonl", b'{"dialogue": "a", "summary": "s"}\n\n{"dialogue": "b\xe2\x80\xa8c", "summary": "t"}'),
    "lines as json": ("t.json", b'{"dialogue": "a", "summary": "s"}\n{"dialogue": "b", "summary": "t"}\n'),
    "one line": ("t.json", b'{"data": [{"dialogue": "a", "summary": "s"}, {"dialogue": "b", "summary": "t"}]}'),
    "one row": ("t.json", b'{"dialogue": ["A: a", "B: b"], "summary": "s"}'),
    "one row of turns": ("t.json", b'{"dialogue": [{"speaker": "A", "text": "A: a"}], "summary": ["s"]}'),
    "by columns": ("t.json", b'{"dialogue": ["a", "b"], "summary": ["s", "t"]}'),
    "by columns and index": ("t.json", b'{"dialogue": {"0": "a", "1": "b"}, "summary": {"0": "s", "1": "t"}}'),
    "by index": ("t.json", b'{"0": {"dialogue": "a", "summary": "s"}, "1": {"dialogue": "b", "summary": "t"}}'),
    "names apart": (
        "t.json",
        b'{"columns": ["dialogue", "summary"], "index": [0, 1], "data": [["a", "s"], ["b", "t"]]}',
    ),
    "one after the other": (
        "t.json",
        b'{\n"dialogue": "a", "summary": "s"\n}\n{\n"dialogue": "b", "summary": "t"\n}\n',
    ),
    "gzip": ("t.csv.gz", gzip.compress(b"dialogue,summary\na,s\nb,t\n")),
    "utf-16": ("t.csv", "dialogue,summary\na,s\nb,té\n".encode("utf-16")),
    "semicolons": ("t.csv", b"id;dialogue;summary\n1;a, b;s\n2;b;t\n"),
    "tabs": ("t.csv", b"id\tdialogue\tsummary\n1\ta\ts\n2\tb\tt\n"),
    "bars": ("t.csv", b"src|tgt\na|s\nb|t\n"),
    "Excel's first line": ("t.csv", b"sep=;\ndialogue;summary\na;s\nb;t\n"),
    "comments": ("t.csv", b"# exported\n# by hand\ndialogue,summary\na,s\nb,t\n"),
    "over lines": ("t.json", b'{"data": [{"dialogue": "a", "summary": "s"}\n, {"dialogue": "b", "summary": "t"}]}'),
}


@pytest.mark.parametrize(("name", "content"), SAME_ROWS.values(), ids=SAME_ROWS)
def test_a_table_to_summarize_is_read_as_training_data_are(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path / f"test-{name}", content)
    examples = load(path, needs_train=False).test
    streamed = [item.dialogue for item in stream_dialogues(path, DataConfig(source=str(path)))]
    assert [example.dialogue for example in examples] == streamed
    assert len(streamed) == (1 if b"A: a" in content else 2)


@pytest.mark.parametrize(("name", "content", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_table_to_summarize_is_refused_as_training_data_are(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        list(stream_dialogues(path, DataConfig(source=str(path))))
    assert expected in str(caught.value)


def test_the_first_bad_byte_is_found_behind_the_first_block(tmp_path: Path) -> None:
    rows = b'{"dialogue": "caf\xc3\xa9", "summary": "s"}\n' * 60_000
    path = write(tmp_path / "test.jsonl", rows + b'{"dialogue": "\xc3"}\n')
    offset = len(rows) + len(b'{"dialogue": "')
    assert f"byte {offset} (line 60001) is 0xc3, which is not UTF-8" in problem(path, needs_train=False)
    path = write(tmp_path / "cut" / "test.jsonl", rows + b"\xe2\x80")
    assert f"byte {len(rows)} (line 60001) is 0xe2" in problem(path, needs_train=False)


def test_only_examples_with_special_tokens_are_others_than_before() -> None:
    plain, special = Example("a", "A: <b> Hi.", ("Hi.",)), Example("a", "A: </s> Hi.", ("Hi.",))
    for example, same in ((plain, True), (special, False)):
        line = json.dumps(example.to_json(), sort_keys=True).encode() + b"\n"
        assert (fingerprint([example]) == hashlib.sha256(line).hexdigest()) is same
