"""AssemblyAI's JSON: utterances, or else words; times are milliseconds, speakers are letters."""

from __future__ import annotations

from collections.abc import Iterator

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, number_speaker, require_objects, require_text
from dialora.data.transcripts.words import Word, add_words


class AssemblyAI(TranscriptFormat[Json]):
    """A transcript as the service returns it."""

    name = "AssemblyAI"
    content = Json
    columns = frozenset(("text",))
    merges = True
    without_speakers = "ask for speakers with speaker_labels=true"

    def recognise(self, content: Json) -> Sureness:
        """Utterances have a speaker, a text and times, or words stand beside the whole text."""
        value = as_object(content.head)
        for key in ("utterances", "words"):
            first = as_object(next(iter(as_list(value.get(key))), None))
            if {"text", "start", "end"} <= set(first) and ("speaker" in first or "text" in value):
                is_certain = {"audio_url", "language_code", "acoustic_model", "confidence"} & (set(value) | set(first))
                return Sureness.CERTAIN if is_certain else Sureness.LIKELY
        return Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        value, draft = as_object(content.document), Draft(name)
        if as_list(value.get("utterances")):
            for one in require_objects(value.get("utterances"), f"{name}: utterances"):
                start = parse_seconds(one.get("start"), per_second=1000)
                text = require_text(one.get("text"), f"{name}: utterances: text")
                draft.add(number_speaker(one.get("speaker")), text, start)
        else:
            words = [
                Word(
                    require_text(word.get("text"), f"{name}: words: text"),
                    number_speaker(word.get("speaker")),
                    parse_seconds(word.get("start"), per_second=1000),
                )
                for word in require_objects(value.get("words"), f"{name}: words")
            ]
            add_words(draft, words)
        yield draft


__all__ = ["AssemblyAI"]
