"""Discord's channels as DiscordChatExporter writes them (JSON)."""

from __future__ import annotations

from collections.abc import Iterator

from dialora.data.transcripts.clock import Beginning, parse_moment
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_text, require_objects, require_text

_SPOKEN = frozenset(("Default", "Reply", "ApplicationCommand", "ContextMenuCommand", "0", "19", "20", "23"))
"""Notices fill `content` too: the type alone tells them. Early versions write numbers."""


class Discord(TranscriptFormat[Json]):
    """One channel or thread."""

    name = "Discord"
    content = Json
    without_speakers = "export the channel again, with the `author` of each message"

    def recognise(self, content: Json) -> Sureness:
        """There are a guild and a channel beside the messages."""
        value = as_object(content.head)
        if not isinstance(value.get("messages"), list) or not isinstance(value.get("channel"), dict):
            return Sureness.NO
        messages = [as_object(one) for one in as_list(value.get("messages"))[:20]]
        is_certain = "guild" in value or any("author" in one and "content" in one for one in messages)
        return Sureness.CERTAIN if is_certain else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give the one channel."""
        value = as_object(content.document)
        draft, beginning = Draft(as_text(as_object(value.get("channel")).get("name")) or name), Beginning()
        for message in require_objects(value.get("messages"), f"{name}: messages"):
            text = require_text(message.get("content"), f"{name}: messages: content")
            start = beginning.since(parse_moment(message.get("timestamp")))
            if as_text(message.get("type", "Default")) not in _SPOKEN:
                draft.leave_out("notices of Discord", text)
            elif not text.strip():
                draft.leave_out("media without a text", as_text(message.get("id")))
            else:
                author = as_object(message.get("author"))
                sender = as_text(author.get("nickname")) or as_text(author.get("name"))
                draft.add(sender or None, text, start, may_inherit=False)
        yield draft


__all__ = ["Discord"]
