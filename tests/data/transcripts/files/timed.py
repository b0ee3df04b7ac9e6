"""Text with times: Otter's and its likes, with name and time above what is said, and lines that begin with both."""

from __future__ import annotations

from tests.data.transcripts.files.file import File, Refused

OTTER, LINES = "Otter TXT", "Text with times and names"
ABOVE, PROGRAM = "lines above the first turn", "lines of the program itself"
CONTINUED = "lines that begin no turn, read with the turn above"

FILES = [
    File(
        "Interview_otter_ai.txt",
        """\
Gwen Hart  0:00
So, tell me: how did it start?

Unknown Speaker  0:04
With a bicycle.

Unknown Speaker  0:09
A red one.

Gwen Hart  1:02:15
And at 10:30 you were home?

Transcribed by https://otter.ai
""",
        OTTER,
        ["Gwen Hart: So, tell me: how did it start?", "Unknown Speaker: With a bicycle. A red one.",
         "Gwen Hart: And at 10:30 you were home?"],
        {PROGRAM: 1}, num_merged=1,
    ),
    File(
        "otter-header.md",
        """\
Board call
Sat, Mar 9, 2024 5:00PM • 31:07
SUMMARY KEYWORDS
budget, hiring
SPEAKERS
Gwen Hart, Speaker 1

Gwen Hart  00:00
Is everybody here?

Speaker 1  00:04
Everybody but Tim.
""",
        OTTER,
        ["Gwen Hart: Is everybody here?", "Speaker 1: Everybody but Tim."],
        {ABOVE: 6}, has_crlf=True, encoding="utf-8-sig",
    ),
    File(
        "tabs.text",
        "Zoë van Dijk\t0:03\nGoedemorgen.\n\nRené\t0:07\nHoi.\n\nZoë van Dijk\t0:09\nBegin maar: punt één.\n",
        OTTER,
        ["Zoë van Dijk: Goedemorgen.", "René: Hoi.", "Zoë van Dijk: Begin maar: punt één."],
    ),
    File(
        "bars.txt",
        "Hart, Gwen | 00:04\nLunch?\n\nTim Li | 00:06\nYes.\nAt one.\n\nHart, Gwen | 01:00:10\nFine.\n",
        OTTER,
        ["Hart, Gwen: Lunch?", "Tim Li: Yes. At one.", "Hart, Gwen: Fine."],
        {}, {CONTINUED: 1},
    ),
    File(
        "brackets.vtt",
        "Interviewer (00:00):\nWhere did you train?\n\nDr. Adeyemi (00:03):\nIn Lagos, then in Leeds.\n\n"
        "Interviewer (00:09):\nAnd after that?\n",
        OTTER,
        ["Interviewer: Where did you train?", "Dr. Adeyemi: In Lagos, then in Leeds.", "Interviewer: And after that?"],
    ),
    File(
        "копия.txt",
        "Анна Берг  0:02\nПоехали?\n\n王伟  0:05\n好，走吧。\n\nАнна Берг  0:08\nДорога: два часа.\n",
        OTTER,
        ["Анна Берг: Поехали?", "王伟: 好，走吧。", "Анна Берг: Дорога: два часа."],
        encoding="utf-16",
    ),
    File(
        "teams-copied.txt",
        "Hana started transcription\n\nHana Sato   0:03\nCan you see it?\n\nLeo Brandt   0:06\nNow I can.\n\n"
        "Hana stopped transcription\n",
        OTTER,
        ["Hana Sato: Can you see it?", "Leo Brandt: Now I can."],
        {PROGRAM: 2},
    ),
    File(
        "lines.txt",
        "[0:27] Gwen Hart: Are we live?\n[0:30] Tim Li: We are.\n"
        "[1:00:16] Tim Li: Still are.\n[1:00:20] Gwen Hart: Good.\n",
        LINES,
        ["Gwen Hart: Are we live?", "Tim Li: We are. Still are.", "Gwen Hart: Good."],
        num_merged=1,
    ),
    File(
        "ranges.log",
        "[00:00:01.250 - 00:00:03.900] SPEAKER_00: Next caller, please.\n"
        "[00:00:04.100 --> 00:00:06.000] SPEAKER_01: Hello, it's: me.\n",
        LINES,
        ["SPEAKER_00: Next caller, please.", "SPEAKER_01: Hello, it's: me."],
        has_crlf=True,
    ),
    File(
        "behind.txt",
        "Gwen Hart [00:00:01]: Who won?\nTim Li (0:07): Nobody yet.\nIt is 10:30.\nGwen Hart [00:01:10]: Still?\n",
        LINES,
        ["Gwen Hart: Who won?", "Tim Li: Nobody yet. It is 10:30.", "Gwen Hart: Still?"],
        {}, {CONTINUED: 1},
    ),
    File(
        "dashes.srt",
        "Radio log, 9 March\n00:00:01 - Studio: Cue the song.\n00:00:07 - Booth: Cued.\n00:01:12 – Studio: And: go.\n",
        LINES,
        ["Studio: Cue the song.", "Booth: Cued.", "Studio: And: go."],
        {ABOVE: 1},
    ),
    File(
        "zoom-saved.txt",
        "[Gwen Hart] 17:02:11\nDoes the door lock?\n\n[Tim Li] 17:02:40\nIt does.\n\n[Gwen Hart] 17:03:02\nTry it.\n",
        OTTER,
        ["Gwen Hart: Does the door lock?", "Tim Li: It does.", "Gwen Hart: Try it."],
    ),
    File(
        "colon-first.txt",
        "Gwen Hart: [00:00:01] Does it lock?\n\nTim Li: [00:00:05] It does: twice.\n\nGwen Hart: [00:00:09] Good.\n",
        LINES,
        ["Gwen Hart: Does it lock?", "Tim Li: It does: twice.", "Gwen Hart: Good."],
    ),
    File(
        "round.json",
        "(0:01) مريم: هل وصلت؟\n(0:04) علي: نعم\n(0:05) علي: قبل ساعة\n",
        LINES,
        ["مريم: هل وصلت؟", "علي: نعم قبل ساعة"],
        num_merged=1, encoding="utf-8-sig",
    ),
]  # fmt: skip

REFUSED = [
    Refused("no-names.txt", "0:15\nIt was bad.\n\n0:21\nYes.\n\nTranscribed by https://otter.ai\n",
            "read as Otter TXT, and nobody is named in it; without speakers it is no conversation"),
    Refused("no-words.txt", "Gwen Hart  0:00\n\nTim Li  0:04\n\nTranscribed by https://otter.ai\n",
            "read as Otter TXT, but nobody says anything in it; the first line that is none is 'Transcribed by"),
    Refused("graph.txt", "Good morning, all.\nMorning. Shall we begin?\nYes.\n",
            "is of no known format of conversations; .*'Good morning, all.'.*Teams' plain text has lost them"),
    Refused("times-only.txt", "[0:27] are we live\n[0:30] we are\n[0:33] still are\n",
            r"is of no known format of conversations; its first line is '\[0:27\] are we live'"),
]  # fmt: skip
