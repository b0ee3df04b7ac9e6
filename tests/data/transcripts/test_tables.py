"""Tables of dialogues are not taken for a conversation, whatever their cells hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialora.cli import main
from dialora.config import DataConfig
from dialora.data.reading.tables import stream_dialogues
from dialora.data.transcripts.inputs import inspect_inputs
from tests.data.transcripts.samples import write

CHAT = "12.3.21, 10:00 - Anna: hi\n12.3.21, 10:01 - Bob: yo"
CUES = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Anna>hi</v>"
MESSAGES = [{"role": "user", "content": "p"}, {"role": "assistant", "content": "q"}]
UTTERANCES = [{"speaker": "A", "utterance": "hi"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("rows.csv", f'id,dialogue\n1,"{CHAT}"\n2,"{CHAT}"\n', id="a chat in a cell of CSV"),
        pytest.param("rows.csv", f'\n"dialogue"\n"{CHAT}"\n"{CHAT}"\n', id="a chat in the only cell"),
        pytest.param("rows.tsv", f'id\tdialogue\n1\t"{CUES}"\n2\t"{CUES}"\n', id="captions in a cell of TSV"),
        pytest.param(
            "rows.jsonl",
            "".join(json.dumps({"dialogue": "Anna: hi", "messages": MESSAGES}) + "\n" for _ in range(2)),
            id="messages beside a dialogue",
        ),
        pytest.param(
            "rows.json", json.dumps([{"text": "Anna: hi", "messages": MESSAGES}] * 2), id="messages beside a text"
        ),
        pytest.param(
            "rows.json", json.dumps([{"messages": MESSAGES, "summary": "s"}] * 2), id="messages with a summary"
        ),
        pytest.param(
            "rows.jsonl",
            "".join(json.dumps({"conversations": MESSAGES, "Summary": "s"}) + "\n" for _ in range(2)),
            id="conversations with a summary",
        ),
        pytest.param(
            "rows.json",
            json.dumps([{"dialogue_id": "1", "turns": UTTERANCES, "dialogue": "A: hi", "summary": "s"}] * 2),
            id="a corpus of turns beside a dialogue",
        ),
    ],
)
def test_a_table_is_counted_as_summarizing_reads_it(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    (found,) = inspect_inputs([str(path)])
    assert (found.format, found.problem) == ("table", None)
    assert found.num_conversations == len(list(stream_dialogues(path, DataConfig(source=str(path))))) == 2


def test_one_row_of_json_lines_is_a_table_too(tmp_path: Path) -> None:
    for row in ({"messages": MESSAGES, "summary": "s"}, {"dialogue": "Anna: hi", "messages": MESSAGES}):
        (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
        (found,) = inspect_inputs([str(tmp_path / "rows.jsonl")])
        assert (found.format, found.num_conversations) == ("table", 1)


@pytest.mark.parametrize(
    "format_name",
    ["AssemblyAI", "Discord", "OpenAI messages", "Schema-Guided / MultiWOZ 2.2", "ShareGPT", "WhisperX", "WhatsApp"],
)
def test_what_a_format_calls_its_own_is_no_column(tmp_path: Path, format_name: str) -> None:
    data = write(format_name)
    if format_name == "AssemblyAI":  # as the service returns it
        data = json.dumps(json.loads(data) | {"text": "hi", "summary": None}).encode()
    (tmp_path / "talk.json").write_bytes(data)
    (found,) = inspect_inputs([str(tmp_path / "talk.json")])
    assert (found.format, found.num_turns) == (format_name, 3)


def test_records_of_a_format_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one | {"source": "web"}) + "\n" for one in MESSAGES))
    segments = [{"start": at, "end": at + 1, "text": "hi", "speaker": "AB"[at]} for at in range(2)]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(one) + "\n" for one in segments))
    found = inspect_inputs([str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")])
    assert [(one.format, one.num_turns) for one in found] == [("OpenAI messages", 2), ("WhisperX", 2)]


@pytest.mark.parametrize("looking", ["--dry-run", "--prompt"])
def test_who_only_looks_writes_nothing(tmp_path: Path, looking: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("Anna: hi\n")
    assert main(["summarize", str(tmp_path / "a.txt"), looking, "--output", "a.csv"]) == 2
    captured = capsys.readouterr()
    assert "--output" in captured.err
    assert looking in captured.err
    assert captured.out == ""
