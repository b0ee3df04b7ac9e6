"""Bodies that nobody means well with are answered, and what they hold comes back as it was and harmless."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pyarrow
import pytest
from pyarrow import parquet

from tests.serving.support import TALK, Client, Engine

MARKUP = '<script>alert(1)</script> "quoted" &amp; </textarea><img src=x onerror=alert(1)>'
FIELD = b'--a\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n--a--\r\n'
STEERING = "\x1b[2J\x07 \u202eright to left\u202c \u2066isolate\u2069 \ufffe \x85 \x00"


@pytest.mark.parametrize("said", [MARKUP, STEERING, "\u2028line\u2029", "😀" * 50, "a\u0300" * 100])
def test_texts_come_back_as_they_were_and_as_json(client: Client, said: str) -> None:
    answer = client.post({"turns": [{"speaker": "Anna", "text": said}, {"speaker": "Bob", "text": "Yes."}]})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["conversations"][0]["turns"][0]["text"] == " ".join(said.split())
    # What would steer a terminal or reorder a line is escaped, so that `curl` shows it and nothing else.
    assert not set(STEERING) - set(" abcdefghijklmnopqrstuvwxyz[2J") & set(answer.body.decode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"{}", b'"text"', b"5", b"NaN", b'{"text": NaN}', b"\xff\xfe", b'{"text": "\xff"}',
        b'{"text": "\\ud800"}', b'{"turns": [{"speaker": "\\udc00", "text": "hi"}]}', b"[" * 100_000,
        b'{"text":' * 20_000, b'{"text": {"a": 1}}', b'{"text": "a", "turns": []}', b'{"turns": {"0": 1}}',
        b'{"turns": ["Anna: hi"]}', b'{"turns": [{"speaker": "Anna"}]}', b'{"text": "a", "on_long": "explode"}',
        b'{"text": "a", "systems": []}', b'{"text": "a", "systems": "lora"}', b'{"text": "a", "rename": {"A": " "}}',
        b'{"text": "a", "rename": [["A", "B"]]}', b'{"inputs": []}', b'{"inputs": [5]}', b'{"inputs": [{}]}',
        b'{"inputs": [{"text": "a", "on_long": "split"}]}', b'{"text": "a", "id": 5}', b'{"text": "a", "max_body": 1}',
        b'{"text": true}', b'{"text": 1e999}', b'{"text": ' + b"9" * 10_000 + b"}",
        b'{"text": "a", "' + b"\\u001b" * 2000 + b'": 1}',
    ],
    ids=range(35),
)  # fmt: skip
def test_what_is_no_request_is_refused_in_a_line(client: Client, engine: Engine, body: bytes) -> None:
    refused = client.post(body)
    assert refused.status == 400
    assert refused.json()["error"]["code"] == "bad_request"
    assert refused.error.isprintable()
    assert not engine.sources


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=", b"x", 400),
        ("multipart/form-data; boundary=a", b"", 400),
        ("multipart/form-data; boundary=a", b"--a\r\n", 400),
        ("multipart/form-data; boundary=a; charset=nonsense", FIELD % b"file", 400),
        ("multipart/form-data; boundary=a", FIELD % b"file", 400),
        ("multipart/form-data; boundary=a", FIELD % b"other", 400),
        ("application/x-www-form-urlencoded", b"text=a", 415),
        ("", b"{}", 415),
        ("application/json; charset=utf-16", b"{}", 400),
    ],
)  # fmt: skip
def test_forms_that_are_none_are_refused(client: Client, kind: str, body: bytes, status: int) -> None:
    refused = client.ask("POST", "/v1/summaries", body, {"content-type": kind})
    assert refused.status == status
    assert refused.error


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "-", ".", "..", "", "a" * 5000 + ".txt", "*.txt", "~", "a\tb.txt", "x.gz.zip"],
)
def test_a_files_name_leads_nowhere(client: Client, name: str) -> None:
    answer = client.upload(name, TALK.encode())
    if answer.status == 200:
        assert len(answer.json()["conversations"][0]["turns"]) == 3
    else:
        assert answer.status in (400, 415)
        assert "/tmp" not in answer.error
        assert "dialora-" not in answer.error


def test_files_that_are_none_are_415_without_a_path(client: Client) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.zip", b"PK\x03\x04" + b"0" * 1000)
    for data in (b"", b"\x00" * 1000, b"%PDF-1.4", b"PK\x03\x04broken", bomb.getvalue(), b"\x1f\x8b broken",
                 b"<html><body>", b"nothing that anybody says"):  # fmt: skip
        refused = client.upload("file.txt", data)
        assert refused.status == 415
        assert "/" not in refused.error.split(";")[0].replace("file.txt/", "")
        assert "dialora-" not in refused.error


def zipped(name: str, data: bytes, before: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return before + packed.getvalue()


def test_a_file_is_as_small_unpacked_as_it_may_be_packed(client: Client, engine: Engine) -> None:
    """Some kilobytes may unpack to gigabytes, and to many times as much once they are read."""
    large = b"Anna: hi\nBob: yes\n" * 500_000
    damaged = zipped("a.txt", large)
    for name, data in (
        ("a.txt.gz", gzip.compress(large)), ("a.zip", zipped("a.txt", large)),
        ("a.docx", zipped("word/document.xml", large)),
        ("a.zip", zipped("a.txt.gz", gzip.compress(large))), ("a.gz", gzip.compress(zipped("a.txt", large))),
        ("a.xlsx", zipped("xl/workbook.xml", large, b"before")), ("a.gz", gzip.compress(gzip.compress(large))),
        ("a.zip", damaged.replace(damaged[14:18], b"\0\0\0\0")),
    ):  # fmt: skip
        assert len(data) < 200_000
        refused = client.upload(name, data)
        assert (refused.status, refused.json()["error"]["code"]) == (413, "too_large"), name
        assert "unpacks" in refused.error
    assert not engine.sources
    assert client.upload("a.zip", zipped("a.txt", TALK.encode())).status == 200
    assert client.upload("a.txt.gz", gzip.compress(TALK.encode())).status == 200


def test_a_table_is_as_small_unpacked_too(client: Client, engine: Engine) -> None:
    """One text may stand in every row of a file that is hardly larger than none."""

    def save(texts: pyarrow.Array) -> bytes:
        file = io.BytesIO()
        parquet.write_table(pyarrow.table({"dialogue": texts}), file, compression="zstd")
        return file.getvalue()

    large = pyarrow.DictionaryArray.from_arrays([0] * 100, [TALK + "x" * 200_000])
    for texts in (large, large.dictionary_decode(), pyarrow.array([["x" * 9_000_000]])):
        data = save(texts)
        assert len(data) < 10_000
        refused = client.upload("a.parquet", data)
        assert (refused.status, refused.json()["error"]["code"]) == (413, "too_large")
    assert not engine.sources
    assert client.upload("a.parquet", save(pyarrow.array([TALK] * 3))).status == 200
    refused = client.upload("a.arrow", b"ARROW1\0\0")
    assert refused.status == 415
    assert "Parquet" in refused.error


def test_ten_thousand_turns_and_a_line_of_a_megabyte_are_answered(client: Client) -> None:
    turns = [{"speaker": f"S{n % 7}", "text": f"Number {n}."} for n in range(10_000)]
    answer = client.post({"turns": turns, "on_long": "truncate"})
    assert answer.status == 200
    assert len(answer.json()["conversations"][0]["turns"]) == 10_000
    answer = client.post({"text": "x" * 1_000_000, "on_long": "truncate"})
    assert answer.status == 200
    assert answer.json()["conversations"][0]["summaries"][0]["truncated"]


def test_ids_come_back_as_they_were(client: Client) -> None:
    answer = client.post({"text": TALK, "id": MARKUP[:50] + STEERING})
    assert answer.json()["conversations"][0]["id"] == MARKUP[:50] + STEERING
    assert client.post({"text": TALK, "id": "x" * 201}).status == 400
    assert json.loads(client.post({"text": TALK, "id": ""}).body)["conversations"][0]["id"] == ""
