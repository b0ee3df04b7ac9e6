"""Deepgram's JSON: utterances, or else the words of each channel; times are seconds, speakers are numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import (
    as_list,
    as_object,
    as_objects,
    as_text,
    number_speaker,
    require_objects,
    require_text,
)
from dialora.data.transcripts.words import Word, add_words, inherit_speakers, join_channels


class Deepgram(TranscriptFormat[Json]):
    """Of several channels each is a speaker, or has speakers of its own, who are numbered in each anew."""

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
        are_several = len(channels) > 1
        if as_list(results.get("utterances")):
            for utterance in require_objects(results.get("utterances"), f"{name}: utterances"):
                speaker = _name_speaker(as_text(utterance.get("channel")) if are_several else "", utterance)
                text = require_text(utterance.get("transcript"), f"{name}: utterances: transcript")
                draft.add(speaker, text, parse_seconds(utterance.get("start")))
        else:
            where = f"{name}: channels"
            found = [
                inherit_speakers(draft, _list_words(channel, str(number) if are_several else "", where), None)
                for number, channel in enumerate(require_objects(channels, where))
            ]
            add_words(draft, join_channels(found))
        yield draft


def _name_speaker(channel: str, part: Mapping[str, Any]) -> str | None:
    """Return who says an utterance or word, by the number of its channel, where there are several, and its own."""
    parts = (channel and f"Channel {channel}", number_speaker(part.get("speaker")))
    return ", ".join(filter(None, parts)) or None


def _list_words(channel: Mapping[str, Any], number: str, where: str) -> list[Word]:
    alternatives = require_objects(channel.get("alternatives"), f"{where}: alternatives")
    best = next(iter(alternatives), {})
    words = require_objects(best.get("words") or [], f"{where}: words")
    are_told = any(number_speaker(word.get("speaker")) for word in words)
    found = [
        Word(
            require_text(word.get("punctuated_word") or word.get("word"), f"{where}: words: word"),
            # In a channel with speakers a word without one has that of the words around.
            _name_speaker(number, word) if number_speaker(word.get("speaker")) or not are_told else None,
            parse_seconds(word.get("start")),
        )
        for word in words
    ]
    text = require_text(best.get("transcript"), f"{where}: transcript")
    return found or ([Word(text, _name_speaker(number, {}))] if text else [])


__all__ = ["Deepgram"]
