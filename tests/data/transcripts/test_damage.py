"""Damaged files and odd ways to hand them over are one clear line, whatever unpacks them."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialora.cli import main
from dialora.data.transcripts import read_conversations
from dialora.data.transcripts.documents import DOCUMENT
from dialora.data.transcripts.inputs import inspect_inputs
from dialora.errors import DataError
from tests.data.transcripts.samples import WRITERS, write
from tests.data.transcripts.support import build_zip, read, show

TALK = b"Anna: hi\nBob: yo\n"


def pack(method: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("a.txt", TALK * 50)
    return data.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_any_damage_of_a_zip_file_is_one_clear_line(method: int) -> None:
    whole = pack(method)
    assert len(read(whole)) == 1
    problems = []
    for at in range(0, len(whole), 3):
        for sign in (0x00, 0xFF):
            data = whole[:at] + bytes([whole[at] ^ 0x55 ^ sign]) + whole[at + 1 :]
            try:
                read(data)
            except DataError as error:
                problems.append(str(error))
    assert len(problems) > len(whole) // 6
    assert all(problem.startswith("talk.txt") and "\n" not in problem for problem in problems)


def build_packed(data: bytes) -> bytes:
    return build_zip({"a.txt": data, "sub/b.json.gz": gzip.compress(data), "c.png": data})


@pytest.mark.parametrize("suffix", ["", ".txt", ".vtt", ".json", ".jsonl", ".csv", ".xlsx", ".parquet", ".gz", ".docx"])
def test_any_bytes_under_any_name_are_read_or_refused_in_one_line(suffix: str, tmp_path: Path) -> None:
    """As they are, packed, or damaged after packing."""
    path = tmp_path / f"talk{suffix}"
    wholes = [write(name) for name in WRITERS]
    sources = st.one_of(st.sampled_from(wholes), st.binary(max_size=200))
    packings = st.sampled_from([bytes, gzip.compress, build_packed, lambda data: build_zip({DOCUMENT: data})])
    changes = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=9)), max_size=3)

    @settings(max_examples=120, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(sources, packings, changes)
    def check(source: bytes, pack: Callable[[bytes], bytes], damages: list[tuple[float, int, bytes]]) -> None:
        data = pack(source)
        for share, size, other in damages:
            at = int(share * len(data))
            data = data[:at] + other + data[at + size :]
        path.write_bytes(data)
        (found,) = inspect_inputs([str(path)])
        assert (found.problem is None) == (found.format is not None)
        assert "\n" not in (found.problem or "")

    check()


@pytest.mark.parametrize("packed", [gzip.compress(TALK), gzip.compress(write("Teams DOCX"))], ids=["text", "document"])
def test_standard_input_may_be_packed(packed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    (conversation,) = read_conversations(Path("-"))
    assert show(conversation)[0].startswith("Anna: ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed[:-9])))
    with pytest.raises(DataError, match="is not a whole gzip file"):
        list(read_conversations(Path("-")))


def test_what_is_packed_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialora.data.transcripts.opening.MAX_BYTES", 1 << 16)
    with pytest.raises(DataError, match="holds more than"):
        read(gzip.compress(TALK * 10_000))


def test_standard_input_that_is_closed_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(["summarize", "-", "--dry-run"]) == 2
        assert "standard input: cannot be read: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "./-"])
def test_a_name_is_no_other_input(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty name, as of a shell's unset variable, is not this folder, and `./-` is not standard input."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(TALK)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TALK)))
    assert main(["summarize", name, "--dry-run"]) == 2
    assert ("names no file" if not name else "-: no such file") in capsys.readouterr().err


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 400, "٣" * 5000])
@pytest.mark.parametrize(
    "text",
    [
        "1\n{}:00:01,000 --> 00:00:02,000\nAnna: hi\n",
        "WEBVTT\n\n{}\n00:01.000 --> 00:02.000\nAnna: hi\n\n{}\n00:03.000 --> 00:04.000\nBob: yo\n",
        "[{}:04] Anna: hi\nBob: yo\n",
        "Anna  {}:04\nhi\n",
        "{}.3.21, 12:30 - Anna: hi\nBob: yo\n",
        '{{"segments": [{{"start": "{}", "text": "hi", "speaker": "A"}}]}}',
        '[{{"type": "message", "ts": "{}", "user": "U1", "text": "hi"}}]',
    ],
)
def test_a_number_of_any_length_is_read_or_refused_in_one_line(text: str, number: str) -> None:
    try:
        read(text.replace("{}", number).replace("{{", "{").replace("}}", "}"))
    except DataError as error:
        problem = str(error)
    else:
        problem = ""
    assert "\n" not in problem
