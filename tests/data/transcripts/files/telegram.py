"""Telegram's exports as JSON: private chats, groups, channels, a whole account."""

from __future__ import annotations

import json
from typing import Any

from tests.data.transcripts.files.file import File, Refused

NAME = "Telegram"
NOTICES, MEDIA = "notices of Telegram", "media without a text"
DELETED = "messages of deleted accounts, called by their number"


def chat(*messages: dict[str, Any], name: str | None = "Nora", type: str = "personal_chat") -> dict[str, Any]:
    numbered = [{"id": number, **one} for number, one in enumerate(messages, start=311)]
    return {"name": name, "type": type, "id": 4_811_223, "messages": numbered}


def say(sender: str | None, text: Any, minute: int = 0, **more: Any) -> dict[str, Any]:
    moment = {"date": f"2024-03-09T18:{minute:02}:00", "date_unixtime": str(1_710_003_600 + 60 * minute)}
    entities = text if isinstance(text, list) else [{"type": "plain", "text": text}]
    return {
        "type": "message", **moment, "from": sender, "from_id": "user5550101", "text": text,
        "text_entities": [one for one in entities if isinstance(one, dict)], **more,
    }  # fmt: skip


def service(action: str, actor: str = "Nora", **more: Any) -> dict[str, Any]:
    return {"type": "service", "date": "2024-03-09T18:00:00", "actor": actor, "action": action, "text": "", **more}


def piece(type: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": type, "text": text, **more}


PHOTO = {"photo": "(File not included. Change data exporting settings to download.)", "width": 960, "height": 1280}

FILES = [
    File(
        "result.json",
        chat(
            say("Nora", "Did the parcel come?"),
            say("Emil", "Not yet. The note says:\n“between 14:00 and 18:00”", 2),
            say("Nora", "", 3, media_type="sticker", sticker_emoji="🙈"),
            say("Emil", "It is here!", 40, edited="2024-03-09T18:41:00", reply_to_message_id=311),
        ),
        NAME,
        [
            "Nora: Did the parcel come?", "Emil: Not yet. The note says: “between 14:00 and 18:00”",
            "Emil: It is here!",
        ],
        {MEDIA: 1},
    ),
    File(
        "group.txt",
        chat(
            service("create_group", title="Trip: north", members=["Nora", "Emil"]),
            service("invite_members", members=["Уля"]),
            say("Уля", ["Билеты: ", piece("link", "https://poezd.example/7"), " — до ", piece("bold", "пятницы")]),
            say("Emil", [piece("mention", "@ulya"), " thanks, I take ", piece("code", "two")], 5),
            service("pin_message", message_id=313),
            name="Trip: north", type="private_supergroup",
        ),
        NAME,
        ["Уля: Билеты: https://poezd.example/7 — до пятницы", "Emil: @ulya thanks, I take two"],
        {NOTICES: 3},
        encoding="utf-8-sig",
        has_crlf=True,
    ),
    File(
        "result (1).json",
        chat(
            say("Nora", "", 0, **PHOTO),
            say("Nora", "The kitchen, before", 1, **PHOTO),
            say("Emil", [piece("spoiler", "Blue"), " again?"], 2),
            say("Emil", "", 3, media_type="voice_message", duration_seconds=12, file="voice.ogg"),
        ),
        NAME,
        ["Nora: The kitchen, before", "Emil: Blue again?"],
        {MEDIA: 2},
    ),
    File(
        "deleted-account.json",
        chat(
            say(None, "Is the room still free?", from_id="user77"), say("Emil", "It is, from May.", 1),
            say(None, "I take it", 2, from_id="user77"), name=None,
        ),
        NAME,
        ["user77: Is the room still free?", "Emil: It is, from May.", "user77: I take it"],
        {},
        {DELETED: 2},
    ),
    File(
        "account.json",
        {
            "about": "Here is the data you requested.", "personal_information": {"first_name": "Nora"},
            "contacts": {"list": []},
            "chats": {"about": "This page lists all chats.", "list": [
                chat(say("Nora", "Lunch at one?"), say("Emil", "One fifteen", 1)),
                chat(say("Nora", "Note to self: call the bank"), name=None, type="saved_messages"),
            ]},
            "left_chats": {"about": "Supergroups you left.", "list": [
                chat(service("join_group_by_link"), say("Old Hand", "Welcome, read the pinned post"),
                     name="Sailing", type="public_supergroup"),
            ]},
        },
        NAME,
        [
            "Nora: Lunch at one?", "Emil: One fifteen", "Nora: Note to self: call the bank",
            "Old Hand: Welcome, read the pinned post",
        ],
        {NOTICES: 1},
        num_conversations=3,
    ),
    File(
        "channel.jsonl",
        json.dumps(chat(
            say("City Library", ["Closed on Monday. ", piece("hashtag", "#hours")], from_id="channel12"),
            say("City Library", "New: board games on Friday", 9, from_id="channel12", author="Ivo"),
            name="City Library", type="public_channel",
        )),
        NAME,
        ["City Library: Closed on Monday. #hours", "City Library: New: board games on Friday"],
    ),
    File(
        "old-export.json",
        {"name": "Emil", "type": "personal_chat", "id": 9, "messages": [
            {"id": 1, "type": "message", "date": "2018-11-02T09:14:03", "edited": "1970-01-01T02:00:00",
             "from": "Emil", "from_id": 5550101, "text": "Old phone, new number"},
            {"id": 2, "type": "message", "date": "2018-11-02T09:15:40", "from": "Nora", "from_id": 5550102,
             "text": ["Saved it ", {"type": "phone", "text": "+47 555 01 02"}]},
        ]},
        NAME,
        ["Emil: Old phone, new number", "Nora: Saved it +47 555 01 02"],
        encoding="utf-16",
    ),
    File(
        "bot.json",
        chat(
            say("Emil", [piece("bot_command", "/weather"), " Bergen"]),
            say("Weather Bot", "Rain: 9 mm\nWind: 4 m/s", 0, inline_bot_buttons=[[{"type": "callback", "text": "↻"}]]),
            say("Emil", "as always", 1, via_bot="@gif"), name="Weather Bot", type="bot_chat",
        ),
        NAME,
        ["Emil: /weather Bergen", "Weather Bot: Rain: 9 mm Wind: 4 m/s", "Emil: as always"],
    ),
    File(
        "calls-and-polls.json",
        chat(
            service("phone_call", duration_seconds=65, discard_reason="hangup"),
            say("Nora", "", 1, poll={"question": "Which day?", "closed": False, "total_voters": 2, "answers": []}),
            say("Nora", "Please vote", 2),
            say("Emil", "", 3, location_information={"latitude": 60.39, "longitude": 5.32}),
            say("Emil", "done", 4, reactions=[{"type": "emoji", "count": 1, "emoji": "👍"}]),
        ),
        NAME,
        ["Nora: Please vote", "Emil: done"],
        {NOTICES: 1, MEDIA: 2},
    ),
    File(
        "forwarded.vtt",
        chat(
            say("Nora", "Parking is free on Sundays.", forwarded_from="City of Bergen"),
            say("Emil: home", "مرحبا، وصلنا", 1), say("Nora", "  \n ", 2), say("王伟", "好的：明天见", 3),
        ),
        NAME,
        ["Nora: Parking is free on Sundays.", "Emil: home: مرحبا، وصلنا", "王伟: 好的：明天见"],
        {MEDIA: 1},
    ),
    File(
        "topic.json",
        chat(
            service("topic_created", title="Repairs"),
            say("Nora", [piece("blockquote", "The lift is out again."), "\nSince when?"]),
            say("Emil", [piece("custom_emoji", "🔧", document_id="(File not included.)"), " since 8"], 1),
            name="House 12", type="private_supergroup",
        ),
        NAME,
        ["Nora: The lift is out again. Since when?", "Emil: 🔧 since 8"],
        {NOTICES: 1},
    ),
]  # fmt: skip

REFUSED = [
    Refused("empty.json", chat(service("create_group"), say("Nora", "", media_type="sticker")),
            r"read as Telegram, but nobody says anything in it; the first line that is none is 'create_group'"),
    Refused("no-text.json", chat(say("Nora", "", **PHOTO), say("Emil", "", **PHOTO)),
            r"read as Telegram, but nobody says anything in it; .*left out: media without a text"),
    Refused("lost-sender.json", {"name": "x", "type": "personal_chat", "id": 1, "messages": [
                {"id": 1, "type": "message", "date": "2024-03-09T18:00:00", "text": "hello"},
                {"id": 2, "type": "message", "date": "2024-03-09T18:01:00", "text": "hello?"}]},
            r"read as Telegram, and nobody is named in it"),
]  # fmt: skip
