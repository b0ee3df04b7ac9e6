"""Documents of Teams and of Google Meet."""

from __future__ import annotations

from tests.data.transcripts.files.file import File, Refused
from tests.data.transcripts.support import build_document

TEAMS, MEET = "Teams DOCX", "Meet DOCX"
ABOVE, PROGRAM = "lines above the first turn", "lines of the program itself"
BESIDE_TALK = "lines that are no part of the talk"
ENDED = (
    "Transcription ended after 00:26:31",
    "This editable transcript was computer generated and might contain errors. People can also change the text.",
)

FILES = [
    File(
        "Planning-20240309_170000-Meeting Recording.docx",
        build_document(
            "Planning-20240309_170000-Meeting Recording\nMarch 9, 2024, 5:00PM\n12m 30s",
            "Hana Sato started transcription", "\nHana Sato   0:03\nShall we begin?",
            "\nLeo Brandt   0:07\nYes.\nFirst point: the budget.", "\nLeo Brandt   0:21\nWe are at 80%.",
            "\nHana Sato   1:02:09\nGood.", "Hana Sato stopped transcription",
        ),
        TEAMS,
        ["Hana Sato: Shall we begin?", "Leo Brandt: Yes. First point: the budget. We are at 80%.", "Hana Sato: Good."],
        {ABOVE: 3, PROGRAM: 2}, num_merged=1,
    ),
    File(
        "transcript.zip",
        build_document("Müller, Jörg (Gast)   0:04\nGuten Morgen!", "Ngô Thị Lan   0:09\nChào buổi sáng."),
        TEAMS,
        ["Müller, Jörg (Gast): Guten Morgen!", "Ngô Thị Lan: Chào buổi sáng."],
    ),
    File(
        "paragraphs.docx",
        build_document("Hana Sato   0:03", "Is it raining?", "", "Leo Brandt   0:07", "It was.",
            "At 10:30 it stopped."),
        TEAMS,
        ["Hana Sato: Is it raining?", "Leo Brandt: It was. At 10:30 it stopped."],
        {}, {"lines that begin no turn, read with the turn above": 1},
    ),
    File(
        "stream-export.docx",
        build_document(
            "0:0:0.0 --> 0:0:4.490\nSato, Hana\nDid you get the slides?", "0:0:5.0 --> 0:0:6.10\nLeo Brandt\nI did.",
            "0:0:6.200 --> 0:0:9.0\nLeo Brandt\nAll twelve.",
        ),
        TEAMS,
        ["Sato, Hana: Did you get the slides?", "Leo Brandt: I did. All twelve."],
        num_merged=1,
    ),
    File(
        "notes.txt",
        build_document(
            "Review\nMarch 9, 2024", "王伟   0:05\n大家好。", "Jean-Luc d'Arc   0:11\nBonjour & hello <all>",
                "王伟   0:20\n开始吧：第一项",
        ),
        TEAMS,
        ["王伟: 大家好。", "Jean-Luc d'Arc: Bonjour & hello <all>", "王伟: 开始吧：第一项"],
        {ABOVE: 2},
    ),
    File(
        "one-space.docx",
        build_document("Hana Sato 0:03\nWho is next?", "Leo Brandt 0:05\nI am.",
            "Hana Sato 0:07\nLunch (12:30)\nafter you"),
        TEAMS,
        ["Hana Sato: Who is next?", "Leo Brandt: I am.", "Hana Sato: Lunch (12:30) after you"],
    ),
    File(
        "Team sync - 2024_03_09 17_00 CET - Notes by Gemini.docx",
        build_document(
            "📝 Notes", "Mar 9, 2024", "Team sync", "Invited Nils Aas Rosa Blum", "Summary",
            "Rosa: wants to move the date. Nils: agreed.", "Next steps: Nils will book a room. (00:12:04)",
            "📖 Transcript", "Team sync – Transcript", "00:00:00", "", "Nils Aas: Hi, Rosa.", "Rosa Blum: Hi!",
            "00:05:00", "Rosa Blum: Can we move the date: say, May?", "Nils Aas: Sure.", *ENDED,
        ),
        MEET,
        ["Nils Aas: Hi, Rosa.", "Rosa Blum: Hi! Can we move the date: say, May?", "Nils Aas: Sure."],
        {BESIDE_TALK: 11}, num_merged=1,
    ),
    File(
        "meet-lines.docx",
        build_document("Attendees\nNils Aas, Rosa Blum", "00:00:00\nNils Aas: Hi, Rosa.\nRosa Blum: Hi!\nHow are you?",
                       "00:10:00\nNils Aas: Fine.", *ENDED),
        MEET,
        ["Nils Aas: Hi, Rosa.", "Rosa Blum: Hi! How are you?", "Nils Aas: Fine."],
        {BESIDE_TALK: 4},
    ),
    File(
        "meet-2022.json",
        build_document(
            "Call (2022-11-02 10:00 GMT+1) – Transcript", "Attendees", "Rosa Blum, Nils Aas",
            "Rosa Blum: Is the report done?", "Nils Aas: Nearly.", "Rosa Blum: Good.", ENDED[1],
        ),
        MEET,
        ["Rosa Blum: Is the report done?", "Nils Aas: Nearly.", "Rosa Blum: Good."],
        {BESIDE_TALK: 4},
    ),
    File(
        "meet-bold.md",
        "# Transcript\n\n### 00:00:00\n\n**Rosa Blum:** Is it on?\n\n**Nils Aas:** It is.\n\n### 00:05:00\n\n"
        "**Nils Aas:** And off again.\n\n### Transcription ended after 00:05:10\n",
        MEET,
        ["Rosa Blum: Is it on?", "Nils Aas: It is. And off again."],
        {BESIDE_TALK: 2}, num_merged=1, has_crlf=True,
    ),
    File(
        "meet-scripts.docx",
        build_document("00:00:00", "Ольга Ким: Начнём?", "佐藤 花: はい。", "(00:05:00)", "佐藤 花: 次は：予算です。",
            ENDED[0]),
        MEET,
        ["Ольга Ким: Начнём?", "佐藤 花: はい。 次は：予算です。"],
        {BESIDE_TALK: 1}, num_merged=1,
    ),
    File(
        "meet-notes-below.docx",
        build_document("00:00:00", "Rosa Blum: Shall I share?", "Nils Aas: Please do.", ENDED[0], "Details",
                       "Budget: Rosa presented it.", "Risk: none."),
        MEET,
        ["Rosa Blum: Shall I share?", "Nils Aas: Please do."],
        {BESIDE_TALK: 4},
    ),
]  # fmt: skip

REFUSED = [
    Refused("minutes.docx", build_document("Minutes", "We met at noon.", "Nothing was decided."),
            "is of no known format of conversations; its first line is 'Minutes'"),
    Refused("no-words.docx", build_document("Hana Sato started transcription", "Hana Sato   0:03", "Leo   0:05"),
            "read as Teams DOCX, but nobody says anything in it"),
    Refused("times-alone.docx", build_document("00:00:00", "It was raining.", "00:05:00", "It stopped."),
            "is of no known format of conversations; its first line is '00:00:00'"),
    Refused("blank.docx", build_document("", ""), "is of no known format of conversations; its first line is ''"),
]  # fmt: skip
