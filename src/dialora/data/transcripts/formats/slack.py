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
from dialora.data.transcripts.parts import as_list, as_object, as_text, require_objects
from dialora.data.transcripts.slack_text import SPOKEN, find_author, read_text, read_users
from dialora.errors import DataError

Message = Mapping[str, Any]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_LISTS = frozenset(("users.json", "channels.json", "groups.json", "dms.json", "mpims.json", "org_users.json"))


class Slack(TranscriptFormat[Archive]):
    """A whole export."""

    name = "Slack"
    content = Archive

    def recognise(self, content: Archive) -> Sureness:
        """A file a day lies beside a list of users or channels."""
        paths = [PurePosixPath(name) for name in content.names]
        has_days = any(_DAY.fullmatch(path.name) and len(path.parts) > 1 for path in paths)
        has_lists = any(path.name in _LISTS for path in paths)
        return Sureness.CERTAIN if has_days and has_lists else Sureness.LIKELY if has_days else Sureness.NO

    def read(self, content: Archive, name: str) -> Iterator[Draft]:
        """Give the threads and the rest of each channel."""
        paths = [PurePosixPath(one) for one in content.names]
        users: dict[str, str] = {}
        for path in paths:
            if path.name in ("users.json", "org_users.json"):
                users |= read_users(_parse(content, path, name))
        channels: dict[PurePosixPath, list[Message]] = {}
        for path in paths:
            if _DAY.fullmatch(path.name):
                found = require_objects(_parse(content, path, name), f"{name}: {path}")
                channels.setdefault(path.parent, []).extend(found)
        for folder, messages in channels.items():
            yield from read_channel(folder.name or name, messages, users)


class SlackDay(TranscriptFormat[Json]):
    """One file of an export, alone."""

    name = "Slack (a single file)"
    content = Json
    columns = frozenset(("text",))

    def recognise(self, content: Json) -> Sureness:
        """Messages have a time stamp and a user."""
        messages = [as_object(one) for one in as_list(content.head)[:20]]
        is_slack = [one.get("type") == "message" and "ts" in one and "text" in one for one in messages]
        return Sureness.CERTAIN if is_slack and all(is_slack) else Sureness.NO

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
        thread = as_text(message.get("thread_ts"))
        threads.setdefault(thread if thread in replies else "", []).append(message)
    for thread, own in threads.items():
        draft, beginning = Draft(f"{name}, thread {thread}" if thread else name), Beginning()
        for message in own:
            _add(draft, message, users, beginning)
        yield draft


def _add(draft: Draft, message: Message, users: Mapping[str, str], beginning: Beginning) -> None:
    text = read_text(as_text(message.get("text")), users)
    start = beginning.since(parse_seconds(message.get("ts")))
    if as_text(message.get("subtype")) not in SPOKEN:
        draft.leave_out("notices of Slack", text)
    elif not text.strip():
        draft.leave_out("messages without a text", as_text(message.get("ts")))
    else:
        draft.add(find_author(message, users), text, start)


def _parse(archive: Archive, path: PurePosixPath, where: str) -> Any:
    try:
        return json.loads(archive.read(str(path)))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {path}: is not valid JSON: {error}; get the export again.") from error


__all__ = ["Slack", "SlackDay", "read_channel"]
