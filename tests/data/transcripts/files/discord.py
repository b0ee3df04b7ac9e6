"""Discord's channels, threads and direct messages, as DiscordChatExporter writes them."""

from __future__ import annotations

from typing import Any

from tests.data.transcripts.files.file import File, Refused

NAME, NOTICES, MEDIA = "Discord", "notices of Discord", "media without a text"
GUILD = {"id": "81", "name": "Modular Synths", "iconUrl": "https://cdn.example/81.png"}


def channel(*messages: dict[str, Any], guild: Any = GUILD, **more: Any) -> dict[str, Any]:
    own = {"id": "90", "type": "GuildTextChat", "categoryId": "7", "category": "Text", "name": "help", "topic": None}
    numbered = [{"id": str(number), **one} for number, one in enumerate(messages, start=1_100)]
    return {
        "guild": guild, "channel": own | more, "dateRange": {"after": None, "before": None},
        "exportedAt": "2024-03-09T19:00:00+01:00", "messages": numbered, "messageCount": len(numbered),
    }  # fmt: skip


def post(name: str, content: str, kind: Any = "Default", nickname: str | None = None, **more: Any) -> dict[str, Any]:
    author = {"id": "5", "name": name, "discriminator": "0000", "nickname": nickname or name, "isBot": False}
    rest = {"isPinned": False, "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": []}
    moment = {"timestamp": "2024-03-09T18:00:00.123+01:00", "timestampEdited": None}
    return {"type": kind, **moment, "content": content, "author": author, **rest, **more}


FILES = [
    File(
        "Modular Synths - Text - help [90].json",
        channel(
            post("vera", "Joined the server.", "GuildMemberJoin"),
            post("vera", "My VCO drifts: 3 cents in an hour.", nickname="Vera K."),
            post("oskar", "Warm it up for 20 minutes", "Reply", reference={"messageId": "1101"}),
            post("oskar", "Pinned a message.", "ChannelPinnedMessage"),
            post("vera", "That was it, thanks!", nickname="Vera K."),
        ),
        NAME,
        ["Vera K.: My VCO drifts: 3 cents in an hour.", "oskar: Warm it up for 20 minutes",
         "Vera K.: That was it, thanks!"],
        {NOTICES: 2},
    ),
    File(
        "Direct Messages - oskar [12].txt",
        channel(
            post("vera", "Started a call that lasted 4 minutes.", "Call"), post("vera", "you sounded far away"),
            post("oskar", "new mic, **sorry**\nbetter tomorrow"),
            guild={"id": "0", "name": "Direct Messages"}, type="DirectTextChat", name="oskar",
        ),
        NAME,
        ["vera: you sounded far away", "oskar: new mic, **sorry** better tomorrow"],
        {NOTICES: 1},
        encoding="utf-8-sig",
    ),
    File(
        "bots.json",
        channel(
            post("vera", "", "ApplicationCommand", interaction={"name": "roll"}),
            post("Dicer", "You rolled 17", "ApplicationCommand"), post("Dicer", "", embeds=[{"title": "Top rolls"}]),
            post("vera", "finally"),
        ),
        NAME,
        ["Dicer: You rolled 17", "vera: finally"],
        {MEDIA: 2},
    ),
    File(
        "thread.vtt",
        channel(
            post("oskar", "", "ThreadStarterMessage"), post("oskar", "Patch notes go here"),
            post("vera", "Added: sync input"), post("oskar", "Changed the channel name: patch-notes",
                                                    "ChannelNameChange"),
            type="GuildPublicThread", name="patch notes",
        ),
        NAME,
        ["oskar: Patch notes go here", "vera: Added: sync input"],
        {NOTICES: 2},
        has_crlf=True,
    ),
    File(
        "version-1.json",
        {"guild": {"name": "Old"}, "channel": {"name": "lobby"}, "messages": [
            {"id": "1", "type": 7, "timestamp": "2017-05-01T10:00:00", "content": "Joined the server.",
             "author": {"name": "ivo"}},
            {"id": "2", "type": 0, "timestamp": "2017-05-01T10:01:00", "content": "anyone here?",
             "author": {"id": "3", "name": "ivo", "discriminator": "1234"}},
            {"id": "3", "type": 19, "timestamp": "2017-05-01T10:02:00", "content": "yes", "author": {"name": "Mika"}},
        ]},
        NAME,
        ["ivo: anyone here?", "Mika: yes"],
        {NOTICES: 1},
        encoding="utf-16",
    ),
    File(
        "attachments.json",
        channel(
            post("vera", "the front panel", attachments=[{"fileName": "panel.jpg", "fileSizeBytes": 4}]),
            post("vera", "", attachments=[{"fileName": "back.jpg"}]), post("oskar", "", stickers=[{"name": "wow"}]),
            post("oskar", "neat 👌 <:knob:77>"),
        ),
        NAME,
        ["vera: the front panel", "oskar: neat 👌 <:knob:77>"],
        {MEDIA: 2},
    ),
    File(
        "group.json",
        channel(
            post("vera", "Added oskar to the group.", "RecipientAdd"), post("vera", "Left the group.",
                "RecipientRemove"),
            post("ふみ", "録音は：明日"), post("Żaneta", "dobrze, o 19:30"),
            guild={"id": "0", "name": "Direct Messages"}, type="DirectGroupTextChat", name="Band",
        ),
        NAME,
        ["ふみ: 録音は：明日", "Żaneta: dobrze, o 19:30"],
        {NOTICES: 2},
    ),
    File(
        "mentions.srt",
        channel(
            post("oskar", "@vera see #rules, then https://synth.example/a?b=1", mentions=[{"name": "vera"}]),
            post("vera", "> see #rules\ndone"), post("vera", "x2"),
        ),
        NAME,
        ["oskar: @vera see #rules, then https://synth.example/a?b=1", "vera: > see #rules done", "vera: x2"],
    ),
    File(
        "voice [part 2].json",
        channel(
            post("vera", "pls mute", nickname="  "), post("oskar: live", "sorry!"), post("vera", "\n", nickname="  "),
            type="GuildVoiceChat", name="voice",
        ),
        NAME,
        ["vera: pls mute", "oskar: live: sorry!"],
        {MEDIA: 1},
    ),
    File(
        "boosts.json",
        channel(
            post("ivo", "Boosted the server!", "UserPremiumGuildSubscription"), post("ivo", "for the forum"),
            post("oskar", "Started a thread: loud filters", "ThreadCreated"), post("oskar", "hero"),
            post("mod", "Summarize", "ContextMenuCommand"),
        ),
        NAME,
        ["ivo: for the forum", "oskar: hero", "mod: Summarize"],
        {NOTICES: 2},
    ),
]  # fmt: skip

REFUSED = [
    Refused("joins.json", channel(post("vera", "Joined the server.", "GuildMemberJoin")),
            r"read as Discord, but nobody says anything in it; .*'Joined the server\.'.*notices of Discord"),
    Refused("empty-channel.json", channel(), r"read as Discord, but nobody says anything in it; its JSON has the keys"),
    Refused("authors-lost.json", channel({"type": "Default", "content": "hi"}, {"type": "Default", "content": "yo"}),
            r"read as Discord, and nobody is named in it"),
]  # fmt: skip
