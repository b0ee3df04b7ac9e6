"""Logs of messages: OpenAI's (`messages` of role and content) and ShareGPT's (`conversations` of from and value).

A document, a list, or JSON lines, of conversations or of the messages of one. What only a model reads is left out and
counted: the system's prompt, calls of tools and their results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from dialora.data.transcripts.content import Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_object, as_text, require_objects, require_text
from dialora.errors import DataError

_PROMPTS = frozenset(("system", "developer"))
_TOOLS = frozenset(
    ("tool", "function", "function_call", "function_response", "observation", "tool_call", "tool_response")
)
_CALLS = ("tool_calls", "function_call")
_REFUSAL = "refusal"
"""What an assistant says in the place of a content."""
_NAMES = ("id", "conversation_id", "dialogue_id", "title")


class MessageLog(TranscriptFormat[Json]):
    """Messages that say who speaks under one key and what under another."""

    content = Json
    speaker_key: ClassVar[str]
    text_key: ClassVar[str]
    list_keys: ClassVar[tuple[str, ...]]

    def recognise(self, content: Json) -> Sureness:
        """The first record is a message, or the first have lists of them, of which some may be empty."""
        lists = [[one] if (found := self._find_messages(one)) is None else found for one in content.first_records]
        message = as_object(next((found[0] for found in lists if found), None))
        return Sureness.LIKELY if {self.speaker_key, self.text_key} <= set(message) else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give each conversation."""
        if self._find_messages(content.first) is None and not isinstance(content.first, list):
            yield self._read(name, list(content.items()), name)
            return
        is_many = content.is_list
        for number, record in enumerate(content.items(), start=1):
            messages = self._find_messages(record)
            where = f"{name}: conversation {number}"
            if messages is None:
                raise DataError(f"{where}: has no list of messages. Recognised: {', '.join(self.list_keys)}.")
            title = next((text for key in _NAMES if (text := as_text(as_object(record).get(key)))), "")
            yield self._read(title or (f"{name} {number}" if is_many else name), messages, where)

    def _find_messages(self, record: Any) -> list[Any] | None:
        if isinstance(record, list):
            return record
        value = as_object(record)
        return next((value[key] for key in self.list_keys if isinstance(value.get(key), list)), None)

    def _read(self, title: str, messages: list[Any], where: str) -> Draft:
        draft = Draft(title)
        for number, message in enumerate(require_objects(messages, where), start=1):
            if message.keys().isdisjoint((self.speaker_key, self.text_key)):
                raise DataError(f"{where}: message {number} has neither {self.speaker_key!r} nor {self.text_key!r}.")
            role = as_text(message.get(self.speaker_key))
            text = _join_parts(message.get(self.text_key), draft, f"{where}: message {number}: {self.text_key}")
            if not text.strip():
                text = require_text(message.get(_REFUSAL), f"{where}: message {number}: {_REFUSAL}")
            has_calls = any(message.get(key) for key in _CALLS)
            if role in _PROMPTS:
                draft.leave_out("prompts of the system", text)
            elif role in _TOOLS or (has_calls and not text.strip()):
                draft.leave_out("calls of tools and their results", text)
            else:
                draft.add(self._find_speaker(message, role) or None, text)
                draft.remark("messages with calls of tools, of which the text is kept", has_calls)
        return draft

    def _find_speaker(self, message: Mapping[str, Any], role: str) -> str:
        return role


class OpenAIMessages(MessageLog):
    """A message's content is a text, or a list of parts of which some are texts."""

    name = "OpenAI messages"
    speaker_key, text_key, list_keys = "role", "content", ("messages",)

    def _find_speaker(self, message: Mapping[str, Any], role: str) -> str:
        # A name tells people apart who have one role.
        return as_text(message.get("name")) or role


class ShareGpt(MessageLog):
    """Roles are human and gpt."""

    name = "ShareGPT"
    speaker_key, text_key, list_keys = "from", "value", ("conversations", "conversation")
    columns = frozenset(list_keys)


def _join_parts(content: Any, draft: Draft, where: str) -> str:
    if not isinstance(content, list | Mapping):
        return require_text(content, where)
    texts = []
    for part in content if isinstance(content, list) else [content]:
        text = part if isinstance(part, str) else as_object(part).get("text", as_object(part).get(_REFUSAL))
        if isinstance(text, str):
            texts.append(text)
        else:
            draft.remark("parts of messages that are no text, left out")
    return "\n".join(texts)


__all__ = ["OpenAIMessages", "ShareGpt"]
