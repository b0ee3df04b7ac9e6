"""SubRip subtitles that name speakers, in the ways that programs and people write them."""

from __future__ import annotations

from tests.data.transcripts.files.file import File, Refused

NAME = "SRT"
BESIDE = "without a speaker, so given the one of what stands beside it"


def cues(*texts: str, first: int = 1, sign: str = ",") -> str:
    return "\n".join(
        f"{number}\n00:00:{2 * number:02}{sign}120 --> 00:00:{2 * number + 1:02}{sign}980\n{text}\n"
        for number, text in enumerate(texts, start=first)
    )


FILES = [
    File(
        "interview.srt",
        cues("Mina: When did you arrive?", "Paul Ek: On Monday,", "Paul Ek: by train.", "Mina: At 10:30?"),
        NAME,
        ["Mina: When did you arrive?", "Paul Ek: On Monday, by train.", "Mina: At 10:30?"],
        num_merged=1,
    ),
    File(
        "windows.txt",
        cues("Mina: First question.", "Paul Ek: Please.", "Mina: Why here?"),
        NAME,
        ["Mina: First question.", "Paul Ek: Please.", "Mina: Why here?"],
        encoding="utf-8-sig", has_crlf=True,
    ),
    File(
        "alone.srt",
        cues("Mina:\nIs that yours?", "Paul Ek:\nIt was.\nNot now.", "Mina:\nAh."),
        NAME,
        ["Mina: Is that yours?", "Paul Ek: It was. Not now.", "Mina: Ah."],
    ),
    File(
        "two-in-a-cue.srt",
        cues("- Mina: Ready?\n- Paul: Almost.", "- Paul: Now.\n- Mina: Go!"),
        NAME,
        ["Mina: Ready?", "Paul: Almost. Now.", "Mina: Go!"],
        num_merged=1,
    ),
    File(
        "whisper-diarized.srt",
        cues("[SPEAKER_00]: Hello, this is", "the front desk.", "[SPEAKER_01]: Hi: a room, please.",
            "(speaker 2) And me!"),
        NAME,
        ["SPEAKER_00: Hello, this is the front desk.", "SPEAKER_01: Hi: a room, please.", "speaker 2: And me!"],
        {}, {BESIDE: 1}, 1,
    ),
    File(
        "sdh.srt",
        cues(">> ANCHOR: We go live to Oslo.", "It is snowing there.", ">> Who is that?", ">> REPORTER: Good evening!"),
        NAME,
        ["ANCHOR: We go live to Oslo. It is snowing there.", "Unknown: Who is that?", "REPORTER: Good evening!"],
        {}, {BESIDE: 1}, 1,
    ),
    File(
        "styled.vtt",
        cues("<i>Mina:</i> Did you <b>hear</b> it?", '<font color="#ff0000">Paul: I did.</font>',
            r"{\an8}Mina: Twice."),
        NAME,
        ["Mina: Did you hear it?", "Paul: I did.", "Mina: Twice."],
    ),
    File(
        "dots-and-gaps.srt",
        cues("Мина: Кто там?", "", "Павел: Почта.", sign=".") + "\n\n\n" + cues("Мина: Вниз, пожалуйста.", first=7),
        NAME,
        ["Мина: Кто там?", "Павел: Почта.", "Мина: Вниз, пожалуйста."],
        {"no words": 1, "identifiers of cues": 1}, {BESIDE: 1},
    ),
    File(
        "wide.json",
        cues("美娜：你几点到的？", "保罗：十点半，\n坐火车。", "美娜：好：走吧。"),
        NAME,
        ["美娜: 你几点到的？", "保罗: 十点半， 坐火车。", "美娜: 好：走吧。"],
        encoding="utf-16",
    ),
    File(
        "no-numbers.srt",
        "00:00:01,000 --> 00:00:02,000\nMina: Any news?\n\n00:00:03,000 --> 00:00:04,000\nPaul: None: none at all.\n",
        NAME,
        ["Mina: Any news?", "Paul: None: none at all."],
    ),
    File(
        "numbered-people.srt",
        cues("MAN #1: Halt!", "WOMAN: Why?", "MAN #2: Rule #1: no noise."),
        NAME,
        ["MAN #1: Halt!", "WOMAN: Why?", "MAN #2: Rule #1: no noise."],
    ),
    File(
        "position.srt",
        "1\n00:00:01,000 --> 00:00:02,000 X1:40 X2:600 Y1:20 Y2:50\nMina: Left?\n\n"
        "2\n00:00:03,000 --> 00:00:04,000 align:middle\nPaul: Right.\n",
        NAME,
        ["Mina: Left?", "Paul: Right."],
    ),
    File(
        "years.srt",
        cues("Mina: When was it?", "Paul:\n1984", "Mina: And the other?", "Paul: Note: in\n2001"),
        NAME,
        ["Mina: When was it?", "Paul: 1984", "Mina: And the other?", "Paul: Note: in 2001"],
    ),
]  # fmt: skip

REFUSED = [
    Refused("film.srt", cues("When did you arrive?", "On Monday."),
            "read as SRT, and nobody is named in it; .*subtitles and Teams' plain text do not say who speaks"),
    Refused("silence.srt", cues("", " "), "read as SRT, but nobody says anything in it; its first line is '1'"),
    Refused("graph.vtt", "00:00:01.000 --> 00:00:02.000\nhello there\n\n00:00:03.000 --> 00:00:04.000\nyes\n",
            r"nobody is named in it; .*get the transcript with speakers, as Teams' \.vtt"),
]  # fmt: skip
