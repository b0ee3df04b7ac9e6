"""JSON of speech recognisers: WhisperX, whisper.cpp, Deepgram, AssemblyAI, Amazon Transcribe, Rev."""

from __future__ import annotations

import json
from typing import Any

from tests.data.transcripts.files.file import File, Refused

BESIDE = "without a speaker, so given the one of what stands beside it"
AROUND = "words without a speaker, so given the one of the words around"
X, CPP, DEEP, ASSEMBLY, AWS, REV = (
    "WhisperX", "whisper.cpp", "Deepgram", "AssemblyAI", "Amazon Transcribe", "Rev",
)  # fmt: skip


def segment(start: float, text: str, speaker: str | None = None, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": start + 1.5, "text": text, **({"speaker": speaker} if speaker else {}), **more}


def heard(text: str, start: float | None = None, speaker: Any = None, *, key: str = "word") -> dict[str, Any]:
    values = {key: text, "start": start, "end": None if start is None else start + 0.2, "speaker": speaker}
    return {name: value for name, value in values.items() if value is not None}


def cpp(*segments: tuple[int, str, str | None]) -> dict[str, Any]:
    return {"systeminfo": "AVX = 1", "model": {"type": "base"}, "result": {"language": "en"}, "transcription": [
        {"timestamps": {"from": "00:00:00,000", "to": "00:00:01,000"}, "offsets": {"from": start, "to": start + 900},
         "text": text, **({"speaker": speaker} if speaker else {})} for start, text, speaker in segments
    ]}  # fmt: skip


def deepgram(*channels: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    found = [
        {"alternatives": [{"transcript": " ".join(w["word"] for w in words), "words": words}]} for words in channels
    ]
    return {"metadata": {"request_id": "x", "duration": 31.2}, "results": {"channels": found, **more}}


def said(text: str, speaker: Any, start: int) -> dict[str, Any]:
    return {"speaker": speaker, "text": text, "start": start, "end": start + 900, "confidence": 0.9, "words": []}


def aws(*words: tuple[str | None, str], **more: Any) -> dict[str, Any]:
    items = [
        {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": text}]}
        if text in ",.?!"
        else {
            "type": "pronunciation",
            "start_time": f"{at}.04",
            "end_time": f"{at}.51",
            "alternatives": [{"confidence": "0.99", "content": text}],
            **({"speaker_label": who} if who else {}),
        }
        for at, (who, text) in enumerate(words)
    ]
    text = " ".join(text for _, text in words)
    return {"jobName": "call-7", "accountId": "1", "status": "COMPLETED",
            "results": {"transcripts": [{"transcript": text}], "items": items, **more}}  # fmt: skip


def monologue(speaker: int, *values: str) -> dict[str, Any]:
    return {"speaker": speaker, "elements": [
        {"type": "punct", "value": value} if not any(map(str.isalnum, value)) else
        {"type": "text", "value": value, "ts": 0.5 + at, "end_ts": 0.9 + at, "confidence": 0.97}
        for at, value in enumerate(values)
    ]}  # fmt: skip


FILES = [
    File(
        "call.json",
        {"segments": [segment(0.1, " Good morning.", "SPEAKER_00"), segment(1.9, " Is it ready?", "SPEAKER_00"),
                      segment(4, " Tomorrow: noon.", "SPEAKER_01")], "language": "en"},
        X, ["SPEAKER_00: Good morning. Is it ready?", "SPEAKER_01: Tomorrow: noon."], num_merged=1,
    ),
    File(
        "words.txt",
        {"segments": [
            segment(0, " Is it 20? Yes.", "SPEAKER_00", words=[
                heard("Is", 0.0, "SPEAKER_00"), heard("it", 0.2, "SPEAKER_00"), heard("20?"),
                heard("Yes.", 1.0, "SPEAKER_01"),
            ]),
            segment(2, " Good.", words=[heard("Good.", 2.0)]),
        ], "word_segments": []},
        X, ["SPEAKER_00: Is it 20?", "SPEAKER_01: Yes. Good."], {}, {AROUND: 1, BESIDE: 1}, 1, encoding="utf-8-sig",
    ),
    File(
        "segments.json", [segment(0, "你到了吗？", "A"), segment(2, "到了。", "B"), segment(3, "好。", "A")], X,
        ["A: 你到了吗？", "B: 到了。", "A: 好。"],
    ),
    File(
        "lines.jsonl",
        "\n".join(json.dumps(one) for one in (segment(0, "Next stop?", "S1"), segment(2, "The harbour.", "S2"))),
        X, ["S1: Next stop?", "S2: The harbour."], has_crlf=True,
    ),
    File(
        "stereo.json", cpp((0, " Is anybody there?", "0"), (1500, " Hello?", "?"), (2600, " Speaking.", "1")), CPP,
        ["Speaker 0: Is anybody there? Hello?", "Speaker 1: Speaking."], {}, {BESIDE: 1}, 1,
    ),
    File(
        "old-stereo.wav.json",
        cpp((0, "(speaker 0) Which platform?", None), (900, "(speaker ?) Sorry?", None), (1900, "(speaker 1) Nine.",
            None)),
        CPP, ["Speaker 0: Which platform? Sorry?", "Speaker 1: Nine."], {}, {BESIDE: 1}, 1,
    ),
    File(
        "utterances.json",
        deepgram([heard("hi", 0.2, 0)], utterances=[
            {"start": 0.2, "end": 1.1, "channel": 0, "transcript": "Shall we begin?", "speaker": 0, "id": "a"},
            {"start": 1.4, "end": 2.0, "channel": 0, "transcript": "Yes: now.", "speaker": 1, "id": "b"},
        ]),
        DEEP, ["Speaker 0: Shall we begin?", "Speaker 1: Yes: now."],
    ),
    File(
        "words-only.vtt",
        deepgram([heard("who", 0.2, 0) | {"punctuated_word": "Who"}, heard("paid", 0.5) | {"punctuated_word": "paid?"},
                  heard("nobody", 1.4, 1) | {"punctuated_word": "Nobody."}]),
        DEEP, ["Speaker 0: Who paid?", "Speaker 1: Nobody."], {}, {AROUND: 1},
    ),
    File(
        "two-channels.json",
        deepgram([heard("hello", 0.2), heard("bye", 5.0)], [heard("hi", 1.0), heard("there", 1.2)]),
        DEEP, ["Channel 0: hello", "Channel 1: hi there", "Channel 0: bye"],
    ),
    File(
        "assembly.json",
        {"id": "5a", "language_code": "en_us", "audio_url": "https://cdn.example/a.mp3", "status": "completed",
         "text": "…", "utterances": [said("Who is calling?", "A", 250), said("The school.", "B", 2100),
                                     said("All is well.", "B", 3200)]},
        ASSEMBLY, ["Speaker A: Who is calling?", "Speaker B: The school. All is well."], num_merged=1,
    ),
    File(
        "assembly-words.json",
        {"id": "5b", "text": "Who paid? Me.", "confidence": 0.9, "utterances": None, "words": [
            heard("Who", 250, "A", key="text"), heard("paid?", 600, "A", key="text"), heard("Me.", 1400, "B",
                key="text")]},
        ASSEMBLY, ["Speaker A: Who paid?", "Speaker B: Me."],
    ),
    File(
        "assembly-named.md",
        {"id": "5c", "text": "…", "confidence": 1, "utterances": [said("¿Quién llama?", "Agent", 0), said("Yo.", None,
            900),
                                                                 said("Soy Inés.", "Caller", 1900)]},
        ASSEMBLY, ["Agent: ¿Quién llama? Yo.", "Caller: Soy Inés."], {}, {BESIDE: 1}, 1, encoding="utf-16",
    ),
    File(
        "asrOutput.json",
        aws(("spk_0", "Hi"), (None, ","), ("spk_0", "Bo"), (None, "."), ("spk_1", "Yes"), (None, "?")),
        AWS, ["spk_0: Hi, Bo.", "spk_1: Yes?"],
    ),
    File(
        "asrOutput-segments.json",
        aws(("spk_0", "Hi"), ("spk_1", "Yes"), audio_segments=[
            {"id": 0, "transcript": "Hi, Bo.", "start_time": "0.04", "end_time": "0.9", "speaker_label": "spk_0"},
            {"id": 1, "transcript": "Yes?", "start_time": "1.04", "end_time": "1.9", "speaker_label": "spk_1"}]),
        AWS, ["spk_0: Hi, Bo.", "spk_1: Yes?"],
    ),
    File(
        "asrOutput-2019.json",
        aws((None, "Hi"), (None, ","), (None, "Bo"), (None, "Yes"), speaker_labels={"speakers": 2, "segments": [
            {"start_time": "0.04", "speaker_label": "spk_0", "items": [
                {"start_time": "0.04", "speaker_label": "spk_0"}, {"start_time": "2.04", "speaker_label": "spk_0"}]},
            {"start_time": "3.04", "speaker_label": "spk_1", "items": [{"start_time": "3.04"}]}]}),
        AWS, ["spk_0: Hi, Bo", "spk_1: Yes"],
    ),
    File(
        "rev.json",
        {"speakers": [{"id": 0, "name": "Ada Obi"}], "monologues": [
            monologue(0, "Is", " ", "it", " ", "late", "?"), monologue(1, "Nine", ":", " ", "fifteen", ".")]},
        REV, ["Ada Obi: Is it late?", "Speaker 1: Nine: fifteen."],
    ),
    File(
        "rev-numbers.txt", {"monologues": [monologue(0, "One", "."), monologue(0, "Two", "."), monologue(1, "Three")]},
        REV, ["Speaker 0: One. Two.", "Speaker 1: Three"], num_merged=1, has_crlf=True,
    ),
]  # fmt: skip

REFUSED = [
    Refused("no-diarization.json", {"segments": [segment(0, " Hello."), segment(2, " Yes.")], "language": "en"},
            "read as WhisperX, and nobody is named in it; .*`whisperx --diarize`"),
    Refused("empty-segments.json", {"segments": [segment(0, " ", "SPEAKER_00")]},
            "read as WhisperX, but nobody says anything in it"),
    Refused("mono.json", cpp((0, " Hello.", None)), "read as whisper.cpp, and nobody is named in it; .*--diarize"),
    Refused("deepgram-plain.json", deepgram([heard("hello", 0.2)]), "nobody is named in it; .*diarize=true"),
    Refused("deepgram-silence.json", deepgram([]), "read as Deepgram, but nobody says anything in it"),
    Refused("assembly-plain.json", {"id": "1", "text": "hi", "confidence": 1, "words": [heard("hi", 1, key="text")]},
            "read as AssemblyAI, and nobody is named in it; .*speaker_labels=true"),
    Refused("aws-plain.json", aws((None, "Hi"), (None, ".")), "nobody is named in it; .*ShowSpeakerLabels"),
    Refused("aws-silence.json", aws(), "read as Amazon Transcribe, but nobody says anything in it"),
    Refused("rev-silence.json", {"monologues": [monologue(0)]}, "read as Rev, but nobody says anything in it"),
    Refused("rev-nobody.json", {"monologues": [{"elements": [{"type": "text", "value": "Hi"}]}]},
            "read as Rev, and nobody is named in it"),
]  # fmt: skip
