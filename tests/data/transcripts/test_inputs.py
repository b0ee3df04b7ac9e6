"""Files as people hand them over: wrong suffixes, encodings, empty and hostile ones, folders, patterns, tables."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
from pathlib import Path

import pytest

from dialora.data.transcripts import opening, read_conversations
from dialora.data.transcripts.inputs import expand_inputs, inspect_inputs
from dialora.errors import DataError
from tests.data.transcripts.samples import write
from tests.data.transcripts.support import build_document, build_zip, read, show

TALK = "Anna: hi\nBob: yo\n"
BOMB = build_zip({"word/document.xml": b" " * 300_000, "a.txt": b"Anna: hi\n" * 40_000})


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.json", "a.vtt", "a.docx", "a", "-x.pdf"])
@pytest.mark.parametrize("format_name", ["WhatsApp", "Telegram", "Teams VTT", "Teams DOCX"])
def test_the_suffix_does_not_count(tmp_path: Path, name: str, format_name: str) -> None:
    path = tmp_path / name
    path.write_bytes(write(format_name))
    (found,) = inspect_inputs([str(path)])
    assert (found.format, found.num_turns, found.problem) == (format_name, 3, None)


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt.gz"
    path.write_bytes(gzip.compress(TALK.encode()))
    (conversation,) = read_conversations(path)
    assert (conversation.name, show(conversation)) == ("talk", ["Anna: hi", "Bob: yo"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"%PDF-1.7 \x80", "is a PDF document"),
        (b"<html><body>Anna: hi", "is a web page"),
        ("Änna: hi\nBob: yö\n".encode("latin-1"), r"byte 0 \(line 1\) is 0xc4, which is not UTF-8"),
        (TALK.encode("utf-16-le"), "UTF-16LE without a byte order mark"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply|not valid JSON"),
        (b'{"messages": [', "is not valid JSON"),
        (b"PK\x03\x04 no zip at all", "is not a whole zip file"),
        (build_zip({"a.jpg": b"x"}), r"no known format of conversations; it holds 'a\.jpg'"),
        (build_zip({"inner.zip": build_zip({"a.txt": TALK})}), "is a zip file in a zip file"),
        (write("Teams DOCX")[:-40], "is not a whole zip file"),
        (b'{"a": 1}', r"its JSON has the keys 'a'\. Known: Amazon Transcribe, "),
        (b"[1, 2]", "its JSON begins with '1'"),
    ],
)
def test_what_is_no_conversation_is_one_clear_line(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(data)
    assert str(caught.value).startswith("talk.txt")
    assert "\n" not in str(caught.value)


def test_what_unpacks_to_more_than_memory_should_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_BYTES", 200_000)
    with pytest.raises(DataError, match="unpacks to more than"):
        read(BOMB)
    with pytest.raises(DataError, match="holds more than"):
        read(b"Anna: hi\n" * 40_000)
    monkeypatch.setattr(opening, "MAX_FILES", 2)
    with pytest.raises(DataError, match=r"holds 3 files, more than 2"):
        read(build_zip({f"{at}.txt": TALK for at in range(3)}))


def test_json_lines_of_any_length_are_read_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl.gz"
    record = json.dumps({"messages": [{"role": "user", "content": "hi " * 40}, {"role": "assistant", "content": "yo"}]})
    with gzip.open(path, "wt") as file:
        file.writelines(f"{record}\r\n\n" for _ in range(20_000))
    monkeypatch.setattr(opening, "MAX_BYTES", 1 << 20)
    tracemalloc.start()
    assert sum(len(conversation.turns) for conversation in read_conversations(path)) == 40_000
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    with gzip.open(path, "at") as file:
        file.write("{")
    with pytest.raises(DataError, match="record 20001: is not valid JSON"):
        list(read_conversations(path))


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(write("Telegram"))))
    (conversation,) = read_conversations(Path("-"))
    assert conversation.format == "Telegram"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TALK.encode())))
    (conversation,) = read_conversations(Path("-"))
    assert (conversation.name, show(conversation)) == ("standard input", ["Anna: hi", "Bob: yo"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in {
        "b.txt": TALK.encode(),
        "a.vtt": write("Zoom VTT"),
        "sub/c.docx": build_document("Anna: hi"),
        "sub/photo.jpg": b"\xff\xd8",
        ".hidden.txt": b"x",
        "rows.csv": b'dialogue\n"Gwen: hi\nHal: yo"\nGwen: ok\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_a_folder_is_its_files_with_conversations(folder: Path) -> None:
    found = list(inspect_inputs([str(folder)]))
    assert [(Path(one.path).name, one.format, one.num_conversations, one.num_turns) for one in found] == [
        ("a.vtt", "Zoom VTT", 1, 3),
        ("b.txt", "SAMSum-like text", 1, 2),
        ("rows.csv", "table", 2, 3),
        ("c.docx", "SAMSum-like text", 1, 1),
    ]
    assert found[0].speakers == ("Anna", "Bob")


def test_patterns_and_names_that_come_twice_are_each_file_once(folder: Path) -> None:
    named = [str(folder / "*.txt"), str(folder / "b.txt"), str(folder / "**/*.docx"), str(folder / "a.vtt")]
    assert [path.name for path in expand_inputs(named)] == ["b.txt", "c.docx", "a.vtt"]
    assert expand_inputs(["-"]) == [Path("-")]
    for name in (str(folder / "*.srt"), str(folder / "sub" / "none*")):
        with pytest.raises(DataError, match="names no file"):
            expand_inputs([name])


def test_an_export_of_slack_is_one_input_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "export" / "general").mkdir(parents=True)
    (tmp_path / "export" / "users.json").write_text("[]")
    day = [{"type": "message", "user": "U1", "ts": "1.0", "text": "hi"}]
    (tmp_path / "export" / "general" / "2024-01-01.json").write_text(json.dumps(day))
    (tmp_path / "export.zip").write_bytes(write("Slack"))
    assert [one.format for one in inspect_inputs([str(tmp_path / "export"), str(tmp_path / "export.zip")])] == [
        "Slack"
    ] * 2


def test_a_file_that_cannot_be_read_does_not_hide_the_others(folder: Path) -> None:
    (folder / "a.vtt").write_text("")
    found = list(inspect_inputs([str(folder / "a.vtt"), str(folder / "none.txt"), str(folder / "b.txt")]))
    assert [one.num_turns for one in found] == [0, 0, 2]
    assert [str(one.problem).split(": ", 1)[1][:12] for one in found[:2]] == ["is empty.", "no such file"]


@pytest.mark.parametrize(
    ("name", "rows", "turns"),
    [
        ("rows.csv", 'dialogue\n"Anna: hi\nBob: yo"\n', 2),
        ("rows.csv", 'id,dialogue\n1,"#Person1#: hi\n#Person2#: yo"\n', 2),
        ("rows.json", json.dumps([{"dialogue": TALK, "summary": "x"}]), 2),
        ("rows.jsonl", json.dumps({"dialogue": [{"speaker": "A", "text": "hi"}], "summary": "x"}) + "\n", 1),
    ],
)
def test_tables_stay_tables(tmp_path: Path, name: str, rows: str, turns: int) -> None:
    (tmp_path / name).write_text(rows)
    (found,) = inspect_inputs([str(tmp_path / name)])
    assert (found.format, found.num_conversations, found.num_turns, found.problem) == ("table", 1, turns, None)
