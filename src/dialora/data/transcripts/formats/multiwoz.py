"""Dialogue corpora of tasks: Schema-Guided Dialogue and MultiWOZ 2.2, which are alike, and MultiWOZ 2.0 and 2.1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from dialora.data.transcripts.content import HEAD, Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_text, require_objects, require_text
from dialora.errors import DataError


class SchemaGuided(TranscriptFormat[Json]):
    """A list of dialogues with turns of USER and SYSTEM."""

    name = "Schema-Guided / MultiWOZ 2.2"
    content = Json

    def recognise(self, content: Json) -> Sureness:
        """Dialogues have an id and turns, which have an utterance; some may have none."""
        dialogues = [as_object(one) for one in content.first_records]
        turns = [turn for one in dialogues for turn in as_list(one.get("turns"))[:1]]
        has_ids = "dialogue_id" in dialogues[0] if dialogues else False
        return Sureness.CERTAIN if has_ids and turns and "utterance" in as_object(turns[0]) else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give each dialogue."""
        for number, dialogue in enumerate(content.items(), start=1):
            if not isinstance(dialogue, Mapping):
                raise DataError(f"{name}: dialogue {number} must be an object, got {type(dialogue).__name__}.")
            draft = Draft(as_text(dialogue.get("dialogue_id")) or f"{name} {number}")
            where = f"{name}: {draft.name}: turns"
            for turn in require_objects(dialogue.get("turns"), where):
                text = require_text(turn.get("utterance"), f"{where}: utterance")
                draft.add(as_text(turn.get("speaker")) or None, text)
            yield draft


class MultiWoz(TranscriptFormat[Json]):
    """An object of dialogues, whose turns have no speaker: the user begins, and the two alternate."""

    name = "MultiWOZ 2.1"
    content = Json

    def recognise(self, content: Json) -> Sureness:
        """Every dialogue has a log of texts; some may be empty."""
        dialogues = map(as_object, islice(as_object(content.head).values(), HEAD))
        turns = [turn for one in dialogues for turn in as_list(one.get("log"))[:1]]
        return Sureness.CERTAIN if turns and "text" in as_object(turns[0]) else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give each dialogue."""
        for identifier, dialogue in as_object(content.document).items():
            draft = Draft(identifier)
            log: Any = as_object(dialogue).get("log")
            where = f"{name}: {identifier}: log"
            for number, turn in enumerate(require_objects(log, where)):
                draft.add("SYSTEM" if number % 2 else "USER", require_text(turn.get("text"), f"{where}: text"))
            yield draft


__all__ = ["MultiWoz", "SchemaGuided"]
