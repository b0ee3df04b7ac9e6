"""What is asked for is answered: text, turns, files; one and many; every system by its name."""

from __future__ import annotations

import io
import json
import shutil
import threading
import zipfile
from pathlib import Path

import pytest

import dialora
from tests.serving.support import TALK, Client, Engine, serving, use_engine, wait_until

VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nAnna Berg: Good morning.\n\n00:02.000 --> 00:04.000\nBob: Hi.\n"


def read(client: Client, values: object) -> dict:
    answer = client.post(values)
    assert answer.status == 200, answer.body
    (one,) = answer.json()["conversations"]
    return one


def test_a_text_turns_and_a_file_of_the_same_talk_are_read_alike(client: Client, engine: Engine) -> None:
    turns = [dict(zip(("speaker", "text"), line.split(": ", 1), strict=True)) for line in TALK.split("\n")]
    by_text, by_turns = read(client, {"text": TALK, "id": "a"}), read(client, {"turns": turns})
    (by_file,) = client.upload("talk.txt", TALK.encode()).json()["conversations"]
    assert by_text["turns"] == by_turns["turns"] == by_file["turns"] == turns
    assert (by_text["id"], by_turns["id"], by_file["id"]) == ("a", "1", "talk")
    assert (by_text["format"], by_turns["format"], by_file["format"]) == (
        "SAMSum-like text",
        "turns",
        "SAMSum-like text",
    )
    assert len({one["summaries"][0]["text"] for one in (by_text, by_turns, by_file)}) == 1
    # The engine was asked three times, one after the other, for the very same.
    assert len(engine.sources) == 3
    assert len(set(engine.sources)) == 1


def test_summaries_are_those_of_the_library(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the engine that `summarize` has, not a stand-in."""
    monkeypatch.setenv("DIALORA_CACHE", str(tmp_path))
    talks = [TALK, "Tom: Hi.\nEva: Bye.", "no conversation at all", f"{TALK}\n" * 30]
    settings = {"decoding.max_new_tokens": 8, "data.max_source_length": 64}
    with serving([str(tiny_model)], set=settings) as client:
        answer = client.post({"inputs": [{"text": talk} for talk in talks], "join": "resummarize"}).json()
    made = dialora.load(tiny_model, set=settings, join="resummarize")
    for talk, one in zip(talks, answer["conversations"], strict=True):
        summary, (ours,) = made.summarize(talk), one["summaries"]
        assert [ours[k] for k in ("text", "finish_reason", "num_parts", "truncated")] == [
            summary.text, summary.finish_reason, summary.num_parts, summary.truncated
        ]  # fmt: skip
    assert answer["conversations"][3]["summaries"][0]["num_parts"] > 1


def test_many_inputs_are_answered_in_their_order_with_their_ids(client: Client) -> None:
    inputs = [{"text": f"Anna: {'x' * (20 - n)} {n}.\nBob: Yes.", "id": f"n{n}"} for n in range(20)]
    found = client.post({"inputs": inputs}).json()["conversations"]
    assert [one["id"] for one in found] == [f"n{n}" for n in range(20)]
    assert [one["turns"][0]["text"] for one in found] == [f"{'x' * (20 - n)} {n}." for n in range(20)]


def test_every_system_answers_under_its_own_name(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model), str(tiny_model)]) as client:
        names = [one["name"] for one in client.get("/v1/systems").json()["systems"]]
        assert len(set(names)) == 2
        (one,) = client.post({"text": TALK}).json()["conversations"]
        assert [summary["system"] for summary in one["summaries"]] == names
        (one,) = client.post({"text": TALK, "systems": [names[1]]}).json()["conversations"]
        assert [summary["system"] for summary in one["summaries"]] == names[1:]
        refused = client.post({"text": TALK, "systems": ["gpt"]})
        assert refused.status == 400
        assert all(name in refused.error for name in ("gpt", *names))
        assert [one["is_default"] for one in client.get("/v1/systems").json()["systems"]] == [True, False]


def test_no_two_systems_have_a_name(tiny_model: Path, tmp_path: Path, engine: Engine) -> None:
    """Also where one is called by itself what a second one of a name would be called."""
    names = [tmp_path / "a" / "m", tmp_path / "b" / "m", tmp_path / "m-2", tmp_path / "c" / "m-2"]
    for name in names:
        shutil.copytree(tiny_model, name)
    with serving([str(name) for name in names]) as client:
        systems = [one["name"] for one in client.get("/v1/systems").json()["systems"]]
        assert (systems[0], systems[2]) == ("m", "m-2")
        assert len(set(systems)) == 4
        for name in systems:
            (one,) = client.post({"text": TALK, "systems": [name]}).json()["conversations"]
            assert [summary["system"] for summary in one["summaries"]] == [name]


def test_a_vtt_file_is_read_as_such_and_speakers_are_renamed(client: Client) -> None:
    (one,) = client.upload("m.vtt", VTT, ("rename", "Bob=Rob"), ("rename", "Bob=Robert"), ("rename", "Zoe=Z")).json()[
        "conversations"
    ]
    assert [turn["speaker"] for turn in one["turns"]] == ["Anna Berg", "Robert"]
    assert "VTT" in one["format"]
    assert one["notes"] == ["rename: nobody is called 'Zoe'."]


def test_a_zip_file_gives_a_conversation_each_and_a_table_a_row_each(client: Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.vtt", VTT)
        archive.writestr("b.txt", TALK)
        archive.writestr("photo.jpg", b"\xff\xd8")
    found = client.upload("all.zip", packed.getvalue()).json()["conversations"]
    assert [one["id"] for one in found] == ["a", "b"]
    assert any("other kinds: 1" in note for note in found[0]["notes"])
    rows = "".join(json.dumps({"id": f"r{n}", "dialogue": TALK}) + "\n" for n in range(3))
    assert [one["id"] for one in client.upload("t.jsonl", rows.encode()).json()["conversations"]] == ["r0", "r1", "r2"]


def test_a_text_that_is_no_conversation_has_lines_without_speakers(client: Client) -> None:
    one = read(client, {"text": "A plain text.\n\nOf two lines."})
    assert one["format"] == "text"
    assert one["turns"] == [{"speaker": None, "text": "A plain text."}, {"speaker": None, "text": "Of two lines."}]


@pytest.mark.parametrize(
    "values", [{"text": ""}, {"text": " \n\t"}, {"turns": []}, {"turns": [{"speaker": "A", "text": " "}]}]
)
def test_nothing_said_is_an_empty_summary(client: Client, engine: Engine, values: dict) -> None:
    one = read(client, values)
    assert one["turns"] == []
    assert [(s["text"], s["finish_reason"], s["num_parts"]) for s in one["summaries"]] == [("", "empty", 0)]
    assert not engine.sources


def test_what_a_long_conversation_becomes_is_chosen(client: Client) -> None:
    long = "\n".join(f"Anna: This is sentence {n} of many." for n in range(60)) + "\nBob: Yes."
    (split,), (cut,) = (read(client, {"text": long, "on_long": how})["summaries"] for how in ("split", "truncate"))
    assert (split["num_parts"] > 3, split["truncated"]) == (True, False)
    assert (cut["num_parts"], cut["truncated"]) == (1, True)
    refused = client.post({"text": long, "on_long": "error"})
    assert refused.status == 413
    assert "reads 128" in refused.error
    assert "on_long" in refused.error


def test_places_are_those_of_the_summary(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dialora.systems import find_system
    from tests.systems.support import Scripted

    text = "Bob and Zelda meet. Anna pays 30 dollars."
    use_engine(monkeypatch, Scripted(find_system(tiny_model).tokenizer, lambda read: text))
    with serving([str(tiny_model)]) as client:
        (summary,) = read(client, {"text": TALK, "explain": True})["summaries"]
        (uploaded,) = client.upload("t.txt", TALK.encode(), ("explain", "true")).json()["conversations"][0]["summaries"]
        (plain,) = read(client, {"text": TALK})["summaries"]
    assert (uploaded["unsupported"], uploaded["sentences"]) == (summary["unsupported"], summary["sentences"])
    assert (plain["text"], plain["unsupported"], plain["sentences"]) == (text, None, None)
    assert ("name", "Zelda") in [(place["kind"], place["text"]) for place in summary["unsupported"]]
    for place in summary["unsupported"]:
        assert summary["text"][place["start"] : place["end"]] == place["text"]
    assert [summary["text"][s["start"] : s["end"]] for s in summary["sentences"]] == [
        "Bob and Zelda meet.", "Anna pays 30 dollars."
    ]  # fmt: skip


def test_requests_at_a_time_share_batches_and_what_is_equal_is_written_once(client: Client, engine: Engine) -> None:
    engine.gate.clear()
    answers: list[dict] = []
    texts = [f"Anna: Number {n % 20}?\nBob: Yes." for n in range(40)]
    threads = [threading.Thread(target=lambda t=t: answers.append(read(client, {"text": t}))) for t in texts]
    for thread in threads:
        thread.start()
    batcher = client.server.service.served[0].batcher
    assert batcher is not None
    wait_until(lambda: batcher.num_waiting == 40)
    engine.gate.set()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 40
    assert len(engine.sources) == len(set(engine.sources)) == 20
    assert len(engine.batches) <= 3
    assert all(batch == sorted(batch, key=len, reverse=True) for batch in engine.batches)
