"""Telegram's export as JSON (`result.json`): one chat, or all of an account (`chats.list`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dialora.data.transcripts.clock import Beginning, parse_moment, parse_seconds
from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_text, require_objects, require_text

_CHATS = ("chats", "left_chats")


class Telegram(TranscriptFormat[Json]):
    """A text may be a list of pieces, and a deleted account has no name."""

    name = "Telegram"
    content = Json
    without_speakers = "export the chat again, with the `from` of each message"

    def recognise(self, content: Json) -> Sureness:
        """Chats have a name, type and messages with `from` and a date."""
        chats = _list_chats(content.head)
        if not chats:
            return Sureness.NO
        messages = [as_object(one) for chat in chats for one in as_list(chat.get("messages"))[:20]]
        if any("from" in one and "date" in one and "text" in one for one in messages):
            return Sureness.CERTAIN
        return Sureness.LIKELY if all("type" in chat and "id" in chat for chat in chats) else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give each chat."""
        chats = _require_chats(as_object(content.document), name)
        for chat in chats:
            title = as_text(chat.get("name")) or (name if len(chats) == 1 else f"chat {as_text(chat.get('id'))}")
            draft, beginning = Draft(title), Beginning()
            where = f"{name}: {title}: messages"
            for message in require_objects(chat.get("messages", []), where):
                _add(draft, message, beginning, where)
            yield draft


def _list_chats(value: Any) -> list[Mapping[str, Any]]:
    chats = as_object(value)
    found = [chats] if isinstance(chats.get("messages"), list) else []
    for key in _CHATS:
        found += [one for one in map(as_object, as_list(as_object(chats.get(key)).get("list"))) if "messages" in one]
    # Discord's exports have channels, others no date or type.
    return [chat for chat in found if "channel" not in chat and ("type" in chat or "id" in chat)]


def _require_chats(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the one chat, or all of an account, those without messages too."""
    found = [value] if "messages" in value else []
    for key in _CHATS:
        if value.get(key) is not None:
            found += require_objects(as_object(value[key]).get("list"), f"{name}: {key}: list")
    return found


def _add(draft: Draft, message: Mapping[str, Any], beginning: Beginning, where: str) -> None:
    if message.get("type") != "message":
        draft.leave_out("notices of Telegram", as_text(message.get("action")) or as_text(message.get("type")))
        return
    text = _join(message.get("text"), draft, f"{where}: text")
    moment = parse_seconds(message.get("date_unixtime"))
    start = beginning.since(moment if moment is not None else parse_moment(message.get("date")))
    if not text.strip():
        draft.leave_out("media without a text", as_text(message.get("media_type")))
        return
    speaker = as_text(message.get("from"))
    if not speaker:
        speaker = as_text(message.get("from_id"))
        draft.remark(
            "messages of deleted accounts, called by their number" if speaker else "messages that name no sender"
        )
    draft.add(speaker or None, text, start, may_inherit=False)


def _join(text: Any, draft: Draft, where: str) -> str:
    """Return a text that may be a list of texts and of objects with one."""
    if not isinstance(text, list):
        return require_text(text, where)
    pieces = [part.get("text") if isinstance(part, Mapping) else part for part in text]
    draft.remark("pieces of messages without a text, left out", sum(piece is None for piece in pieces))
    return "".join(require_text(piece, where) for piece in pieces)


__all__ = ["Telegram"]
