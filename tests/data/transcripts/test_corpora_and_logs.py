"""Dialogue corpora (SAMSum, DialogSum, Schema-Guided, MultiWOZ) and logs of messages (OpenAI, ShareGPT)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dialora.errors import DataError
from tests.data.transcripts.support import read, read_one, show

TALK = ["Amanda: I baked cookies.", "Jerry: Sure!", "Amanda: Tomorrow :-)"]


@pytest.mark.parametrize(
    ("text", "format_name", "turns"),
    [
        pytest.param("\r\n".join(TALK), "SAMSum-like text", TALK, id="SAMSum, CRLF"),
        pytest.param("\n\n".join(TALK) + "\n", "SAMSum-like text", TALK, id="blank lines between turns"),
        pytest.param("Amanda : hi\nJerry　Lee：好的", "SAMSum-like text", ["Amanda: hi", "Jerry Lee: 好的"], id="wide"),
        pytest.param("amanda: hi\njerry: yo\namanda: ok", "SAMSum-like text", ["amanda: hi", "jerry: yo",
            "amanda: ok"], id="lower"),
        pytest.param(
            "Ms. Ann O'Neil-Berg: one\nNote: two\nhttp://a.b: three\nthe thing is: four\nJerry: five",
            "SAMSum-like text",
            ["Ms. Ann O'Neil-Berg: one Note: two http://a.b: three the thing is: four", "Jerry: five"],
            id="prose with colons",
        ),
        pytest.param("**Анна:** да\n**Борис:** нет", "SAMSum-like text", ["Анна: да", "Борис: нет"],
            id="Markdown, Cyrillic"),
        pytest.param("مريم: نعم\nعلي: لا", "SAMSum-like text", ["مريم: نعم", "علي: لا"], id="Arabic"),
        pytest.param("SPEAKER_00: a\nSpeaker 1: b\nStep 2: c", "SAMSum-like text", ["SPEAKER_00: a",
            "Speaker 1: b Step 2: c"], id="generic"),
        pytest.param("Anna: hi! Bob: yo. Anna: ok?", "SAMSum-like text", ["Anna: hi!", "Bob: yo.", "Anna: ok?"],
            id="one line"),
        pytest.param("A title\nAnna: hi\nBob: yo", "SAMSum-like text", ["Anna: hi", "Bob: yo"], id="a title"),
        pytest.param("Anna: hi", "SAMSum-like text", ["Anna: hi"], id="a single turn"),
        pytest.param(
            "#Person1#: Hi, it is 9:30. Note: late\n#Person2#: Yes", "DialogSum-like text",
            ["#Person1#: Hi, it is 9:30. Note: late", "#Person2#: Yes"], id="DialogSum",
        ),
        pytest.param("मरियम: हाँ\nวิชัย: ไม่\nவக்தா 1: ok\nB2b: no name", "SAMSum-like text",
            ["मरियम: हाँ", "วิชัย: ไม่", "வக்தா 1: ok B2b: no name"], id="letters with marks, and digits"),
        pytest.param("Anna Berg (she/her): a\nJean-Luc d'Arc: b\nZoë van Dijk | ACME: c\nDr. Li (guest): d",
            "SAMSum-like text",
            ["Anna Berg (she/her): a", "Jean-Luc d'Arc: b", "Zoë van Dijk | ACME: c", "Dr. Li (guest): d"], id="names"),
        pytest.param("#Person1#: Hi\n#Person2#:Yes", "DialogSum-like text", ["#Person1#: Hi", "#Person2#: Yes"],
            id="no space behind a tag"),
        pytest.param("#Person1#: Hi #Person2#: Yes", "DialogSum-like text", ["#Person1#: Hi", "#Person2#: Yes"],
            id="tags on one line"),
        pytest.param("#Person1#：你好\n#Person2#：好", "DialogSum-like text", ["#Person1#: 你好", "#Person2#: 好"],
            id="tags, full width"),
    ],
)  # fmt: skip
def test_labelled_text(text: str, format_name: str, turns: list[str]) -> None:
    conversation = read_one(text)
    assert conversation.format == format_name
    assert show(conversation) == turns


@pytest.mark.parametrize(
    "text",
    [
        "It was a dark night.\nNothing: it rained.\nNobody came.\nWe slept.",
        "name: talk\nversion: 2\nlicense: none\nauthor: me",
        "Date: today\nPlace: here",
        "10:30: tea\n11:30: more tea",
        "id,dialogue\n1,hello",
        "Good morning all.\nMorning. Shall we begin?\nYes.",
    ],
)
def test_text_in_which_nobody_speaks_is_of_no_format(text: str) -> None:
    first = text.split("\n")[0]
    with pytest.raises(
        DataError, match=f"no known format.*its first line is '{first}'.*Teams' plain text.*Known: .*WhatsApp"
    ):
        read(text)


# Corpora

SGD = [
    {"dialogue_id": "1_00", "services": [], "turns": [
        {"speaker": "USER", "utterance": "A table?", "frames": []}, {"speaker": "SYSTEM", "utterance": "Where?"},
    ]},
    {"dialogue_id": "1_01", "turns": [{"speaker": "USER", "utterance": "Taxi"}]},
]  # fmt: skip


@pytest.mark.parametrize("written", [SGD, json.dumps(SGD, indent=2), "\n".join(map(json.dumps, SGD))])
def test_schema_guided(written: Any) -> None:
    first, second = read(written, name="dialogues_001.json")
    assert first.format == "Schema-Guided / MultiWOZ 2.2"
    assert (first.name, show(first)) == ("1_00", ["USER: A table?", "SYSTEM: Where?"])
    assert (second.name, show(second)) == ("1_01", ["USER: Taxi"])


def test_one_dialogue_of_schema_guided_alone() -> None:
    assert show(read_one(SGD[1])) == ["USER: Taxi"]


def test_multiwoz_alternates() -> None:
    log = [{"text": text, "metadata": {}} for text in ("A table?", "Where?", " Here. \n")]
    first, second = read({"PMUL1.json": {"goal": {}, "log": log}, "SNG2.json": {"log": log[:1]}}, name="data.json")
    assert (first.format, first.name) == ("MultiWOZ 2.1", "PMUL1.json")
    assert show(first) == ["USER: A table?", "SYSTEM: Where?", "USER: Here."]
    assert show(second) == ["USER: A table?"]


def test_a_broken_dialogue_of_a_corpus_is_named() -> None:
    with pytest.raises(DataError, match="dialogue 2 must be an object, got str"):
        read([*SGD[:1], "lost"])
    with pytest.raises(DataError, match=r"SNG2\.json: log: must be a list of objects, got NoneType"):
        read({"A": {"log": [{"text": "hi"}]}, "SNG2.json": {"goal": {}}})


# Logs of messages

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
PARTS = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "here"}]


@pytest.mark.parametrize(
    ("written", "conversations"),
    [
        pytest.param({"messages": CHAT}, [["user: hi", "assistant: yo"]], id="object"),
        pytest.param(CHAT, [["user: hi", "assistant: yo"]], id="list of messages"),
        pytest.param([CHAT, CHAT], [["user: hi", "assistant: yo"]] * 2, id="list of lists"),
        pytest.param([{"messages": CHAT}] * 3, [["user: hi", "assistant: yo"]] * 3, id="list of objects"),
        pytest.param(
            "\n".join([json.dumps({"messages": CHAT})] * 2), [["user: hi", "assistant: yo"]] * 2, id="JSON lines"
        ),
        pytest.param("\n".join(map(json.dumps, CHAT)), [["user: hi", "assistant: yo"]], id="a message on each line"),
        pytest.param({"messages": [{"role": "user", "content": PARTS}]}, [["user: look here"]], id="parts"),
        pytest.param({"messages": [CHAT[0] | {"name": "Ann"}, CHAT[1]]}, [["Ann: hi", "assistant: yo"]], id="named"),
    ],
)
def test_openai_messages(written: Any, conversations: list[list[str]]) -> None:
    found = read(written, name="log.jsonl")
    assert {conversation.format for conversation in found} == {"OpenAI messages"}
    assert [show(conversation) for conversation in found] == conversations


def test_what_only_a_model_reads_is_left_out_and_counted() -> None:
    messages = [
        {"role": "system", "content": "Be nice."},
        {"role": "developer", "content": "Very."},
        *CHAT,
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "42"},
        {"role": "user", "content": PARTS},
    ]
    conversation = read_one({"messages": messages})
    assert show(conversation) == ["user: hi", "assistant: yo", "user: look here"]
    assert conversation.left_out == {"prompts of the system": 2, "calls of tools and their results": 2}
    assert conversation.remarks == {"parts of messages that are no text, left out": 1}


SHARED = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]


@pytest.mark.parametrize(
    "written",
    [
        {"conversations": SHARED},
        [{"id": "a", "conversations": [{"from": "system", "value": "x"}, *SHARED]}],
        json.dumps({"conversations": SHARED}) + "\n" + json.dumps({"conversations": SHARED}),
        [{"conversation": [*SHARED, {"from": "function_call", "value": "f()"}, {"from": "observation", "value": "1"}]}],
        SHARED,
    ],
)
def test_sharegpt(written: Any) -> None:
    for conversation in read(written):
        assert conversation.format == "ShareGPT"
        assert show(conversation) == ["human: hi", "gpt: yo"]


def test_names_of_conversations_are_their_ids_or_numbers() -> None:
    named = [{"id": "a", "conversations": SHARED}, {"conversations": SHARED}]
    assert [conversation.name for conversation in read(named, name="log.json")] == ["a", "log 2"]
    assert read_one({"messages": CHAT}, name="log.json").name == "log"


def test_a_record_that_is_no_conversation_is_not_passed_over() -> None:
    lines = json.dumps({"messages": CHAT}) + "\n" + json.dumps({"text": "lost"})
    with pytest.raises(DataError, match=r"conversation 2: has no list of messages\. Recognised: messages"):
        read(lines)
    with pytest.raises(DataError, match="record 2: is not valid JSON"):
        read(json.dumps({"messages": CHAT}) + "\n{")
