"""WhisperX's JSON: segments with words, each perhaps with a speaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_objects, as_text, require_objects, require_text
from dialora.data.transcripts.words import Word, add_words


class WhisperX(TranscriptFormat[Json]):
    """A segment whose words have several speakers is divided between them."""

    name = "WhisperX"
    content = Json
    columns = frozenset(("text",))
    merges = True
    without_speakers = "transcribe it again with speakers, as `whisperx --diarize` does"

    def recognise(self, content: Json) -> Sureness:
        """Segments have a start, an end and a text."""
        segments = _find_segments(content.head)
        if not segments or not all("text" in one and "start" in one for one in segments[:20]):
            return Sureness.NO
        return Sureness.CERTAIN if any("speaker" in one or "words" in one for one in segments) else Sureness.LIKELY

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        segments = list(content.items()) if content.is_list else as_object(content.document).get("segments")
        for segment in require_objects(segments, f"{name}: segments"):
            _add(draft, segment, f"{name}: segments")
        yield draft


def _find_segments(value: Any) -> list[Mapping[str, Any]]:
    segments = value if isinstance(value, list) else as_object(value).get("segments")
    found = as_objects(segments)
    return found if len(found) == len(as_list(segments)) else []


def _add(draft: Draft, segment: Mapping[str, Any], where: str) -> None:
    text, speaker = require_text(segment.get("text"), f"{where}: text"), as_text(segment.get("speaker")) or None
    words = [
        Word(
            require_text(word.get("word"), f"{where}: word"),
            as_text(word.get("speaker")) or None,
            parse_seconds(word.get("start")),
        )
        for word in require_objects(segment.get("words") or [], f"{where}: words")
    ]
    if words and (not text.strip() or any(word.speaker not in (None, speaker) for word in words)):
        add_words(draft, words, text=text.strip() or None, speaker=speaker)
    else:
        draft.add(speaker, text, parse_seconds(segment.get("start")))


__all__ = ["WhisperX"]
