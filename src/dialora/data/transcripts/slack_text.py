"""Slack's messages: who wrote them, and their text without Slack's markup."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from dialora.data.transcripts.parts import as_object, as_objects, as_text

SPOKEN = frozenset(
    (
        "",
        "me_message",
        "thread_broadcast",
        "reply_broadcast",
        "file_share",
        "file_comment",
        "bot_message",
        "huddle_thread",
    )
)
"""Subtypes of what somebody wrote; the others tell of who joined, left or renamed what."""
_TOKEN = re.compile(r"<([^<>\n]*)>")


def read_users(values: Any) -> dict[str, str]:
    """Return the name of each user of `users.json` by their id."""
    names = {as_text(user.get("id")): _find_name(user) for user in as_objects(values)}
    return {user: name for user, name in names.items() if user and name}


def find_author(message: Mapping[str, Any], users: Mapping[str, str]) -> str | None:
    """Return who wrote a message: a user's name, or else what the message itself says; None where nothing does."""
    user = as_text(message.get("user"))
    return (
        users.get(user)
        or _find_name(as_object(message.get("user_profile")))
        or as_text(message.get("username"))
        or as_text(as_object(message.get("bot_profile")).get("name"))
        or user
        or as_text(message.get("bot_id"))
        or None
    )


def read_text(text: str, users: Mapping[str, str]) -> str:
    """Return a text with names for mentions, labels for links, and signs for their escapes."""
    return html.unescape(_TOKEN.sub(lambda token: _replace(token[1], users), text))


def _find_name(user: Mapping[str, Any]) -> str:
    profile = as_object(user.get("profile"))
    keys = ("display_name", "real_name", "name")
    return next(
        (name for key in keys for one in (profile, user) if (name := as_text(one.get(key)))),
        "",
    )


def _replace(token: str, users: Mapping[str, str]) -> str:
    target, has_label, label = token.partition("|")
    if target.startswith("@"):
        return "@" + users.get(target[1:], label.removeprefix("@") or target[1:])
    if target.startswith("#"):
        return "#" + (label or target[1:])
    if target.startswith("!"):
        return label if has_label and label else "@" + target[1:].split("^")[0]
    return label or target.removeprefix("mailto:")


__all__ = ["SPOKEN", "find_author", "read_text", "read_users"]
