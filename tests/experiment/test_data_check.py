"""What the data check says of a source beyond its tables, in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.config import load_data_experiment
from dialora.experiment.data_check import check_source, find_folder
from dialora.scoring.tokenizers import count_dropped

CHINESE = [
    {"id": f"c{at}", "dialogue": f"甲：你好，第{at}次。\n乙：是的。", "summary": f"两个人约好{at}点见面。"}
    for at in range(30)
]
ENGLISH = [
    {"id": f"e{at}", "dialogue": f"Gwen: Is it {at}?\nHal: Yes.", "summary": f"Hal says that it is {at}."}
    for at in range(30)
]


def save(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "talks.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_letters_that_rouge_drops_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    source = str(save(tmp_path, CHINESE))
    check, _ = check_source(load_data_experiment(source))
    (note,) = (note for note in check.notes if "ROUGE" in note)
    dropped, total = count_dropped(row["summary"] for row in CHINESE)
    assert f"({dropped:,} of {total:,}) are dropped" in note
    assert "scoring.tokenizer: unicode" in note


def test_of_letters_that_rouge_reads_nothing_is_told(tmp_path: Path) -> None:
    check, _ = check_source(load_data_experiment(str(save(tmp_path, ENGLISH))))
    assert not [note for note in check.notes if "ROUGE" in note]


def test_no_sentence_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "talks"
    source.mkdir()
    for split, rows in {"train": ENGLISH[:20], "test": ENGLISH[20:]}.items():
        save(source, rows).rename(source / f"{split}.jsonl")
    # A file that belongs to no split is named in the notes.
    save(source, ENGLISH).rename(source / "more\x1b[31m\u202e.jsonl")
    assert main(["data", "check", str(source), "--output", str(tmp_path / "page\x1b[2J")]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "more\\x1b[31m\\u202e.jsonl" in "".join(printed.split())
    assert "page\\x1b[2J" in printed


def test_a_packed_file_has_the_folder_of_the_file_itself() -> None:
    assert find_folder("talks.csv.gz") == find_folder("talks.csv")


@pytest.mark.parametrize(
    ("splits", "missing"),
    [
        (("train", "validation"), ["test split, so nothing can be scored"]),
        (("train", "test"), ["validation split, so no validation loss"]),
        (("test",), ["train split, so nothing can be trained", "validation split"]),
        (("train", "validation", "test"), []),
    ],
)
def test_splits_that_are_not_there_are_told(tmp_path: Path, splits: tuple[str, ...], missing: list[str]) -> None:
    for at, split in enumerate(splits):
        save(tmp_path, ENGLISH[10 * at : 10 * at + 10]).rename(tmp_path / f"{split}.jsonl")
    check, _ = check_source(load_data_experiment(str(tmp_path)))
    told = [note for note in check.notes if "nothing was divided" in note]
    assert [note.partition(" and nothing")[0] for note in told] == [f"The source names {' and '.join(splits)}"][
        : bool(missing)
    ]
    assert all(f"There is no {absence}" in told[0] for absence in missing)


def test_splits_that_were_made_by_dividing_are_told(tmp_path: Path) -> None:
    check, _ = check_source(load_data_experiment(str(save(tmp_path, ENGLISH))))
    assert [note for note in check.notes if "names no splits; divided with seed 0 into 24 / 3 / 3 dialogues" in note]
    assert not [note for note in check.notes if "nothing was divided" in note]
