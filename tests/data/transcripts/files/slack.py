"""Slack's exports: zip files of days, users and channels, and single days."""

from __future__ import annotations

import json
from typing import Any

from tests.data.transcripts.files.file import File, Refused
from tests.data.transcripts.support import build_zip

NAME, DAY = "Slack", "Slack (a single file)"
NOTICES, EMPTY = "notices of Slack", "messages without a text"
USERS = [
    {"id": "U01", "name": "ana", "real_name": "Ana Ruiz", "profile": {"display_name": "", "real_name": "Ana Ruiz"}},
    {"id": "U02", "name": "ben", "profile": {"display_name": "Ben", "real_name": "Benjamin Okoro"}},
    {"id": "U03", "name": "chen.li", "deleted": True, "profile": {}},
    {"id": "W04", "name": "deploy", "is_bot": True, "profile": {"real_name": "Deploy"}},
]
CHANNELS = [{"id": "C1", "name": "general"}, {"id": "C2", "name": "support"}]


def say(user: str | None, text: str, second: int, **more: Any) -> dict[str, Any]:
    sender = {} if user is None else {"user": user, "client_msg_id": f"a-{second}"}
    return {"type": "message", "ts": f"17100036{second:02}.000{second:03}", "text": text, **sender, **more}


def at(second: int) -> str:
    return f"17100036{second:02}.000{second:03}"


def export(days: dict[str, Any], *, prefix: str = "", **lists: Any) -> bytes:
    files = {"users.json": USERS, "channels.json": CHANNELS} | {f"{name}.json": one for name, one in lists.items()}
    return build_zip({f"{prefix}{name}": json.dumps(value) for name, value in (files | days).items()})


FILES = [
    File(
        "Acme Slack export Mar 1 2024 - Mar 31 2024.zip",
        export({"general/2024-03-09.json": [
            say("U01", "<@U01> has joined the channel", 1, subtype="channel_join"),
            say("U01", "Morning <@U02>! Is the release &gt; 2.0 out?", 2),
            say("U02", "Not yet: tests fail. See <https://ci.example/7|run 7>", 3),
            say("U02", "cc <!channel>, <#C2|support>", 4),
        ]}),
        NAME,
        ["Ana Ruiz: Morning @Ben! Is the release > 2.0 out?", "Ben: Not yet: tests fail. See run 7",
         "Ben: cc @channel, #support"],
        {NOTICES: 1},
    ),
    File(
        "threads.zip",
        export({
            "support/2024-03-10.json": [say("U02", "Fixed now", 40, thread_ts=at(10), parent_user_id="U01")],
            "support/2024-03-09.json": [
                say("U01", "Login is slow", 10, thread_ts=at(10), reply_count=2),
                say("U03", "Here as well", 12, thread_ts=at(10)), say("U02", "Lunch?", 20),
            ],
        }),
        NAME,
        ["Ben: Lunch?", "Ana Ruiz: Login is slow", "chen.li: Here as well", "Ben: Fixed now"],
        num_conversations=2,
    ),
    File(
        "wrapped.txt",
        export({"general/2024-03-09.json": [say("U01", "One folder deep", 1), say("U02", "like a Mac packs it", 2)],
                "__MACOSX/general/._2024-03-09.json": 0}, prefix="Acme export/"),
        NAME,
        ["Ana Ruiz: One folder deep", "Ben: like a Mac packs it"],
    ),
    File(
        "private.zip",
        export(
            {"D0AB/2024-03-09.json": [say("U02", "Can you cover Friday?", 1), say("U01", "Sure", 2)],
             "mpdm-ana--ben--chen-1/2024-03-09.json": [say("U03", "Who has the keys?", 3)]},
            dms=[{"id": "D0AB", "members": ["U01", "U02"]}], mpims=[{"id": "G1", "name": "mpdm-ana--ben--chen-1"}],
            groups=[],
        ),
        NAME,
        ["Ben: Can you cover Friday?", "Ana Ruiz: Sure", "chen.li: Who has the keys?"],
        num_conversations=2,
    ),
    File(
        "bots.zip",
        export({"general/2024-03-09.json": [
            say("W04", "Deployed `v2.1` in 41 s", 1, bot_id="B1", bot_profile={"name": "Deploy Bot"}),
            say(None, "Build #7: failed", 2, subtype="bot_message", username="Jenkins", bot_id="B2"),
            say(None, "", 3, subtype="bot_message", bot_id="B3", attachments=[{"text": "chart"}]),
            say("U02", "on it", 4, reactions=[{"name": "eyes", "users": ["U01"], "count": 1}]),
        ]}),
        NAME,
        ["Deploy: Deployed `v2.1` in 41 s", "Jenkins: Build #7: failed", "Ben: on it"],
        {EMPTY: 1},
    ),
    File(
        "2024-03-09.json",
        [
            say("U01", "Who is on call?", 1, user_profile={"display_name": "", "real_name": "Ana Ruiz"}),
            say("U02", "Me, until 18:00", 2, user_profile={"display_name": "Ben"}),
            say("U09", "thx <mailto:ops@acme.example|ops@acme.example>", 3),
        ],
        DAY,
        ["Ana Ruiz: Who is on call?", "Ben: Me, until 18:00", "U09: thx ops@acme.example"],
    ),
    File(
        "day.txt",
        [
            say("U01", "Agenda:\n• budget\n• hiring", 1, user_profile={"real_name": "Ana Ruiz"}),
            say("U02", "_works_ for me", 2, subtype="me_message", user_profile={"real_name": "Ben"}),
            say("U02", "set the channel topic: planning", 3, subtype="channel_topic"),
        ],
        DAY,
        ["Ana Ruiz: Agenda: • budget • hiring", "Ben: _works_ for me"],
        {NOTICES: 1},
        encoding="utf-8-sig",
        has_crlf=True,
    ),
    File(
        "files-and-huddles.zip",
        export({"general/2024-03-09.json": [
            say("U01", "the plan", 1, subtype="file_share", files=[{"name": "plan.pdf", "mode": "hosted"}]),
            say("U02", "", 2, files=[{"name": "photo.png"}]), say("U02", "A huddle started", 3,
                subtype="huddle_thread"),
            say("U01", "This message was deleted.", 4, subtype="tombstone"),
        ]}),
        NAME,
        ["Ana Ruiz: the plan", "Ben: A huddle started"],
        {EMPTY: 1, NOTICES: 1},
    ),
    File(
        "out-of-order.zip",
        export({"general/2024-03-09.json": [
            say("U02", "second", 20), say("U01", "first", 10),
            say("U01", "also in the channel", 30, subtype="thread_broadcast", thread_ts=at(10)),
        ]}),
        NAME,
        ["Ben: second", "Ana Ruiz: first", "Ana Ruiz: also in the channel"],
        num_conversations=2,
    ),
    File(
        "no-lists.zip",
        build_zip({"ops/2024-03-09.json": json.dumps([say("U1", "全部正常", 1), say("U2", "Дякую &amp; добраніч",
            2)])}),
        NAME,
        ["U1: 全部正常", "U2: Дякую & добраніч"],
    ),
    File(
        "guests.zip",
        export({"ext-partner/2024-03-09.json": [
            say("U77", "Contract is signed", 1, user_team="T9", user_profile={"display_name": "Dana (Partner)"}),
            say("U01", "Great! <!date^1710003600^{date}|9 March>, <!subteam^S1|@sales>", 2),
            say("USLACKBOT", "Reminder: invoice", 3, username="slackbot"),
        ]}),
        NAME,
        ["Dana (Partner): Contract is signed", "Ana Ruiz: Great! 9 March, @sales", "slackbot: Reminder: invoice"],
    ),
]  # fmt: skip

REFUSED = [
    Refused("joined.zip", export({"general/2024-03-09.json": [
                say("U01", "<@U01> has joined the channel", 1, subtype="channel_join")]}),
            r"read as Slack, but nobody says anything in it; .*'@Ana Ruiz has joined the channel'"),
    Refused("empty-days.zip", export({"general/2024-03-09.json": []}), r"read as Slack, but nobody says anything"),
    Refused("2024-03-08.json", [say("U01", "", 1, files=[{}])],
            r"read as Slack \(a single file\), but nobody says anything in it; .*messages without a text"),
    Refused("nobody.json", [say(None, "who wrote this?", 1), say(None, "and this?", 2)],
            r"read as Slack \(a single file\), and nobody is named in it"),
]  # fmt: skip
