"""A folder of transcripts with a table of summaries is data like any other: read whole, or refused in one line."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from datasets import Dataset

from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.examples import DialogueDataset, load_dataset
from dialora.data.sources import load_rows
from dialora.data.transcripts.joining import FILE_COLUMNS
from dialora.errors import DataError
from tests.conftest import ROOT
from tests.data.test_workbooks import save
from tests.data.transcripts.samples import write
from tests.data.transcripts.support import build_document

FORMATS = {
    "whatsapp.txt": "WhatsApp",
    "zoom.vtt": "Zoom VTT",
    "film.srt": "SRT",
    "teams.docx": "Teams DOCX",
    "deepgram.json": "Deepgram",
    "whisperx.json": "WhisperX",
    "plain.txt": "SAMSum-like text",
}
"""Files of different formats, each written from turns."""


def say(number: int) -> list[tuple[str, str]]:
    """Turns that no other conversation has."""
    names = ("Anna", "Bob", "Cleo", "Dana")
    first, second = names[number % 4], names[(number + 1) % 4]
    return [(first, f"Shall we take the blue boat {number}?"), (second, f"Only if it has {number + 2} seats.")]


def show(number: int) -> str:
    return "\n".join(f"{name}: {text}" for name, text in say(number))


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def put_table(folder: Path, rows: list[dict[str, object]], name: str = "summaries.csv") -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
    writer.writeheader()
    writer.writerows(rows)
    return put(folder, name, text.getvalue())


def put_talks(folder: Path, size: int = 4, *, first: int = 0, suffix: str = ".vtt") -> list[dict[str, object]]:
    """Write transcripts and return a row for each."""
    rows: list[dict[str, object]] = []
    for number in range(first, first + size):
        put(folder, f"talk{number}{suffix}", write("Zoom VTT", say(number)))
        rows.append({"file": f"talk{number}{suffix}", "summary": f"They talk of boat {number}."})
    return rows


def read(folder: Path, **options: object) -> dict[str, str]:
    """Return every dialogue by its reference, whatever its split."""
    data = load_dataset(DataConfig(source=str(folder), **options), needs_train=False)  # type: ignore[arg-type]
    return {text: one.dialogue for one in list_examples(data) for text in one.references}


def list_examples(data: DialogueDataset) -> list[object]:
    return [*data.train, *data.validation, *data.test]


def list_notes(folder: Path) -> str:
    return "\n".join(load_rows(DataConfig(source=str(folder))).notes)


def find_problem(folder: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(DataConfig(source=str(folder), **options), needs_train=False)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is read


def test_every_format_is_a_dialogue_of_its_row(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = []
    for number, (name, kind) in enumerate(FORMATS.items()):
        put(tmp_path, f"talks/{name}", write(kind, say(number)))
        rows.append({"file": name, "summary": f"Boat {number}."})
    put_table(tmp_path, rows)
    assert read(tmp_path) == {f"Boat {number}.": show(number) for number in range(len(FORMATS))}
    assert f"names: 1 of {sorted(FORMATS.values())[0]}" in list_notes(tmp_path)


@pytest.mark.parametrize(
    "call", ["talks/talk{}.vtt", "./talks/talk{}.vtt", "talks\\talk{}.vtt", "talks/talk{}", "talk{}.vtt", " talk{} "]
)
def test_a_transcript_is_called_by_path_name_or_stem(tmp_path: Path, call: str) -> None:
    put_talks(tmp_path / "talks")
    put_table(tmp_path, [{"transcript": call.format(number), "summary": f"s{number}"} for number in range(4)])
    assert read(tmp_path) == {f"s{number}": show(number) for number in range(4)}


@pytest.mark.parametrize(
    "column",
    ["file", "File_Name", "filename", "path", "transcript", "source", "conversation", "dialogue", "id", "dialogue_id"],
)
def test_the_column_that_names_transcripts_is_recognised(tmp_path: Path, column: str) -> None:
    rows = [{column: row["file"], "summary": row["summary"]} for row in put_talks(tmp_path)]
    put_table(tmp_path, rows)
    assert read(tmp_path)["They talk of boat 2."] == show(2)


def test_a_column_of_another_name_is_named(tmp_path: Path) -> None:
    put_table(tmp_path, [{"clip": row["file"], "gist": row["summary"]} for row in put_talks(tmp_path)])
    assert read(tmp_path, dialogue_column="clip", summary_columns=("gist",))["They talk of boat 2."] == show(2)
    assert "meta.csv" not in find_problem(tmp_path)
    assert "summaries.csv has no column of summaries (columns: clip, gist)" in find_problem(tmp_path)
    assert "no column names the transcripts" in find_problem(tmp_path, summary_columns=("gist",))
    assert "data.dialogue_column: 'clap' is not a column" in find_problem(
        tmp_path, dialogue_column="clap", summary_columns=("gist",)
    )


@pytest.mark.parametrize("kind", ["jsonl", "json", "xlsx", "parquet", "bom", "utf-16", "crlf"])
def test_the_table_is_of_any_format(tmp_path: Path, kind: str) -> None:
    rows = put_talks(tmp_path)
    if kind == "jsonl":
        put(tmp_path, "s.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    elif kind == "json":
        put(tmp_path, "s.json", json.dumps(rows))
    elif kind == "xlsx":
        save(tmp_path / "s.xlsx", {"Sheet1": [["file", "summary"], *(list(row.values()) for row in rows)]})
    elif kind == "parquet":
        Dataset.from_list(rows).to_parquet(tmp_path / "s.parquet")
    else:
        content = put_table(tmp_path, rows).read_text(encoding="utf-8")
        content = content if kind == "crlf" else content.replace("\r\n", "\n")
        put(tmp_path, "summaries.csv", content.encode({"bom": "utf-8-sig", "crlf": "utf-8"}.get(kind, kind)))
    assert read(tmp_path) == {f"They talk of boat {number}.": show(number) for number in range(4)}


def test_one_transcript_has_several_references(tmp_path: Path) -> None:
    rows = put_talks(tmp_path)
    rows = [{"file": row["file"], "summary1": f"a{at}", "summary2": f"b{at}"} for at, row in enumerate(rows)]
    put_table(tmp_path, [*rows, {"file": "talk1", "summary1": "c1", "summary2": ""}])
    data = load_dataset(DataConfig(source=str(tmp_path)))
    (found,) = [one for one in (*data.train, *data.validation, *data.test) if one.dialogue == show(1)]
    assert set(found.references) == {"a1", "b1", "c1"}
    assert found.id == "talk1.vtt"
    assert sum(counts.merged_rows for counts in data.summary.splits.values()) == 1


def test_id_topic_and_further_columns_stay(tmp_path: Path) -> None:
    rows = [{**row, "id": f"n{at}", "topic": "boats"} for at, row in enumerate(put_talks(tmp_path))]
    put_table(tmp_path, rows)
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert {(one.id, one.topic) for one in (*data.train, *data.validation, *data.test)} == {
        (f"n{at}", "boats") for at in range(4)
    }


def test_what_a_transcript_says_is_taken_as_it_stands(tmp_path: Path) -> None:
    rows = put_talks(tmp_path)
    put(tmp_path, "talk1.vtt", write("Zoom VTT", [("Anna", "use <n> or \\n here"), ("Bob", "nan")]))
    put(tmp_path, "talk2.txt", "#Person1#: Is it late?\n#Person2#: Nine.\n")
    put(tmp_path, "talk3.txt", "﻿Anna: Is it late?\r\nBob: Nine.\r\nAnna: Oh.\r\n")
    put_table(
        tmp_path, [*rows[:2], {"file": "talk2.txt", "summary": "tags"}, {"file": "talk3.txt", "summary": "marks"}]
    )
    found = read(tmp_path)
    assert found["They talk of boat 1."] == "Anna: use <n> or \\n here\nBob: nan"
    assert found["tags"] == "#Person1#: Is it late?\n#Person2#: Nine."
    assert found["marks"] == "Anna: Is it late?\nBob: Nine.\nAnna: Oh."


# Files of several conversations


def put_log(folder: Path, titles: tuple[str, ...], name: str = "log.jsonl") -> None:
    """Write a file of several conversations, each with a name of its own."""
    records = [
        {"id": title, "messages": [{"role": speaker, "content": text} for speaker, text in say(number)]}
        for number, title in enumerate(titles)
    ]
    put(folder, name, "".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.parametrize("call", ["log.jsonl#{}", "log#{}", "{}"])
def test_a_conversation_of_several_is_called_by_its_own_name(tmp_path: Path, call: str) -> None:
    titles = ("first", "the #2 call", "third", "fourth")
    put_log(tmp_path, titles)
    put_table(tmp_path, [{"conversation": call.format(title), "summary": title} for title in titles[:3]])
    assert read(tmp_path) == {title: show(number) for number, title in enumerate(titles[:3])}
    assert "Left out, for no row names them (1): log.jsonl#fourth." in list_notes(tmp_path)


def test_a_file_of_several_or_a_name_of_several_is_unclear(tmp_path: Path) -> None:
    put_log(tmp_path, ("first", "second", "twice", "twice"))
    put_log(tmp_path, ("first", "other"), "more.jsonl")
    for call, said in {
        "log.jsonl": "'log.jsonl' could be log.jsonl#first, log.jsonl#second",
        "first": "'first' could be log.jsonl#first, more.jsonl#first; name one as it stands here",
        "log.jsonl#twice": "'log.jsonl#twice' is what 2 conversations of log.jsonl are called",
        "third": "Found: log.jsonl#first, log.jsonl#second, log.jsonl#twice",
        "log.jsonl#none": "row 1: no conversation of log.jsonl is called 'none'. Found: first, second, twice",
    }.items():
        put_table(tmp_path, [{"file": call, "summary": "s"}])
        assert said in find_problem(tmp_path), call


# Splits


def test_a_column_says_the_split(tmp_path: Path) -> None:
    rows = put_talks(tmp_path)
    splits = ("train", "train", "dev", "test")
    put_table(tmp_path, [{**row, "split": split} for row, split in zip(rows, splits, strict=True)])
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert [len(data.train), len(data.validation), len(data.test)] == [2, 1, 1]
    assert data.validation[0].dialogue == show(2)


def test_folders_of_splits_have_a_table_each(tmp_path: Path) -> None:
    for at, split in enumerate(("train", "val", "test")):
        put_talks(tmp_path / split, 2, first=10 * at)
        for number in range(2):  # the same names in every split, and JSON beside a table
            (tmp_path / split / f"talk{10 * at + number}.vtt").rename(tmp_path / split / f"{number}.vtt")
        put(tmp_path, f"{split}/2.json", write("Deepgram", say(10 * at + 2)))
        put_table(tmp_path, [{"file": number, "summary": f"{split}{number}"} for number in range(3)], f"{split}/s.csv")
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert [one.dialogue for one in data.train] == [show(0), show(1), show(2)]
    assert [one.dialogue for one in data.validation] == [show(10), show(11), show(12)]
    assert [(one.dialogue, one.references) for one in data.test][2] == (show(22), ("test2",))


def test_tables_named_like_splits_share_a_folder_of_transcripts(tmp_path: Path) -> None:
    rows = put_talks(tmp_path / "talks", 6)
    for at, split in enumerate(("train", "validation", "test")):
        put_table(tmp_path, rows[2 * at : 2 * at + 2], f"{split}.csv")
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert [one.dialogue for one in data.test] == [show(4), show(5)]
    files = {"train": ("train.csv",), "test": ("validation.csv",)}
    named = load_dataset(DataConfig(source=str(tmp_path), files=files))
    assert [one.dialogue for one in named.test] == [show(2), show(3)]


def test_folders_of_splits_under_one_table_are_the_splits(tmp_path: Path) -> None:
    rows = [row for at, split in enumerate(("train", "test")) for row in put_talks(tmp_path / split, 2, first=2 * at)]
    put_table(tmp_path, rows)
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert [one.dialogue for one in data.test] == [show(2), show(3)]
    assert "The folders of the transcripts say which split" in list_notes(tmp_path)
    put_table(tmp_path, [*rows, *put_talks(tmp_path / "more", 1, first=9)])
    assert "in a column split" in find_problem(tmp_path)


def test_a_split_is_not_fed_from_the_folder_of_another(tmp_path: Path) -> None:
    put_table(tmp_path, put_talks(tmp_path / "train", 2), "train/s.csv")
    put_talks(tmp_path / "test", 2, first=5)
    put_table(tmp_path, [{"file": "talk5.vtt", "summary": "s"}, {"file": "talk0.vtt", "summary": "t"}], "test/s.csv")
    assert "test: row 2: no transcript is called 'talk0.vtt'" in find_problem(tmp_path)


def test_a_table_that_says_no_splits_is_divided(tmp_path: Path) -> None:
    put_table(tmp_path, put_talks(tmp_path, 20))
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert [len(data.train), len(data.validation), len(data.test)] == [16, 2, 2]
    moved = load_dataset(DataConfig(source=str(tmp_path), seed=1))
    assert {one.id for one in moved.test} != {one.id for one in data.test}


def test_a_lone_table_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    put_table(tmp_path, put_talks(tmp_path / "talks"), "labels/gold.csv")
    assert len(read(tmp_path)) == 4


def test_several_tables_that_name_no_splits_are_unclear(tmp_path: Path) -> None:
    rows = put_talks(tmp_path, 6)
    put_table(tmp_path, rows[:3], "gold.csv")
    put_table(tmp_path, rows[3:], "more/silver.csv")
    assert len(read(tmp_path)) == 3
    assert "in other sub-folders (1): more/silver.csv." in list_notes(tmp_path)
    (tmp_path / "more" / "silver.csv").rename(tmp_path / "silver.csv")
    assert "several tables of summaries: gold.csv, silver.csv. Put all rows into one" in find_problem(tmp_path)


# Nothing is lost


def test_what_no_row_names_and_what_was_left_out_is_counted(tmp_path: Path) -> None:
    rows = put_talks(tmp_path, 5)
    put(tmp_path, "chat.txt", "[07.03.26, 21:22:39] Anna: hi\n[07.03.26, 21:23:02] Bob: ‎image omitted\n"
        "[07.03.26, 21:23:10] Bob: On my way\n")  # fmt: skip
    put(tmp_path, ".hidden.vtt", "x")
    put(tmp_path, "photo.png", b"x")
    put_table(tmp_path, [{"speaker": "Anna", "age": 3}], "speakers.csv")
    put_table(tmp_path, [*rows[:4], {"file": "chat", "summary": "s"}, {"file": "", "summary": "no file"}])
    notes = list_notes(tmp_path)
    assert "Transcripts: left out: media and other notices: 1." in notes
    assert "Left out, for no row names them (1): talk4.vtt." in notes
    assert "Left out, tables without summaries or in other sub-folders (1): speakers.csv." in notes
    data = load_dataset(DataConfig(source=str(tmp_path)))
    assert sum(counts.skipped.get("empty dialogue", 0) for counts in data.summary.splits.values()) == 1


def test_a_transcript_that_is_not_there(tmp_path: Path) -> None:
    rows = put_talks(tmp_path)
    put_table(tmp_path, [*rows, {"file": "gone.vtt", "summary": "s"}, {"file": "lost.vtt", "summary": "s"}])
    problem = find_problem(tmp_path)
    assert "row 5: no transcript is called 'gone.vtt'" in problem
    assert "talk0.vtt, talk1.vtt" in problem
    assert "cannot be joined: 1." in problem


@pytest.mark.parametrize("column", ["transcript", "file", "id"])
def test_names_of_which_none_is_there_are_not_dialogues(tmp_path: Path, column: str) -> None:
    put_talks(tmp_path)
    put_table(tmp_path, [{column: f"gone{at}.vtt", "summary": "s"} for at in range(4)])
    assert "row 1: no transcript is called 'gone0.vtt'" in find_problem(tmp_path)


def test_one_stem_of_two_files_is_unclear(tmp_path: Path) -> None:
    put_table(tmp_path, [{"file": f"talk{at}", "summary": "s"} for at in range(4)])
    put_talks(tmp_path)
    put(tmp_path, "more/talk1.srt", write("SRT", say(7)))
    assert "row 2: 'talk1' could be more/talk1.srt, talk1.vtt; name one as it stands here." in find_problem(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "talk1.vtt"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nShall we begin?\n", "nobody is named in it"),
        (b'{"results": {', "is not valid JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
        (b"Just some prose.", "is of no known format"),
    ],
)
def test_a_transcript_that_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    put_table(tmp_path, put_talks(tmp_path))
    put(tmp_path, "talk1.vtt", content)
    problem = find_problem(tmp_path)
    assert problem.startswith(str(tmp_path / "talk1.vtt"))
    assert reason in problem
    assert "row 2 names" in problem


def test_a_broken_file_that_no_row_names_is_counted(tmp_path: Path) -> None:
    put_table(tmp_path, put_talks(tmp_path))
    put(tmp_path, "broken.json", '{"results": {')
    assert "names them (1): broken.json." in list_notes(tmp_path)


def test_a_broken_table_is_told_with_its_own_reason(tmp_path: Path) -> None:
    put_talks(tmp_path)
    put(tmp_path, "summaries.csv", "file,summary\n")
    assert "summaries.csv has no rows" in find_problem(tmp_path)
    put(tmp_path, "summaries.csv", "file,summary\ntalk0.vtt,café\n".encode("cp1252"))
    assert "is not UTF-8" in find_problem(tmp_path)
    put(tmp_path, "deepgram.json", write("Deepgram", say(3)))
    assert "is not UTF-8" in find_problem(tmp_path)


@pytest.mark.parametrize("names", [("a.vtt",), ("a.json", "b.json"), ("x/a.txt", "y/b.docx"), ("a.srt", "meta.csv")])
def test_transcripts_without_a_table_are_told_what_to_put_there(tmp_path: Path, names: tuple[str, ...]) -> None:
    kinds = {".vtt": "Zoom VTT", ".json": "Deepgram", ".txt": "WhatsApp", ".docx": "Teams DOCX", ".srt": "SRT"}
    for number, name in enumerate(names):
        if name == "meta.csv":
            put_table(tmp_path, [{"file": "a.srt", "minutes": 3}], name)
        else:
            put(tmp_path, name, write(kinds[Path(name).suffix], say(number)))
    problem = find_problem(tmp_path)
    assert "no table of their summaries" in problem
    assert f"the header file,summary and a row for each, such as: {names[0]}," in problem
    assert ("meta.csv has no column of summaries (columns: file, minutes)" in problem) == ("meta.csv" in names)


def test_an_option_that_has_no_effect_is_refused(tmp_path: Path) -> None:
    put_table(tmp_path, put_talks(tmp_path))
    assert "data.name" in find_problem(tmp_path, name="en")


# What it leaves as it was


def test_tables_with_dialogues_are_read_as_before_whatever_lies_beside_them(tmp_path: Path) -> None:
    rows = put_talks(tmp_path)
    own = [{"id": f"talk{at}", "text": f"plain words {at}", "summary": row["summary"]} for at, row in enumerate(rows)]
    put_table(tmp_path, own, "data.csv")
    assert sorted(read(tmp_path).values()) == [f"plain words {at}" for at in range(4)]
    own = [{"file": f"talk{at}", "dialogue": f"A: {at}\nB: no", "summary": str(at)} for at, row in enumerate(rows)]
    put_table(tmp_path, own, "data.csv")
    assert sorted(read(tmp_path).values()) == [f"A: {at}\nB: no" for at in range(4)]


def test_other_columns_are_not_taken_for_names(tmp_path: Path) -> None:
    rows = [{"id": f"talk{at}", "source": "zoom", **row} for at, row in enumerate(put_talks(tmp_path))]
    put_table(tmp_path, rows)
    assert read(tmp_path)["They talk of boat 2."] == show(2)
    put_table(tmp_path, [{key: value for key, value in row.items() if key != "file"} for row in rows])
    assert read(tmp_path)["They talk of boat 2."] == show(2)


def test_a_table_without_dialogues_or_transcripts_has_its_own_message(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "# Boats\nSome words about them.\n")
    put_table(tmp_path, [{"nr": at, "summary": "s"} for at in range(4)])
    assert "no dialogue column" in find_problem(tmp_path)


@pytest.mark.parametrize("names", [("train.csv", "test.csv"), ("test.csv", "testing.csv")])
def test_tables_with_a_problem_of_their_own_keep_its_message(tmp_path: Path, names: tuple[str, ...]) -> None:
    put(tmp_path, "README.md", "Anna: what is this?\nBob: A data set.\nAnna: Oh.\n")
    for name in names:
        put_table(
            tmp_path,
            [{"dialogue": show(at), "gist" if "train.csv" in names else "summary": "s"} for at in range(4)],
            name,
        )
    said = "no summary column" if "train.csv" in names else "several files for one split"
    assert said in find_problem(tmp_path)


def test_a_folder_of_texts_is_refused_as_before(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, f"d{number}.txt", show(number))
        put(tmp_path, f"d{number}.summary.txt", "They talk of a boat.")
    assert "put them in a table with summaries" in find_problem(tmp_path)


# Whole


def test_the_page_lists_every_column_that_names_transcripts() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").split("## Transcripts with")[1]
    assert [name for name in FILE_COLUMNS if not re.search(rf"(?<!\w){name}(?!\w)", page)] == []


def test_the_fingerprint_follows_the_transcripts(tmp_path: Path) -> None:
    put_table(tmp_path, [{**row, "split": "test"} for row in put_talks(tmp_path)])
    config = DataConfig(source=str(tmp_path))
    before = load_dataset(config, needs_train=False).summary.fingerprint
    assert load_dataset(config, needs_train=False).summary.fingerprint == before
    put(tmp_path, "talk1.vtt", write("Zoom VTT", say(8)))
    assert load_dataset(config, needs_train=False).summary.fingerprint != before


def test_the_commands_take_it(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "corpus"
    rows = put_talks(folder, 12)
    put(folder, "talk1.vtt", build_document("Anna: Is it late?", "Bob: Nine.", "Anna: Oh."))
    put_table(folder, rows)
    out = tmp_path / "out"
    options = ["--set", f"model={tiny_model}"]
    assert main(["data", "check", str(folder), *options, "--output", str(out)]) == 0
    assert "Dialogues are the transcripts that column 'file' names: 1 of" in capsys.readouterr().out
    experiment = put(tmp_path, "e.yaml", f"model: {tiny_model}\ndata: {{source: {folder}}}\nmethods: {{zero_shot: {{}}, lora: {{}}}}\n")  # fmt: skip  # noqa: E501
    assert main(["check", str(experiment), "--output", str(tmp_path / "run")]) == 0
    (folder / "talk3.vtt").unlink()
    capsys.readouterr()
    assert main(["data", "check", str(folder), *options, "--output", str(tmp_path / "no")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "row 4: no transcript is called 'talk3.vtt'" in line
    assert not (tmp_path / "no").exists()
