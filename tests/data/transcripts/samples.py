"""A small whole file of every format, made of turns: what is read must be those turns again."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.data.transcripts.support import build_document, build_zip

Turns = Sequence[tuple[str, str]]
TURNS: Turns = (("Anna", "Good morning."), ("Bob", "Hello, Anna"), ("Anna", "so, it is late"))


def _cues(turns: Turns, write: Callable[[str, str], str], *, sign: str = ".", numbers: bool = True) -> str:
    pieces = []
    for at, turn in enumerate(turns):
        number = f"{at + 1}\n" if numbers else ""
        pieces.append(f"{number}00:00:{at:02}{sign}000 --> 00:00:{at:02}{sign}900\n{write(*turn)}\n\n")
    return "".join(pieces)


def _label(name: str, text: str) -> str:
    return f"{name}: {text}"


def _chat(turns: Turns, speaker: str, text: str, **more: Any) -> list[dict[str, Any]]:
    return [{speaker: name, text: said, **more} for name, said in turns]


def _words(turns: Turns, build: Callable[[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    return [build(name, word) for name, said in turns for word in said.split()]


def _slack(turns: Turns) -> bytes:
    users = [{"id": f"U{at}", "profile": {"real_name": name}} for at, (name, _) in enumerate(turns)]
    day = [
        {"type": "message", "user": f"U{at}", "ts": f"{at}.0", "text": html.escape(text, quote=False)}
        for at, (_, text) in enumerate(turns)
    ]
    return build_zip({"users.json": json.dumps(users), "general/2024-01-01.json": json.dumps(day)})


def _slack_day(turns: Turns) -> Any:
    return [
        {"type": "message", "user": name, "ts": f"{at}.0", "text": html.escape(text, quote=False)}
        for at, (name, text) in enumerate(turns)
    ]


def _aws(turns: Turns) -> Any:
    items = _words(
        turns,
        lambda name, word: {"type": "pronunciation", "speaker_label": name, "alternatives": [{"content": word}]},
    )
    return {"results": {"transcripts": [], "items": items}}


WRITERS: dict[str, Callable[[Turns], Any]] = {
    "WhatsApp": lambda turns: "".join(f"03.08.21, 12:{at:02} - {_label(*turn)}\n" for at, turn in enumerate(turns)),
    "Telegram": lambda turns: {
        "name": "x", "type": "y", "id": 1, "messages": _chat(turns, "from", "text", type="message", date="")
    },
    "Slack": _slack,
    "Slack (a single file)": _slack_day,
    "Discord": lambda turns: {
        "guild": {}, "channel": {"name": "x"},
        "messages": [{"type": "Default", "content": text, "author": {"name": name}} for name, text in turns],
    },
    "Zoom VTT": lambda turns: "WEBVTT\n\n" + _cues(turns, lambda name, text: html.escape(_label(name, text))),
    "Teams VTT": lambda turns: (
        "WEBVTT\n\n" + _cues(turns, lambda name, text: f"<v {name}>{html.escape(text)}</v>", numbers=False)
    ),
    "WebVTT": lambda turns: (
        "WEBVTT\n\n" + _cues(turns, lambda name, text: html.escape(_label(name, text)), numbers=False)
    ),
    "SRT": lambda turns: _cues(turns, lambda name, text: html.escape(_label(name, text)), sign=","),
    "Otter TXT": lambda turns: "\n".join(f"{name}  0:0{at % 10}\n{text}\n" for at, (name, text) in enumerate(turns)),
    "Text with times and names": lambda turns: "\n".join(f"[0:0{at % 10}] {_label(*t)}" for at, t in enumerate(turns)),
    "Teams DOCX": lambda turns: build_document(*(f"{name}   0:04\n{text}" for name, text in turns)),
    "Meet DOCX": lambda turns: build_document("00:00:00", *(_label(*turn) for turn in turns)),
    "WhisperX": lambda turns: {"segments": _chat(turns, "speaker", "text", start=1, end=2)},
    "whisper.cpp": lambda turns: {"transcription": _chat(turns, "speaker", "text", offsets={"from": 0})},
    "Deepgram": lambda turns: {
        "results": {"channels": [{"alternatives": [
            {"words": _words(turns, lambda name, word: {"speaker": name, "word": word})}
        ]}]}
    },
    "AssemblyAI": lambda turns: {"confidence": 1, "utterances": _chat(turns, "speaker", "text", start=1, end=2)},
    "Amazon Transcribe": _aws,
    "Rev": lambda turns: {
        "monologues": [{"speaker_name": name, "elements": [{"type": "text", "value": text}]} for name, text in turns]
    },
    "Schema-Guided / MultiWOZ 2.2": lambda turns: [{"dialogue_id": "x", "turns": _chat(turns, "speaker", "utterance")}],
    "MultiWOZ 2.1": lambda turns: {"x": {"log": [{"text": text} for _, text in turns]}},
    "OpenAI messages": lambda turns: {"messages": _chat(turns, "role", "content")},
    "ShareGPT": lambda turns: {"conversations": _chat(turns, "from", "value")},
    "SAMSum-like text": lambda turns: "\n".join(_label(*turn) for turn in turns),
    "DialogSum-like text": lambda turns: "\n".join(f"#{name}#: {text}" for name, text in turns),
}  # fmt: skip


def write(format_name: str, turns: Turns = TURNS) -> bytes:
    """The bytes of a file."""
    made = WRITERS[format_name](turns)
    return made if isinstance(made, bytes) else (made if isinstance(made, str) else json.dumps(made)).encode()


def expect(format_name: str, turns: Turns, *, merges: bool) -> list[tuple[str, str]]:
    """The turns that a file of these holds."""
    names = {
        "MultiWOZ 2.1": lambda at, _: ("USER", "SYSTEM")[at % 2],
        "DialogSum-like text": lambda _, name: f"#{name}#",
    }
    find_name = names.get(format_name, lambda _, name: name)
    found: list[tuple[str, str]] = []
    for at, (name, text) in enumerate(turns):
        speaker, said = find_name(at, name), " ".join(text.split())
        if merges and found and found[-1][0] == speaker:
            found[-1] = (speaker, f"{found[-1][1]} {said}")
        else:
            found.append((speaker, said))
    return found


def list_places(value: Any) -> list[list[Any]]:
    """The way to every part of a document."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [place for key in keys for place in ([key], *([key, *inner] for inner in list_places(value[key])))]
