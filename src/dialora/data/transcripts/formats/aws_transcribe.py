"""Amazon Transcribe's JSON: audio segments, or else items, whose speakers stand in them, in segments or in channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_objects, as_text, require_objects, require_text
from dialora.data.transcripts.words import Word, add_words, join_channels

Item = Mapping[str, Any]


class AmazonTranscribe(TranscriptFormat[Json]):
    """Times are texts, and signs have neither time nor speaker."""

    name = "Amazon Transcribe"
    content = Json
    merges = True
    without_speakers = "ask for speakers with ShowSpeakerLabels, or for channels with ChannelIdentification"

    def recognise(self, content: Json) -> Sureness:
        """Items or segments stand beside `transcripts` under `results`."""
        results = as_object(as_object(content.head).get("results"))
        has_parts = any(isinstance(results.get(key), list) for key in ("items", "audio_segments"))
        return Sureness.CERTAIN if has_parts and ("transcripts" in results or "items" in results) else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        results = as_object(as_object(content.document).get("results"))
        draft = Draft(name)
        segments = as_list(results.get("audio_segments"))
        if any(as_object(one).get("speaker_label") for one in segments):
            for one in require_objects(segments, f"{name}: audio_segments"):
                speaker = as_text(one.get("speaker_label")) or None
                text = require_text(one.get("transcript"), f"{name}: audio_segments: transcript")
                draft.add(speaker, text, parse_seconds(one.get("start_time")))
        else:
            add_words(draft, _list_words(results, name))
        yield draft


def _list_words(results: Item, name: str) -> list[Word]:
    speakers = _find_speakers(results)
    labels = as_object(results.get("channel_labels"))
    if "channels" in labels and not speakers:
        channels = require_objects(labels["channels"], f"{name}: channels")
        return join_channels([_list_channel(channel, f"{name}: channels") for channel in channels])
    words, where = [], f"{name}: items"
    for item in require_objects(results.get("items", []), where):
        start = as_text(item.get("start_time"))
        speaker = as_text(item.get("speaker_label")) or speakers.get(start) or as_text(item.get("channel_label"))
        words.append(_build_word(item, speaker or None, where))
    return words


def _find_speakers(results: Item) -> dict[str, str]:
    """Return the speaker of what begins at each time, where segments say so and items do not."""
    return {
        as_text(item.get("start_time")): as_text(item.get("speaker_label")) or as_text(segment.get("speaker_label"))
        for segment in as_objects(as_object(results.get("speaker_labels")).get("segments"))
        for item in as_objects(segment.get("items"))
    }


def _list_channel(channel: Item, where: str) -> list[Word]:
    label = as_text(channel.get("channel_label")) or None
    return [_build_word(item, label, where) for item in require_objects(channel.get("items"), f"{where}: items")]


def _build_word(item: Item, speaker: str | None, where: str) -> Word:
    alternatives = require_objects(item.get("alternatives"), f"{where}: alternatives")
    content = require_text(alternatives[0].get("content"), f"{where}: content") if alternatives else ""
    return Word(content, speaker, parse_seconds(item.get("start_time")), item.get("type") == "punctuation")


__all__ = ["AmazonTranscribe"]
