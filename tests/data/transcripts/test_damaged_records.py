"""A damaged word, item or message in a document is counted or refused, never passed over."""

from __future__ import annotations

from typing import Any

import pytest

from dialora.errors import DataError
from tests.data.transcripts.support import read, read_one, show

HI = {"text": "Hi", "start": 0, "end": 1, "speaker": "A"}
DEEPGRAM = {"word": "hi", "start": 0, "speaker": 0}
WHISPER = {"start": 0, "text": "hi yo", "speaker": "A"}
USER = {"role": "user", "content": "hi"}


def deepgram(*words: Any, **more: Any) -> Any:
    return {"results": {"channels": [{"alternatives": [{"words": list(words)}]}], **more}}


def amazon(*items: Any, **more: Any) -> Any:
    first = {"speaker_label": "spk_0", "alternatives": [{"content": "hi"}]}
    return {"results": {"transcripts": [], "items": [first, *items], **more}}


def telegram(*messages: Any) -> dict[str, Any]:
    first = {"type": "message", "from": "Ann", "date": "", "text": "hi"}
    return {"name": "x", "type": "y", "id": 1, "messages": [first, *messages]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": "x", "confidence": 1, "words": [HI, "lost"]}, "words: item 2 must be an object, got str"),
        ({"confidence": 1, "utterances": [HI, HI | {"text": ["lost"]}]}, "utterances: text: must be a text, got list"),
        (deepgram(DEEPGRAM, "lost"), "channels: words: item 2 must be an object, got str"),
        (deepgram(DEEPGRAM, {"word": {"a": "lost"}}), "words: word: must be a text, got dict"),
        ({"results": {"channels": [{"alternatives": [{}]}, {"alternatives": "lost"}]}}, "alternatives: must be a list"),
        (amazon("lost"), "items: item 2 must be an object, got str"),
        (amazon({"alternatives": ["lost"]}), "alternatives: item 1 must be an object"),
        (amazon({"alternatives": [{"content": ["lost"]}]}), "content: must be a text, got list"),
        (amazon(channel_labels={"channels": ["lost"]}), "channels: item 1 must be an object"),
        ({"segments": [WHISPER | {"words": [{"word": "hi", "speaker": "B"}, "lost"]}]}, "words: item 2 must be an"),
        ({"segments": [WHISPER | {"words": "lost"}]}, "segments: words: must be a list of objects, got str"),
        ({"segments": [WHISPER, WHISPER | {"text": {"a": "lost"}}]}, "segments: text: must be a text, got dict"),
        ({"monologues": [{"elements": [{"value": {"a": "lost"}}]}]}, "elements: value: must be a text, got dict"),
        ({"messages": [USER, {"role": "user", "content": True}]}, "message 2: content: must be a text, got bool"),
        ({"messages": [USER, {"sender": "user", "body": "lost"}]}, "message 2 has neither 'role' nor 'content'"),
        ({"conversations": [{"from": "human", "value": "hi"}, {}]}, "message 2 has neither 'from' nor 'value'"),
        (telegram({"type": "message", "from": "Bob", "text": [["lost"]]}), "text: must be a text, got list"),
        ({"chats": {"list": [telegram(), "lost"]}}, "chats: list: item 2 must be an object, got str"),
    ],
)
def test_a_part_that_is_none_is_refused_with_its_place(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(values)


@pytest.mark.parametrize(
    ("values", "turns", "counts"),
    [
        pytest.param(
            {"text": "x", "confidence": 1, "words": [HI, HI | {"text": None}]},
            ["Speaker A: Hi"],
            {"left out: words without a text": 1},
            id="a word without a text",
        ),
        pytest.param(
            {"segments": [WHISPER | {"text": "", "words": [{"word": "yo"}]}]},
            ["A: yo"],
            {"words without a speaker, so given the one of the words around": 1},
            id="words without their text",
        ),
        pytest.param(
            {"segments": [WHISPER | {"words": [{"word": "20", "speaker": "A"}, {"word": "yo", "speaker": "B"}]}]},
            ["A: 20", "B: yo"],
            {"texts that are not those of their words, which are read": 1},
            id="another text",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "content": {"type": "text", "text": "yo"}}]},
            ["user: hi", "assistant: yo"],
            {},
            id="one part",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "content": {"type": "image"}}]},
            ["user: hi"],
            {"left out: no words": 1, "parts of messages that are no text, left out": 1},
            id="one part without a text",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "content": "yo", "tool_calls": [{"id": "1"}]}]},
            ["user: hi", "assistant: yo"],
            {"messages with calls of tools, of which the text is kept": 1},
            id="a call beside a text",
        ),
        pytest.param(
            telegram({"type": "message", "from": "Bob", "text": ["a", {"type": "x"}, {"type": "b", "text": "b"}]}),
            ["Ann: hi", "Bob: ab"],
            {"pieces of messages without a text, left out": 1},
            id="a piece without a text",
        ),
        pytest.param(
            telegram({"type": "message", "text": "a"}, {"type": "message", "from_id": "user9", "text": "b"}),
            ["Ann: hi", "Unknown: a", "user9: b"],
            {"messages that name no sender": 1, "messages of deleted accounts, called by their number": 1},
            id="nobody",
        ),
    ],
)
def test_what_is_no_word_of_a_turn_is_counted(values: Any, turns: list[str], counts: dict[str, int]) -> None:
    conversation = read_one(values)
    assert show(conversation) == turns
    assert conversation.counts == counts


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_name(number: str) -> None:
    utterances = f'[{{"speaker": 0, "transcript": "hi"}}, {{"speaker": {number}, "transcript": "yo"}}]'
    conversation = read_one(f'{{"results": {{"utterances": {utterances}}}}}')
    assert show(conversation) == ["Speaker 0: hi yo"]
    assert list(conversation.remarks.values()) == [1]


def test_a_chat_without_messages_is_counted() -> None:
    notes: list[str] = []
    (conversation,) = read({"chats": {"list": [telegram(), {"id": 2, "type": "y"}]}}, notes=notes)
    assert show(conversation) == ["Ann: hi"]
    assert notes == ["talk.txt: left out conversations in which nobody says anything: 1."]
