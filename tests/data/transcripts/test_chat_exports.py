"""Chats as desktops export them: Telegram, Slack, Discord."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dialora.data.transcripts import read_conversations
from dialora.errors import DataError
from tests.data.transcripts.support import build_zip, read, read_one, show

# Telegram


def telegram(*messages: dict[str, Any], **chat: Any) -> dict[str, Any]:
    return {"name": "Trip", "type": "private_group", "id": 7, "messages": list(messages)} | chat


def message(text: Any, sender: str | None = "Ann", second: int = 0, **more: Any) -> dict[str, Any]:
    moment = {"date": f"2024-01-01T00:00:{second:02}", "date_unixtime": str(1_704_067_200 + second)}
    return {"id": 1, "type": "message", "from": sender, "from_id": "user9", "text": text} | moment | more


def test_telegram_joins_pieces_of_a_text_and_counts_notices() -> None:
    pieces = ["See ", {"type": "link", "text": "https://a.b"}, " and ", {"type": "bold", "text": "come"}]
    conversation = read_one(
        telegram(
            {"id": 0, "type": "service", "actor": "Ann", "action": "create_group", "text": ""},
            message(pieces),
            message("", second=5, media_type="sticker"),
            message("ok\nfine", "Team: Bob", 9),
            message("gone", None, 10),
        ),
        name="result.json",
    )
    assert (conversation.format, conversation.name) == ("Telegram", "Trip")
    assert show(conversation) == ["Ann: See https://a.b and come", "Team: Bob: ok fine", "user9: gone"]
    assert [turn.start for turn in conversation.turns] == [0, 9, 10]
    assert conversation.left_out == {"notices of Telegram": 1, "media without a text": 1}
    assert conversation.remarks == {"messages of deleted accounts, called by their number": 1}


def test_telegrams_full_export_is_a_conversation_for_each_chat() -> None:
    chats = [telegram(message("hi")), telegram(message("yo"), name=None, id=8), telegram(name="Empty")]
    notes: list[str] = []
    found = read({"about": "…", "chats": {"about": "…", "list": chats}}, name="result.json", notes=notes)
    assert [conversation.name for conversation in found] == ["Trip", "chat 8"]
    assert notes == ["result.json: left out conversations in which nobody says anything: 1."]


def test_telegrams_dates_without_a_number_are_read() -> None:
    first, second = message("a"), message("b", second=30)
    del first["date_unixtime"], second["date_unixtime"]
    assert [turn.start for turn in read_one(telegram(first, second)).turns] == [0, 30]


# Slack

USERS = [
    {"id": "U1", "name": "ann", "profile": {"display_name": "", "real_name": "Ann Lee"}},
    {"id": "U2", "name": "bob", "profile": {"display_name": "Bob"}},
]
DAY = [
    {"type": "message", "subtype": "channel_join", "user": "U1", "ts": "1.0", "text": "<@U1> has joined"},
    {
        "type": "message",
        "user": "U1",
        "ts": "2.5",
        "text": "Hi <@U2> &amp; all, see <https://a.b|the page> in <#C1|general>",
    },
    {"type": "message", "user": "U2", "ts": "3.0", "thread_ts": "3.0", "reply_count": 1, "text": "Lunch? <!here>"},
    {"type": "message", "user": "U9", "ts": "5.0", "text": "late", "user_profile": {"real_name": "Guest"}},
    {"type": "message", "subtype": "bot_message", "username": "Build", "ts": "6.0", "text": "1 &lt; 2"},
    {"type": "message", "user": "U1", "ts": "7.0", "text": "", "files": [{}]},
]
LATER = [{"type": "message", "user": "U1", "ts": "9.0", "thread_ts": "3.0", "text": "Yes"}]
EXPORT = {"users.json": USERS, "channels.json": [{"id": "C1", "name": "general"}]}


def slack_export(prefix: str = "") -> bytes:
    files = EXPORT | {"general/2024-01-02.json": LATER, "general/2024-01-01.json": DAY}
    return build_zip({prefix + name: json.dumps(value) for name, value in files.items()})


@pytest.mark.parametrize("prefix", ["", "My export Jan 1 2024/"])
def test_slack_threads_are_conversations_across_days(prefix: str) -> None:
    channel, thread = read(slack_export(prefix), name="export.zip")
    assert (channel.format, channel.name) == ("Slack", "general")
    assert show(channel) == [
        "Ann Lee: Hi @Bob & all, see the page in #general",
        "Guest: late",
        "Build: 1 < 2",
    ]
    assert channel.left_out == {"notices of Slack": 1, "messages without a text": 1}
    assert thread.name == "general, thread 3.0"
    assert show(thread) == ["Bob: Lunch? @here", "Ann Lee: Yes"]
    assert [turn.start for turn in thread.turns] == [0, 6]


def test_an_unpacked_slack_export_is_read_like_the_packed_one(tmp_path: Path) -> None:
    for name, value in (EXPORT | {"general/2024-01-01.json": DAY}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(value))
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (conversation,) = read_conversations(tmp_path)
    assert conversation.format == "Slack"
    assert conversation.speakers == ("Ann Lee", "Bob", "Guest", "Build")


def test_a_single_day_of_slack_has_the_names_that_stand_in_it() -> None:
    conversation = read_one(DAY, name="2024-01-01.json")
    assert conversation.format == "Slack (a single file)"
    assert conversation.speakers == ("U1", "U2", "Guest", "Build")


def test_a_damaged_day_of_slack_is_named() -> None:
    with pytest.raises(DataError, match=r"general/2024-01-01\.json: is not valid JSON"):
        read(build_zip({"users.json": "[]", "general/2024-01-01.json": "[{"}))
    with pytest.raises(DataError, match="must be a list of objects, got dict"):
        read(build_zip({"users.json": "[]", "general/2024-01-01.json": "{}"}))


# Discord


def discord(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"guild": {"name": "G"}, "channel": {"name": "help"}, "dateRange": {}, "messages": list(messages)}


def post(content: str, kind: Any = "Default", second: int = 0, **author: Any) -> dict[str, Any]:
    moment = f"2024-01-01T00:00:{second:02}.1234567+00:00"
    return {"id": "1", "type": kind, "timestamp": moment, "content": content, "author": {"name": "ann"} | author}


def test_discord_is_read_by_the_type_of_a_message() -> None:
    conversation = read_one(
        discord(
            post("Joined the server.", "GuildMemberJoin"),
            post("How?", nickname="Ann L."),
            post("Like this", "Reply", 9, name="bob", isBot=True),
            post("Pinned a message.", "ChannelPinnedMessage"),
            post("", attachments=[{}]),
            post("old", 0),
        )
    )
    assert (conversation.format, conversation.name) == ("Discord", "help")
    assert show(conversation) == ["Ann L.: How?", "bob: Like this", "ann: old"]
    assert conversation.left_out == {"notices of Discord": 2, "media without a text": 1}
    assert [turn.start for turn in conversation.turns][:2] == [0, 9]


def test_messages_of_one_speaker_in_a_row_stay_messages() -> None:
    assert show(read_one(discord(post("one"), post("two")))) == ["ann: one", "ann: two"]


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        (telegram(message("hi", None, from_id=None), message("yo", None, from_id=None)), "`from` of each message"),
        ([{"type": "message", "ts": "1.0", "text": "hi"}], "`user` of each message"),
        (discord(post("hi", name=None)), "`author` of each message"),
    ],
)
def test_a_chat_that_names_nobody_is_refused(written: Any, advice: str) -> None:
    with pytest.raises(DataError, match=f"nobody is named in it.*{advice}"):
        read(written)


def test_a_message_without_a_sender_is_nobodys_where_others_have_one() -> None:
    """What stands beside it is by others: a chat's messages are no pieces of one."""
    day = [{"type": "message", "ts": "1.0", "text": "hi", "user": "U1"}, {"type": "message", "ts": "2.0", "text": "yo"}]
    for written in (
        telegram(message("hi", "U1"), message("yo", None, from_id=None)),
        day,
        discord(post("hi", name="U1"), post("yo", name=None)),
    ):
        assert show(read_one(written)) == ["U1: hi", "Unknown: yo"]


def test_the_first_message_of_a_slack_thread_belongs_to_it_where_only_the_replies_say_so() -> None:
    first, other = {"type": "message", "user": "U1", "ts": "1.0", "text": "Lunch?"}, DAY[3]
    reply = {"type": "message", "user": "U2", "ts": "2.0", "thread_ts": "1.0", "text": "Yes"}
    channel, thread = read([first, reply, other])
    assert show(channel) == ["Guest: late"]
    assert show(thread) == ["U1: Lunch?", "U2: Yes"]
