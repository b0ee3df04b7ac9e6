"""A text that somebody has in hand → a conversation, where it is one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dialora.data.transcripts.content import parse_text
from dialora.data.transcripts.conversation import Conversation
from dialora.data.transcripts.reading import read_content
from dialora.errors import DataError


def read_as_transcript(text: str, name: str) -> Conversation | None:
    """Return the one conversation of several turns that a text holds, of any format; None where it is none."""
    place = Path(name)
    with suppress(DataError):
        found = list(read_content(parse_text(text, place), place, name=name, notes=[]))
        if len(found) == 1 and len(found[0].turns) > 1:
            return found[0]
    return None


__all__ = ["read_as_transcript"]
