"""Rev's JSON: monologues of elements, which are words and the signs and spaces between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dialora.data.transcripts.clock import parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_object, as_objects, as_text, number_speaker, require_objects, require_text


class Rev(TranscriptFormat[Json]):
    """Speakers are numbers, and may have names in a list of their own."""

    name = "Rev"
    content = Json
    merges = True

    def recognise(self, content: Json) -> Sureness:
        """Monologues have elements."""
        monologues = as_objects(as_object(content.head).get("monologues"))
        return Sureness.CERTAIN if monologues and "elements" in monologues[0] else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        value, draft = as_object(content.document), Draft(name)
        names = {as_text(one.get("id")): as_text(one.get("name")) for one in as_objects(value.get("speakers"))}
        for one in require_objects(value.get("monologues"), f"{name}: monologues"):
            number = one.get("speaker")
            speaker = as_text(one.get("speaker_name")) or names.get(as_text(number)) or number_speaker(number)
            elements = require_objects(one.get("elements", []), f"{name}: elements")
            text = _join(elements, f"{name}: elements: value")
            start = next((s for part in elements if (s := parse_seconds(part.get("ts"))) is not None), None)
            draft.add(speaker, text, start)
        yield draft


def _join(elements: Sequence[Mapping[str, Any]], where: str) -> str:
    """Return what is said; words that stand side by side get the space that is left out between them."""
    text, was_word = "", False
    for element in elements:
        is_word = element.get("type") != "punct"
        value = require_text(element.get("value"), where)
        text += f" {value}" if is_word and was_word else value
        was_word = is_word
    return text


__all__ = ["Rev"]
