"""Deepgram's JSON: utterances, or else the words of each channel; times are seconds, speakers are numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_objects, as_text, number_speaker, require_objects
from dialora.data.transcripts.words import Word, add_words


class Deepgram(TranscriptFormat[Json]):
    """Of several channels each is a speaker, unless they have speakers of their own."""

    name = "Deepgram"
    content = Json
    merges = True
    without_speakers = "ask for speakers with diarize=true"

    def recognise(self, content: Json) -> Sureness:
        """Channels with alternatives, or utterances with transcripts, stand under `results`."""
        results = as_object(as_object(content.head).get("results"))
        channels, utterances = as_objects(results.get("channels")), as_objects(results.get("utterances"))
        is_certain = (channels and "alternatives" in channels[0]) or (utterances and "transcript" in utterances[0])
        return Sureness.CERTAIN if is_certain else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        results = as_object(as_object(content.document).get("results"))
        draft = Draft(name)
        channels = as_list(results.get("channels"))
        if as_list(results.get("utterances")):
            for utterance in require_objects(results.get("utterances"), f"{name}: utterances"):
                speaker = number_speaker(utterance.get("speaker"))
                if speaker is None and len(channels) > 1:
                    speaker = f"Channel {as_text(utterance.get('channel'))}"
                draft.add(speaker, as_text(utterance.get("transcript")), parse_seconds(utterance.get("start")))
        else:
            words: list[Word] = []
            for number, channel in enumerate(require_objects(channels, f"{name}: channels")):
                words += _list_words(channel, f"Channel {number}" if len(channels) > 1 else None)
            if len(channels) > 1:
                words.sort(key=lambda word: word.start or 0)
            add_words(draft, words)
        yield draft


def _list_words(channel: Mapping[str, Any], default: str | None) -> list[Word]:
    best = as_object(next(iter(as_list(channel.get("alternatives"))), None))
    words = [
        Word(
            as_text(word.get("punctuated_word")) or as_text(word.get("word")),
            number_speaker(word.get("speaker")) or default,
            parse_seconds(word.get("start")),
        )
        for word in as_objects(best.get("words"))
    ]
    return words or [Word(text, default) for text in [as_text(best.get("transcript"))] if text]


__all__ = ["Deepgram"]
