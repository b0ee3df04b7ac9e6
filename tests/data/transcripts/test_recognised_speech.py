"""JSON of speech recognisers: WhisperX, whisper.cpp, Deepgram, AssemblyAI, Amazon Transcribe, Rev."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dialora.data.transcripts.words import INHERITED
from dialora.errors import DataError
from tests.data.transcripts.support import read, read_one, show

BESIDE = "without a speaker, so given the one of what stands beside it"


def segment(start: float, text: str, speaker: str | None = None, **more: Any) -> dict[str, Any]:
    values = {"start": start, "end": start + 1, "text": text, **more}
    return values if speaker is None else values | {"speaker": speaker}


def items(*words: tuple[str | None, str], numbered: bool = True) -> list[dict[str, Any]]:
    """Amazon's; a speaker of None has neither label nor time, as signs have not."""
    return [
        {"type": "punctuation", "alternatives": [{"content": text}]}
        if speaker is None
        else {
            "type": "pronunciation",
            "start_time": f"{at}.5",
            "alternatives": [{"content": text, "confidence": "0.9"}],
            **({"speaker_label": speaker} if numbered else {}),
        }
        for at, (speaker, text) in enumerate(words)
    ]


SPOKEN = items(("spk_0", "Hi"), (None, ","), ("spk_0", "Bob"), (None, "."), ("spk_1", "Yes"))
UNNUMBERED = items(("x", "Hi"), (None, ","), ("x", "Bob"), (None, "."), ("x", "Yes"), numbered=False)
SEGMENTS = [
    {"speaker_label": "spk_0", "items": [{"start_time": "0.5", "speaker_label": "spk_0"}, {"start_time": "2.5"}]},
    {"speaker_label": "spk_1", "items": [{"start_time": "4.5", "speaker_label": "spk_1"}]},
]


@pytest.mark.parametrize(
    ("values", "format_name", "turns", "starts", "remarks"),
    [
        pytest.param(
            {"segments": [segment(0.5, " Hi,", "SPEAKER_00"), segment(2, " Bob.", "SPEAKER_00"), segment(3, "Yes",
                "SPEAKER_01")]},
            "WhisperX",
            ["SPEAKER_00: Hi, Bob.", "SPEAKER_01: Yes"],
            [0.5, 3],
            {},
            id="WhisperX",
        ),
        pytest.param(
            {
                "segments": [
                    segment(0, " Hi, 20. Yes", "SPEAKER_00", words=[
                        {"word": "Hi,", "start": 0.1, "speaker": "SPEAKER_00"}, {"word": "20."},
                        {"word": "Yes", "start": 0.7, "speaker": "SPEAKER_01"},
                    ]),
                    segment(5, "and"),
                ]
            },
            "WhisperX",
            ["SPEAKER_00: Hi, 20.", "SPEAKER_01: Yes and"],
            [0.1, 0.7],
            {INHERITED: 1, BESIDE: 1},
            id="WhisperX, words of two speakers, a word and a segment of none",
        ),
        pytest.param(
            {"segments": [segment(0, "你好吗好", "A", words=[
                {"word": "你好", "speaker": "A"}, {"word": "吗", "speaker": "A"}, {"word": "好", "speaker": "B"},
            ])]},
            "WhisperX",
            ["A: 你好吗", "B: 好"],
            [None, None],
            {},
            id="WhisperX, a script without spaces",
        ),
        pytest.param(
            {"transcription": [
                {"offsets": {"from": 0, "to": 900}, "text": " Hi.", "speaker": "0"},
                {"offsets": {"from": 1500, "to": 1900}, "text": " Bob?", "speaker": "?"},
                {"offsets": {"from": 2000, "to": 2900}, "text": " Yes", "speaker": "1"},
            ]},
            "whisper.cpp",
            ["Speaker 0: Hi. Bob?", "Speaker 1: Yes"],
            [0, 2],
            {BESIDE: 1},
            id="whisper.cpp",
        ),
        pytest.param(
            {"transcription": [
                {"offsets": {"from": 0}, "text": "(speaker 0) Hi"}, {"offsets": {"from": 10},
                    "text": "(speaker 1) Yes"},
            ]},
            "whisper.cpp",
            ["Speaker 0: Hi", "Speaker 1: Yes"],
            [0, 0.01],
            {},
            id="whisper.cpp, speakers in the text",
        ),
        pytest.param(
            {"metadata": {}, "results": {"channels": [{"alternatives": [{"words": []}]}], "utterances": [
                {"speaker": 0, "start": 0.25, "transcript": "Hi Bob.", "channel": 0},
                {"speaker": 1, "start": 2.0, "transcript": "Yes", "channel": 0},
            ]}},
            "Deepgram",
            ["Speaker 0: Hi Bob.", "Speaker 1: Yes"],
            [0.25, 2],
            {},
            id="Deepgram, utterances",
        ),
        pytest.param(
            {"results": {"channels": [{"alternatives": [{"transcript": "hi bob yes", "words": [
                {"word": "hi", "punctuated_word": "Hi", "start": 0.5, "speaker": 0},
                {"word": "bob", "punctuated_word": "Bob.", "start": 1},
                {"word": "yes", "start": 2, "speaker": 1},
            ]}]}]}},
            "Deepgram",
            ["Speaker 0: Hi Bob.", "Speaker 1: yes"],
            [0.5, 2],
            {INHERITED: 1},
            id="Deepgram, words",
        ),
        pytest.param(
            {"results": {"channels": [
                {"alternatives": [{"words": [{"word": "hi", "start": 0.5}, {"word": "why", "start": 3}]}]},
                {"alternatives": [{"words": [{"word": "yes", "start": 2}]}]},
            ]}},
            "Deepgram",
            ["Channel 0: hi", "Channel 1: yes", "Channel 0: why"],
            [0.5, 2, 3],
            {},
            id="Deepgram, a channel for each speaker",
        ),
        pytest.param(
            {"id": "x", "language_code": "en", "text": "…", "utterances": [
                {"speaker": "A", "start": 250, "end": 900, "text": "Hi Bob."}, {"speaker": "B", "start": 2000,
                    "end": 2100, "text": "Yes"},
            ]},
            "AssemblyAI",
            ["Speaker A: Hi Bob.", "Speaker B: Yes"],
            [0.25, 2],
            {},
            id="AssemblyAI",
        ),
        pytest.param(
            {"text": "Hi Bob. Yes", "utterances": None, "words": [
                {"text": "Hi", "start": 250, "end": 300, "speaker": "A"}, {"text": "Bob.", "start": 500, "end": 600,
                    "speaker": "A"},
                {"text": "Yes", "start": 2000, "end": 2100, "speaker": "B"},
            ]},
            "AssemblyAI",
            ["Speaker A: Hi Bob.", "Speaker B: Yes"],
            [0.25, 2],
            {},
            id="AssemblyAI, words",
        ),
        pytest.param(
            {"results": {"transcripts": [], "items": SPOKEN, "audio_segments": [
                {"speaker_label": "spk_0", "start_time": "0.5", "transcript": "Hi, Bob."},
                {"speaker_label": "spk_1", "start_time": "4.5", "transcript": "Yes"},
            ]}},
            "Amazon Transcribe",
            ["spk_0: Hi, Bob.", "spk_1: Yes"],
            [0.5, 4.5],
            {},
            id="Amazon, audio segments",
        ),
        pytest.param(
            {"results": {"transcripts": [], "items": SPOKEN}},
            "Amazon Transcribe",
            ["spk_0: Hi, Bob.", "spk_1: Yes"],
            [0.5, 4.5],
            {},
            id="Amazon, items with speakers",
        ),
        pytest.param(
            {"results": {"transcripts": [], "items": UNNUMBERED, "speaker_labels": {"speakers": 2,
                "segments": SEGMENTS}}},
            "Amazon Transcribe",
            ["spk_0: Hi, Bob.", "spk_1: Yes"],
            [0.5, 4.5],
            {},
            id="Amazon, speakers in segments",
        ),
        pytest.param(
            {"results": {"transcripts": [], "items": UNNUMBERED, "channel_labels": {"channels": [
                {"channel_label": "ch_0", "items": UNNUMBERED[:4]}, {"channel_label": "ch_1", "items": UNNUMBERED[4:]},
            ]}}},
            "Amazon Transcribe",
            ["ch_0: Hi, Bob.", "ch_1: Yes"],
            [0.5, 4.5],
            {},
            id="Amazon, channels",
        ),
        pytest.param(
            {"speakers": [{"id": 0, "name": "Anna"}], "monologues": [
                {"speaker": 0, "elements": [
                    {"type": "text", "value": "Hi", "ts": 0.5}, {"type": "punct", "value": ", "},
                    {"type": "text", "value": "Bob", "ts": 1}, {"type": "punct", "value": "."},
                ]},
                {"speaker": 1, "elements": [{"type": "unknown", "value": "Yes"}, {"type": "text", "value": "so"}]},
            ]},
            "Rev",
            ["Anna: Hi, Bob.", "Speaker 1: Yes so"],
            [0.5, None],
            {},
            id="Rev",
        ),
    ],
)  # fmt: skip
def test_recognised_speech(
    values: Any, format_name: str, turns: list[str], starts: list[float], remarks: dict[str, int]
) -> None:
    conversation = read_one(values, name="talk.json")
    assert conversation.format == format_name
    assert show(conversation) == turns
    assert [turn.start for turn in conversation.turns] == starts
    assert conversation.remarks == remarks


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"segments": [segment(0, "hi")], "text": "hi"}, "whisperx --diarize"),
        ({"transcription": [{"offsets": {"from": 0}, "text": "hi", "speaker_turn_next": True}]}, "--diarize"),
        ({"results": {"channels": [{"alternatives": [{"transcript": "hi", "words": []}]}]}}, "diarize=true"),
        ({"text": "hi", "words": [{"text": "hi", "start": 0, "end": 1, "speaker": None}]}, "speaker_labels=true"),
        ({"results": {"transcripts": [], "items": UNNUMBERED}}, "ShowSpeakerLabels"),
    ],
)
def test_speech_without_speakers_is_refused_with_what_to_ask_for(values: Any, advice: str) -> None:
    with pytest.raises(DataError, match=f"nobody is named in it.*{advice}"):
        read(values)


def test_what_is_no_segment_is_not_passed_over() -> None:
    values = {"transcription": [{"offsets": {"from": 0}, "text": "hi", "speaker": "0"}, "lost"]}
    with pytest.raises(DataError, match="transcription: item 2 must be an object, got str"):
        read(values)


def test_half_a_character_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match="text of a turn holds half a character"):
        read(json.dumps({"segments": [segment(0, "\ud83d", "A")]}))


def channel(*words: dict[str, Any]) -> dict[str, Any]:
    return {"alternatives": [{"transcript": "", "words": list(words)}]}


def word(text: str, start: float | None = None, speaker: int | None = None) -> dict[str, Any]:
    values = {"word": text, "start": start, "speaker": speaker}
    return {key: value for key, value in values.items() if value is not None}


def test_speakers_of_several_channels_are_kept_apart() -> None:
    """Deepgram numbers the speakers of each channel from 0."""
    conversation = read_one(
        {"results": {"channels": [
            channel(word("hi", 0, 0), word("all", 0.5), word("why", 4, 1)), channel(word("yes", 2, 0)),
        ]}}
    )  # fmt: skip
    assert show(conversation) == [
        "Channel 0, Speaker 0: hi all", "Channel 1, Speaker 0: yes", "Channel 0, Speaker 1: why"
    ]  # fmt: skip
    assert conversation.remarks == {INHERITED: 1}
    utterances = [
        {"speaker": 0, "channel": 0, "start": 0, "transcript": "hi"},
        {"speaker": 0, "channel": 1, "start": 1, "transcript": "yes"},
        {"channel": 1, "start": 2, "transcript": "no"},
    ]
    conversation = read_one({"results": {"channels": [{}, {}], "utterances": utterances}})
    assert show(conversation) == ["Channel 0, Speaker 0: hi", "Channel 1, Speaker 0: yes", "Channel 1: no"]


def test_words_without_a_time_keep_their_place() -> None:
    first = channel(word("well"), word("hi", 5), word("Bob"), word("so", 9))
    conversation = read_one({"results": {"channels": [first, channel(word("yes", 2), word("yes"))]}})
    assert show(conversation) == ["Channel 1: yes yes", "Channel 0: well hi Bob so"]
    assert [turn.start for turn in conversation.turns] == [2, 5]
