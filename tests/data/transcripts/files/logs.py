"""Logs of messages with assistants: OpenAI's and ShareGPT's."""

from __future__ import annotations

import json
from typing import Any

from tests.data.transcripts.files.file import File, Refused

OPENAI, SHARED = "OpenAI messages", "ShareGPT"
PROMPTS, TOOLS = "prompts of the system", "calls of tools and their results"
NO_TEXT = "parts of messages that are no text, left out"
PAIR = ["user: Is it late?", "assistant: Nine."]


def say(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def share(sender: str, value: str) -> dict[str, Any]:
    return {"from": sender, "value": value}


ASKED = [say("user", "Is it late?"), say("assistant", "Nine.")]
ANSWERED = [share("human", "Is it late?"), share("gpt", "Nine.")]
CALL = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}

FILES = [
    File("train.jsonl", "\n".join(json.dumps({"messages": ASKED}) for _ in range(3)), OPENAI, PAIR * 3,
         num_conversations=3, has_crlf=True, encoding="utf-8-sig"),
    File("chat.json", {"model": "x-1", "messages": [say("system", "Be brief."), *ASKED]}, OPENAI, PAIR, {PROMPTS: 1}),
    File(
        "parts.json",
        {"messages": [
            say("developer", "Describe."),
            say("user", [{"type": "text", "text": "What is this?"},
                         {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]),
            say("assistant", [{"type": "text", "text": "A heron:"}, {"type": "text", "text": "grey."}]),
        ]},
        OPENAI, ["user: What is this?", "assistant: A heron: grey."], {PROMPTS: 1}, {NO_TEXT: 1},
    ),
    File(
        "tools.txt",
        [say("user", "Time in Oslo?"), say("assistant", None, tool_calls=[CALL]),
         say("tool", '{"time": "21:04"}', tool_call_id="call_1"), say("assistant", "Four past nine.")],
        OPENAI, ["user: Time in Oslo?", "assistant: Four past nine."], {TOOLS: 2},
    ),
    File(
        "tools-with-text.json",
        {"messages": [ASKED[0], say("assistant", "Let me look.", tool_calls=[CALL]), say("function", "21",
            name="clock")]},
        OPENAI, [PAIR[0], "assistant: Let me look."], {TOOLS: 1},
        {"messages with calls of tools, of which the text is kept": 1},
    ),
    File(
        "refusals.json",
        {"messages": [ASKED[0], say("assistant", None, refusal="I have no clock."), say("user", "Try."),
                      say("assistant", [{"type": "refusal", "refusal": "I cannot: sorry."}])]},
        OPENAI, [PAIR[0], "assistant: I have no clock.", "user: Try.", "assistant: I cannot: sorry."],
    ),
    File("named.json", {"messages": [say("user", "Wer fährt?", name="Jörg"), say("user", "Ich!", name="Ада")]}, OPENAI,
         ["Jörg: Wer fährt?", "Ада: Ich!"]),
    File("lists.vtt", [[], ASKED, [say("user", "Code?\n```\na: 1\n```"), say("assistant", "Fine.")]], OPENAI,
         [*PAIR, "user: Code? ``` a: 1 ```", "assistant: Fine."], num_conversations=2),
    File("message-a-line.ndjson", "\n".join(map(json.dumps, ASKED)), OPENAI, PAIR),
    File("joined.jsonl", "\n\ufeff".join(json.dumps({"messages": ASKED}) for _ in range(2)), OPENAI, PAIR * 2,
         num_conversations=2, encoding="utf-8-sig"),
    File(
        "responses.json",
        {"messages": [say("user", [{"type": "input_text", "text": "Is it late?"}]),
                      say("assistant", [{"type": "output_text", "text": "Nine.", "annotations": []}])]},
        OPENAI, PAIR, encoding="utf-16",
    ),
    File("titled.json", [{"id": "a1", "messages": ASKED}, {"title": "Late", "messages": [*ASKED, say("user", "")]}],
        OPENAI,
         PAIR * 2, {"no words": 1}, num_conversations=2),
    File("sharegpt.json", [{"id": "i6IyJda_0", "conversations": ANSWERED}], SHARED, ["human: Is it late?",
        "gpt: Nine."]),
    File("sharegpt.jsonl", "\n".join(json.dumps({"conversations": one}) for one in ([], ANSWERED, ANSWERED)), SHARED,
         ["human: Is it late?", "gpt: Nine."] * 2, num_conversations=2),
    File(
        "agent.txt",
        {"conversations": [share("system", "Use tools."), share("human", "Wie spät?"), share("function_call",
            "clock()"),
                           share("observation", "21:04"), share("gpt", "Vier nach neun: abends.")]},
        SHARED, ["human: Wie spät?", "gpt: Vier nach neun: abends."], {PROMPTS: 1, TOOLS: 2}, encoding="utf-8-sig",
    ),
    File("vicuna.json", [{"id": "7", "conversation": [share("user", "你好"), share("chatgpt", "你好：有事吗？")]}],
        SHARED,
         ["user: 你好", "chatgpt: 你好：有事吗？"]),
]  # fmt: skip

REFUSED = [
    Refused("prompt-alone.json", {"messages": [say("system", "Be brief.")]},
            "read as OpenAI messages, but nobody says anything in it; .*'Be brief.'.*left out: prompts of the system"),
    Refused("no-roles.json", {"messages": [say("", "hi"), say("", "yo")]},
            "read as OpenAI messages, and nobody is named in it"),
    Refused("blank-share.json", {"conversations": [share("human", ""), share("gpt", " ")]},
            "read as ShareGPT, but nobody says anything in it"),
    Refused("no-senders.json", {"conversations": [share("", "hi"), share("", "yo")]},
            "read as ShareGPT, and nobody is named in it"),
]  # fmt: skip
