"""Slack's export: a zip file or folder with `users.json`, `channels.json`, and for each channel a file a day.

A thread with replies is a conversation of its own; what else is said in a channel is another one. A single day's file
is read too, with the names that stand in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from dialora.data.transcripts.clock import Beginning, parse_seconds
from dialora.data.transcripts.content import Archive, Json
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.parts import as_list, as_object, as_text, require_objects, require_text
from dialora.data.transcripts.slack_text import SPOKEN, find_author, read_text, read_users
from dialora.errors import DataError

Message = Mapping[str, Any]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_LOOKED_AT = 5
"""Days; the first may be empty."""
_LISTS = frozenset(("users.json", "channels.json", "groups.json", "dms.json", "mpims.json", "org_users.json"))

_WITHOUT_SPEAKERS = "export it again, with the `user` of each message"


class Slack(TranscriptFormat[Archive]):
    """A whole export."""

    name = "Slack"
    content = Archive
    without_speakers = _WITHOUT_SPEAKERS

    def recognise(self, content: Archive) -> Sureness:
        """A file a day lies beside a list of users or channels, or one of the first holds Slack's messages."""
        paths = [PurePosixPath(name) for name in content.names]
        days = [path for path in paths if _is_day(path)]
        if days and any(path.name in _LISTS for path in paths):
            return Sureness.CERTAIN
        return Sureness.LIKELY if any(_are_messages(_peek(content, day)) for day in days[:_LOOKED_AT]) else Sureness.NO

    def read(self, content: Archive, name: str) -> Iterator[Draft]:
        """Give the threads and the rest of each channel."""
        paths = [PurePosixPath(one) for one in content.names]
        users: dict[str, str] = {}
        for path in paths:
            if path.name in ("users.json", "org_users.json"):
                users |= read_users(_parse(content, path, name))
        channels: dict[PurePosixPath, list[Message]] = {}
        for path in paths:
            if _is_day(path):
                found = require_objects(_parse(content, path, name), f"{name}: {path}")
                channels.setdefault(path.parent, []).extend(found)
        for folder, messages in channels.items():
            yield from read_channel(folder.name or name, messages, users)

    def count_passed_over(self, content: Archive) -> int:
        """Return how many files are neither days nor lists, as attachments are."""
        paths = map(PurePosixPath, content.names)
        return sum(not _is_day(path) and path.name not in _LISTS for path in paths)


class SlackDay(TranscriptFormat[Json]):
    """One file of an export, alone."""

    name = "Slack (a single file)"
    content = Json
    columns = frozenset(("text",))
    without_speakers = _WITHOUT_SPEAKERS

    def recognise(self, content: Json) -> Sureness:
        """Messages have a time stamp and a user."""
        return Sureness.CERTAIN if _are_messages(content.head) else Sureness.NO

    def read(self, content: Json, name: str) -> Iterator[Draft]:
        """Give its threads and the rest."""
        messages = require_objects(list(content.items()), name)
        yield from read_channel(name, messages, {})


def read_channel(name: str, messages: Sequence[Message], users: Mapping[str, str]) -> Iterator[Draft]:
    """Give what is said in a channel outside of threads, then each thread."""
    ordered = sorted(messages, key=lambda message: parse_seconds(message.get("ts")) or 0)
    replies = {as_text(one.get("thread_ts")) for one in ordered if one.get("thread_ts") not in (None, one.get("ts"))}
    threads: dict[str, list[Message]] = {"": []}
    for message in ordered:
        thread = as_text(message.get("thread_ts")) or as_text(message.get("ts"))  # the first of a thread may not say so
        threads.setdefault(thread if thread in replies else "", []).append(message)
    for thread, own in threads.items():
        draft, beginning = Draft(f"{name}, thread {thread}" if thread else name), Beginning()
        for message in own:
            _add(draft, message, users, beginning)
        yield draft


def _is_day(path: PurePosixPath) -> bool:
    return _DAY.fullmatch(path.name) is not None and len(path.parts) > 1


def _are_messages(value: Any) -> bool:
    messages = [as_object(one) for one in as_list(value)[:20]]
    return bool(messages) and all(one.get("type") == "message" and "ts" in one and "text" in one for one in messages)


def _peek(archive: Archive, path: PurePosixPath) -> Any:
    """Return the values of a file, None where it cannot be read as JSON."""
    try:
        return _parse(archive, path, "")
    except DataError:
        return None


def _add(draft: Draft, message: Message, users: Mapping[str, str], beginning: Beginning) -> None:
    text = read_text(require_text(message.get("text"), f"{draft.name}: messages: text"), users)
    start = beginning.since(parse_seconds(message.get("ts")))
    if as_text(message.get("subtype")) not in SPOKEN:
        draft.leave_out("notices of Slack", text)
    elif not text.strip():
        draft.leave_out("messages without a text", as_text(message.get("ts")))
    else:
        draft.add(find_author(message, users), text, start, may_inherit=False)


def _parse(archive: Archive, path: PurePosixPath, where: str) -> Any:
    try:
        return json.loads(archive.read(str(path)))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {path}: is not valid JSON: {error}; get the export again.") from error


__all__ = ["Slack", "SlackDay", "read_channel"]
