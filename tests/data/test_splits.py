"""Which split a row belongs to: a split column, folders and names as people have them, files that are named."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from dialora.config import DataConfig, load_experiment
from dialora.data.examples import DialogueDataset, load_dataset
from dialora.errors import ConfigError, DataError

SIZES = {"train": 4, "validation": 2, "test": 3}


def write(path: Path, split: str, /, **more: str) -> Path:
    """Write a CSV of as many rows as a split has, whose ids tell the split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "dialogue", "summary", *more])
        for at in range(SIZES[split]):
            writer.writerow(
                [f"{split}-{at}-x", f"A: {split} {at}?\nB: Yes.", f"B agrees, {split} {at}.", *more.values()]
            )
    return path


def load(source: Path, **options: Any) -> DialogueDataset:
    return load_dataset(DataConfig(source=str(source), **options), needs_train=False)


def problem(source: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_right(data: DialogueDataset) -> None:
    for split, size in SIZES.items():
        assert [example.id.split("-")[0] for example in getattr(data, split)] == [split] * size


# A split column


def join(folder: Path, column: str = "split", **names: str) -> Path:
    """Write one file with all splits, called in a column what `names` says."""
    rows: list[list[str]] = []
    for split in SIZES:
        path = write(folder / "parts" / f"{split}.csv", split, **{column: names.get(split, split)})
        with path.open(encoding="utf-8", newline="") as file:
            header, *own = csv.reader(file)
            rows += own
    whole = folder / "whole" / "chats.csv"
    whole.parent.mkdir(exist_ok=True)
    with whole.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return whole


def test_a_split_column_decides(tmp_path: Path) -> None:
    data = load(join(tmp_path, train="TRAIN", validation="dev"))
    assert_right(data)
    assert (
        "Column 'split' decides which split a row belongs to: train 4, validation 2, test 3 rows." in data.summary.notes
    )


def test_a_split_column_decides_against_the_file_s_name(tmp_path: Path) -> None:
    assert_right(load(join(tmp_path).rename(tmp_path / "my_test_data.csv")))


def test_a_split_column_may_be_named(tmp_path: Path) -> None:
    whole = join(tmp_path, column="fold")
    assert_right(load(whole, split_column="fold"))
    assert "data.split_column: 'nope' is not a column" in problem(whole, split_column="nope")
    whole = join(tmp_path, column="fold", train="2023", validation="2024", test="2025")
    assert (
        "data.split_column: 'fold' holds what names no split: '2023' (4), '2024' (2), '2025' (3); a split is"
        in problem(whole, split_column="fold")
    )


def test_rows_of_another_split_are_left_out_with_a_note(tmp_path: Path) -> None:
    data = load(join(tmp_path, validation="hidden"))
    assert (len(data.train), len(data.validation), len(data.test)) == (4, 0, 3)
    assert "Column 'split': left out rows that belong to no split: 'hidden' (2)." in data.summary.notes


def test_a_column_that_names_no_splits_is_not_taken_for_one(tmp_path: Path) -> None:
    for split in SIZES:
        write(tmp_path / f"{split}.csv", split, split="2024")
    data = load(tmp_path)
    assert_right(data)
    assert "Column 'split' is not read as splits: '2024' (9) name none." in data.summary.notes


# Folders


FOLDERS = {
    "camel case": ("TrainingSet.csv", "ValidationSet.csv", "TestSet.csv"),
    "other words": ("training.csv", "eval.csv", "testing.csv"),
    "a number": ("train1.csv", "val.csv", "test1.csv"),
    "sub-folders": ("train/part.csv", "val/part.csv", "test/part.csv"),
    "a shared word": ("my_test_project_train.csv", "my_test_project_val.csv", "my_test_project_test.csv"),
    "a shared folder": ("data/train-0.csv", "data/dev-0.csv", "data/test-0.csv"),
}


@pytest.mark.parametrize("names", FOLDERS.values(), ids=FOLDERS)
def test_folders_as_people_have_them(tmp_path: Path, names: tuple[str, ...]) -> None:
    for split, name in zip(SIZES, names, strict=True):
        write(tmp_path / name, split)
    assert_right(load(tmp_path))


def test_metadata_beside_data_are_no_data(tmp_path: Path) -> None:
    for split in SIZES:
        write(tmp_path / f"{split}.csv", split)
        (tmp_path / f"{split}_metadata.csv").write_text("id,age\n1,2\n", encoding="utf-8")
    (tmp_path / "dataset_info.json").write_text('{"splits": ["train"]}', encoding="utf-8")
    data = load(tmp_path)
    assert_right(data)
    assert (
        "belongs to no split (3): test_metadata.csv, train_metadata.csv, validation_metadata.csv"
        in data.summary.notes[0]
    )


def test_a_packed_file_beside_itself_is_left_out(tmp_path: Path) -> None:
    for split in SIZES:
        write(tmp_path / f"{split}.csv", split)
    (tmp_path / "test.csv.gz").write_bytes(b"not read")
    data = load(tmp_path)
    assert_right(data)
    assert "belongs to no split (1): test.csv.gz" in data.summary.notes[0]


def test_two_tests_have_to_be_told_apart(tmp_path: Path) -> None:
    for name, split in (
        ("train.csv", "train"),
        ("test1.csv", "test"),
        ("test2.csv", "test"),
        ("val.csv", "validation"),
    ):
        write(tmp_path / name, split)
    assert "test: several files could be this split: test1.csv, test2.csv; name the files: data.files" in problem(
        tmp_path
    )
    files = {"train": "train.csv", "validation": ["val.csv"], "test": "test2.csv"}
    assert_right(load(tmp_path, files=files))


def test_one_numbered_name_beside_a_plain_one_stays_left_out(tmp_path: Path) -> None:
    for split in SIZES:
        write(tmp_path / f"{split}.csv", split)
    write(tmp_path / "test2.csv", "test")
    data = load(tmp_path)
    assert_right(data)
    assert data.summary.notes == (f"{tmp_path}: left out what belongs to no split (1): test2.csv.",)


@pytest.mark.parametrize("single", [False, True])
def test_what_datasets_saves_to_disk(tmp_path: Path, single: bool) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {
        split: [dict(zip(("dialogue", "summary"), (f"A: {split} {at}", "s"), strict=True)) for at in range(size)]
        for split, size in SIZES.items()
    }
    whole = datasets.DatasetDict({split: datasets.Dataset.from_list(own) for split, own in rows.items()})
    (whole["train"] if single else whole).save_to_disk(str(tmp_path / "saved"))
    data = load(tmp_path / "saved")
    sizes = {split: len(getattr(data, split)) for split in SIZES}
    assert sizes == ({"train": 2, "validation": 1, "test": 1} if single else SIZES)


def test_pairs_of_lines(tmp_path: Path) -> None:
    for split, size in SIZES.items():
        lines = [f"A: {split} {at}? B: Yes. A: Fine.\n" for at in range(size)]
        (tmp_path / f"{split}.source").write_text("".join(lines), encoding="utf-8")
        (tmp_path / f"{split}.target").write_text("".join(f"{at}\n" for at in range(size)), encoding="utf-8")
    data = load(tmp_path)
    assert [len(getattr(data, split)) for split in SIZES] == [*SIZES.values()]
    assert data.test[1].references == ("1",)
    assert not any("belongs to no split" in note for note in data.summary.notes)
    for path in list(tmp_path.iterdir()):
        packed = tmp_path / "packed" / f"{path.name}.gz"
        packed.parent.mkdir(exist_ok=True)
        packed.write_bytes(gzip.compress(path.read_bytes()))
    assert load(tmp_path / "packed") == data
    (tmp_path / "test.target").write_text("0\n1\n", encoding="utf-8")
    assert "test.target: ends before line 3 of the file beside it" in problem(tmp_path)


# Named files


def test_files_are_named_by_split(tmp_path: Path) -> None:
    for split, name in (("train", "a.csv"), ("validation", "sub/b.csv"), ("test", "c.csv")):
        write(tmp_path / name, split)
    assert_right(load(tmp_path, files={"train": "a.csv", "validation": "sub/b.csv", "test": "c.csv"}))
    assert "data.files: " in problem(tmp_path, files={"test": "nope.csv"})
    assert "nope.csv: no such file. Found: a.csv, c.csv, sub." in problem(tmp_path, files={"test": "nope.csv"})
    assert "data.source must be the folder" in problem(tmp_path / "a.csv", files={"test": "a.csv"})


def test_a_split_that_is_none_is_no_key_of_files() -> None:
    with pytest.raises(ConfigError, match=r"data\.files"):
        load_experiment({"data": {"source": "x", "files": {"dev": "a.csv"}}, "methods": {"zero_shot": {}}})


# Options


def test_ids_may_be_left_unread(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text("id,dialogue,summary\n1,a,s\n1,b,t\n", encoding="utf-8")
    assert "number the rows with data.id_column: none" in problem(path)
    assert [example.id for example in load(path, id_column="none").test] == ["test_0", "test_1"]


def test_a_configuration_of_a_hub_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    calls: list[dict[str, Any]] = []

    def load_stub(path: str, **options: Any) -> dict[str, list[dict[str, str]]]:
        calls.append(options)
        return {"test": [{"dialogue": "d", "summary": "s"}]}

    monkeypatch.setattr(datasets, "load_dataset", load_stub)
    load(Path("owner/name"), name="3.0.0")
    load(Path("owner/name"))
    assert calls == [{"revision": None, "name": "3.0.0"}, {"revision": None}]


@pytest.mark.parametrize(
    ("key", "own"),
    [("text_column", "dialogue_column"), ("summary_column", "summary_columns"), ("test_file", "files: ")],
)
def test_keys_of_other_tools_are_translated(key: str, own: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown key '{key}'; here it is {own}"):
        load_experiment({"data": {"source": "x", key: "y"}, "methods": {"zero_shot": {}}})


def test_an_experiment_without_the_newer_keys_is_written_as_before() -> None:
    written = DataConfig(source="x").model_dump(mode="json")
    assert list(written) == [
        *("source", "revision", "dialogue_column", "summary_columns", "id_column", "topic_column", "deduplicate"),
        *("max_train_examples", "max_validation_examples", "max_test_examples", "seed"),
        *("max_source_length", "max_target_length"),
    ]
    named = DataConfig(source="x", files={"test": "a.csv"}, split_column="s", turn_text_key="t")
    assert DataConfig.model_validate(named.model_dump(mode="json")) == named


@pytest.mark.parametrize("name", ["subset", "Partition"])
def test_a_column_of_splits_decides_whatever_its_name(name: str, tmp_path: Path) -> None:
    splits = ["train"] * 6 + ["valid"] * 2 + ["test"] * 2
    rows = [f"A: hello {i} B: bye,they meet {i},{split}" for i, split in enumerate(splits)]
    (tmp_path / "talks.csv").write_text("\n".join([f"dialogue,summary,{name}", *rows]) + "\n", encoding="utf-8")
    dataset = load_dataset(DataConfig(source=str(tmp_path / "talks.csv")))
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [6, 2, 2]
    assert any(repr(name) in note for note in dataset.summary.notes)


def test_a_column_that_says_train_alone_or_other_words_is_no_split(tmp_path: Path) -> None:
    rows = [f"A: hello {i} B: bye,they meet {i},train,{word}" for i, word in enumerate(["test", "train", "bus"] * 4)]
    text = "\n".join(["dialogue,summary,vehicle,topic", *rows]) + "\n"
    (tmp_path / "talks.csv").write_text(text, encoding="utf-8")
    dataset = load_dataset(DataConfig(source=str(tmp_path / "talks.csv")))
    assert any("divided with seed 0" in note for note in dataset.summary.notes)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("bundled", {"files": {"train": "a.csv", "test": "b.csv"}}, "data.files: the bundled dialogues have splits"),
        ("bundled", {"name": "../../etc"}, "data.name: the bundled dialogues have no configurations"),
        ("{tmp}", {"name": "en"}, "data.name: it names a configuration on the hub"),
    ],
)
def test_an_option_without_effect_is_refused(
    source: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        load_dataset(DataConfig(source=source.format(tmp=tmp_path), **options))
