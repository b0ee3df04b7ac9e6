"""whisper.cpp's JSON: segments with times in milliseconds, with speakers where it was run with `--diarize`."""

from __future__ import annotations

from collections.abc import Iterator

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import find_label
from dialora.data.transcripts.parts import as_object, as_objects, as_text, number_speaker, require_objects, require_text

_UNSURE = "?"


class WhisperCpp(TranscriptFormat[Json]):
    """A speaker is a number beside a segment, or in older versions `(speaker 0)` before its text."""

    name = "whisper.cpp"
    content = Json
    merges = True
    without_speakers = "run whisper.cpp with --diarize on a stereo recording, or use a recogniser that tells speakers"

    def recognise(self, content: Json) -> Sureness:
        """Segments stand under `transcription` and have offsets."""
        segments = as_objects(as_object(content.head).get("transcription"))
        return Sureness.CERTAIN if segments and "offsets" in segments[0] and "text" in segments[0] else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        for segment in require_objects(as_object(content.document).get("transcription"), f"{name}: transcription"):
            start = parse_seconds(as_object(segment.get("offsets")).get("from"), per_second=1000)
            number = as_text(segment.get("speaker"))
            text = require_text(segment.get("text"), f"{name}: transcription: text")
            labelled = find_label(text)
            if number and number != _UNSURE:
                draft.add(number_speaker(number), text, start)
            elif labelled.speaker and labelled.speaker.lower().startswith("speaker"):
                known = None if labelled.speaker.endswith(_UNSURE) else labelled.speaker.capitalize()
                draft.add(known, labelled.text, start)
            else:
                draft.add(None, text, start)
        yield draft


__all__ = ["WhisperCpp"]
