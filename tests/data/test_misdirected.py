"""What is not what its name says, or is written so that a parser gives up: one line that says so and what to do."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.reading.columns import looks_like_data
from dialora.data.sources import load_rows

ROWS = "dialogue,summary\nA: café\\nB: no,s\nC: d,t\nE: f,u\n"
NUMBER = "9" * 6000
DEEP = "[" * 100_000 + "]" * 100_000
PAGE = b"<!DOCTYPE html>\n<html><body><table><tr><td>dialogue</td></tr></table></body></html>"


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a command refuses something with."""
    assert main([*arguments]) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert "Traceback" not in printed.out
    return line


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", ROWS.encode("utf-16-le"), "is UTF-16LE without a byte order mark"),
        ("a.csv", ROWS.encode("utf-16-be"), "is UTF-16BE without a byte order mark"),
        ("a.jsonl", b'{"dialogue": "a", "summary": "b"}'.decode().encode("utf-16-le"), "iconv -f UTF-16LE -t UTF-8"),
        ("a.csv", PAGE, "is a web page (HTML), not the data"),
        ("a.csv.gz", gzip.compress(PAGE, mtime=0), "is a web page (HTML), not the data"),
        ("a.json", b"\n<html lang='en'><head></head></html>", "is a web page (HTML), not the data"),
        ("a.csv", b"PK\x03\x04" + bytes(100), "is an archive or an Excel workbook"),
        ("a.jsonl", b"PAR1" + bytes(100), "is a Parquet file"),
        ("a.csv", b"%PDF-1.7\n" + bytes(100), "is a PDF document"),
        ("a.json", b'{"dialogue": ["a", "b", "c"], "summary": ["s", "t"]}', "'dialogue' has 3, 'summary' has 2"),
        ("a.json", b'{"dialogue": {"0": "a", "1": "b"}, "summary": {"0": "s"}}', "'dialogue' has 2, 'summary' has 1"),
        ("a.json", b'{"columns": ["dialogue", "summary"], "data": [["a", "s"], ["b"]]}', "row 2: 1 cells where"),
        ("a.json", DEEP.encode(), "it is nested too deep"),
        ("a.jsonl", f'{{"dialogue": {DEEP}, "summary": "s"}}'.encode(), "it is nested too deep"),
        ("a.json", f'[{{"id": {NUMBER}, "dialogue": "a"}}]'.encode(), "a number has more than 4,300 digits"),
        ("a.jsonl", f'{{"id": {NUMBER}, "dialogue": "a"}}'.encode(), "a number has more than 4,300 digits"),
        ("a.csv", f"dialogue,summary{NUMBER}\na,b\nc,d\ne,f\n".encode(), "no summary column"),
        ("a.csv", ROWS.encode("cp1252"), "iconv -f WINDOWS-1252 -t UTF-8 a.csv > utf8-a.csv"),
        ("a b.csv", ROWS.encode("latin-1"), "iconv -f WINDOWS-1252 -t UTF-8 'a b.csv' > 'utf8-a b.csv'"),
        ("train.txt", b"A: b\n", "with the columns dialogue and summary"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    line = refuse(capsys, "data", "check", str(path), "--output", str(tmp_path / "out"))
    assert reason in line
    assert not any(word in line for word in ("sys.", "recursion", "has no rows"))
    assert not (tmp_path / "out").exists()


def test_the_conversion_that_a_line_names_makes_the_file_readable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "test.csv"
    path.write_bytes(ROWS.encode("cp1252"))
    command = refuse(capsys, "data", "check", str(path)).split("`")[1]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    found = load_rows(DataConfig(source=str(tmp_path / "utf8-test.csv"))).splits["test"]
    assert found[0].dialogue == "A: café\nB: no"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "test.csv"
    path.write_bytes(ROWS.encode(encoding))
    assert [row.references for row in load_rows(DataConfig(source=str(path))).splits["test"]] == [
        ("s",),
        ("t",),
        ("u",),
    ]


def test_a_key_called_digits_that_stands_twice_is_said_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"digits": 1, "digits": 2}]', encoding="utf-8")
    assert "the key 'digits' stands twice" in refuse(capsys, "data", "check", str(path))


@pytest.mark.parametrize(
    "first", ["1,Anna said hi,Anna greets", "x7,A: Hello!,He says hello to B.", "Anna said hi to Bob,Anna greets"]
)
@pytest.mark.parametrize("verb", ["score", "data check"])
def test_a_header_that_is_missing_is_said_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: str, verb: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{first}\n{first}2\n{first}3\n", encoding="utf-8")
    line = refuse(capsys, *verb.split(), str(path), "--output", str(tmp_path / "out"))
    assert "the first row looks like data, not like a header" in line
    assert ("id,reference,model" if verb == "score" else "id,dialogue,summary") in line


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0", "1", "2"], False), (["id", "chat log", "short text"], False), (["Reference summary of one", "b"], False),
        (["", "a"], False), (["model_1", "model_2"], False), (["", "12", "a"], True), (["2024-05-01", "a"], True),
        (["a", "b\nc"], True), (["a", "x" * 61], True), (["Is this the text?", "b"], True),
    ],
)  # fmt: skip
def test_what_names_look_like_data(names: list[str], expected: bool) -> None:
    assert looks_like_data(names) == expected


def test_folders_and_chats_that_are_no_data_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("d0.txt", "d0.summary.txt"):
        (folder / name).write_text("A: b\n", encoding="utf-8")
    chat = tmp_path / "chat.jsonl"
    chats = [
        [{"role": "user", "content": f"Summarize: A: {at}"}, {"role": "assistant", "content": "b"}] for at in "xyz"
    ]
    chat.write_text("".join(json.dumps({"messages": turns}) + "\n" for turns in chats), encoding="utf-8")
    for verb in (["score"], ["data", "check"]):
        line = refuse(capsys, *verb, str(folder), "--output", str(tmp_path / verb[0]))
        assert "data.csv with the columns id, dialogue, summary" in line
        line = refuse(capsys, *verb, str(chat), "--output", str(tmp_path / verb[0]))
        assert "a column each" in line


def test_outputs_without_headers_lose_no_first_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("refs", "Anna said hi to Bob.\nTom went home.\n"), ("preds", "Anna said hi.\nTom went.\n")):
        (tmp_path / f"{name}.csv").write_text(text)
    files = [str(tmp_path / f"{name}.csv") for name in ("refs", "preds")]
    line = refuse(capsys, "score", *files, "--output", str(tmp_path / "out"))
    assert "refs.csv: the first row looks like data" in line
    assert "Add a header" in line
