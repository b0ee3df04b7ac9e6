"""Transcripts of meetings: WebVTT of Zoom, Teams and others, SRT, documents of Teams and Meet, Otter's text."""

from __future__ import annotations

import pytest

from dialora.errors import DataError
from tests.data.transcripts.support import build_document, build_zip, read, read_one, show

TALK = ["Anna Berg: Good morning, all.", "Bob: Hi: so."]
GUID = "8d5c5f5e-1f2a-4444-8888-abcdefabcdef"


def cue(number: object, second: int, text: str) -> str:
    return f"{number}\n00:00:{second:02}.000 --> 00:00:{second + 1:02}.000\n{text}\n\n"


ZOOM = "WEBVTT\n\n" + cue(1, 1, "Anna Berg: Good morning,") + cue(2, 2, "Anna Berg: all.") + cue(3, 5, "Bob: Hi: so.")


@pytest.mark.parametrize(
    ("text", "format_name", "turns", "merged"),
    [
        pytest.param(ZOOM, "Zoom VTT", TALK, 1, id="Zoom"),
        pytest.param("\ufeff" + ZOOM.replace("\n", "\r\n"), "Zoom VTT", TALK, 1, id="Zoom, byte order mark and CRLF"),
        pytest.param(ZOOM.replace("\n", "\r"), "Zoom VTT", TALK, 1, id="Zoom, CR alone"),
        pytest.param(
            f"WEBVTT\n\n{GUID}/1-0\n00:00:03.000 --> 00:00:04.000\n<v Anna Berg>Good morning,</v>\n\n"
            f"{GUID}/1-1\n00:00:04.000 --> 00:00:05.000\n<v Anna Berg>all.\n\n{GUID}/2-0\n00:00:05.000 --> "
            "00:00:06.000\n<v Bob>Hi: so.</v>",
            "Teams VTT",
            TALK,
            1,
            id="Teams, a voice that is not closed",
        ),
        pytest.param(
            "WEBVTT\n\n00:03.000 --> 00:04.000\n<v.loud Anna Berg>Good morning, <i>all</i>.</v> <v Bob>Hi: so.",
            "Teams VTT",
            TALK,
            0,
            id="two voices in a cue, no hours, no identifier",
        ),
        pytest.param(
            "WEBVTT - Talk\nKind: captions\nLanguage: en\n\nNOTE\nAnna: a comment\n\nSTYLE\n::cue { color: red }\n\n"
            "intro\n00:01.000 --> 00:02.000 align:start\nAnna Berg: <c.x>Good</c> morning,\nall.\n\n"
            "00:03.000 --> 00:04.000\nBob: Hi: so.",
            "WebVTT",
            TALK,
            0,
            id="any WebVTT, with comments, styles and lines",
        ),
        pytest.param(
            "WEBVTT\n00:01.000 --> 00:02.000\nAnna Berg: Good morning,\n00:02.000 --> 00:03.000\nall.\n"
            "00:03.000 --> 00:04.000\nBob: Hi: so.",
            "WebVTT",
            TALK,
            1,
            id="no blank lines",
        ),
        pytest.param(
            "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nAnna Berg: Good morning,\n\nall.\n\n2\n00:00:03.000 --> "
            "00:00:04.000\nBob: Hi&#58; so.",
            "Zoom VTT",
            TALK,
            0,
            id="a blank line within a cue",
        ),
        pytest.param(
            "1\n00:00:01,000 --> 00:00:02,000\nAnna Berg: Good morning, all.\n\n2\n00:00:03,000 --> 00:00:04,000\n"
            "Bob: <font color='red'>Hi: so.</font>\n",
            "SRT",
            TALK,
            0,
            id="SRT",
        ),
        pytest.param(
            "1\n00:00:01,000 --> 00:00:02,000\nAnna Berg:\nGood morning, all.\n\n2\n00:00:03,000 --> "
            "00:00:04,000\n\n3\n"
            "00:00:04,000 --> 00:00:05,000\nBob:\nHi: so.",
            "SRT",
            TALK,
            0,
            id="SRT, names alone on a line, an empty cue",
        ),
        pytest.param(
            "1\n00:00:01,000 --> 00:00:02,000\n[SPEAKER_00]: Well\n\n2\n00:00:03,000 --> 00:00:04,000\nhere is a "
            "thing: "
            "one\n\n3\n00:00:04,000 --> 00:00:05,000\n(speaker 1) Hi",
            "SRT",
            ["SPEAKER_00: Well here is a thing: one", "speaker 1: Hi"],
            1,
            id="SRT, generic speakers, prose with a colon",
        ),
        pytest.param(
            "Anna Berg  0:04 \nGood morning,\nall.\n\nAnna Berg  0:09\nat 10:30\n\nUnknown Speaker  1:00:03\nHi: "
            "so.\n\n"
            "Transcribed by https://otter.ai\n",
            "Otter TXT",
            ["Anna Berg: Good morning, all. at 10:30", "Unknown Speaker: Hi: so."],
            1,
            id="Otter",
        ),
        pytest.param(
            "Weekly\nTue, Jan 5, 2021 10:00AM\nSUMMARY KEYWORDS\nplan, budget\n\nAnna Berg\t00:04\nGood morning, all."
            "\n\nBob\t00:10\nHi: so.",
            "Otter TXT",
            TALK,
            0,
            id="Otter, lines above the talk, tabs",
        ),
        pytest.param(
            "Anna started transcription\n\nBerg, Anna | 00:04\n\nGood morning,\n\nall.\n\nBob | 01:00:10\nHi: so.\n\n"
            "Anna stopped transcription",
            "Otter TXT",
            ["Berg, Anna: Good morning, all.", "Bob: Hi: so."],
            0,
            id="names and times beside a bar",
        ),
        pytest.param(
            "Anna Berg (00:04):\nGood morning, all.\n\nBob (00:10):\nHi: so.\n",
            "Otter TXT",
            TALK,
            0,
            id="times in brackets",
        ),
        pytest.param(
            "[0:27] Berg, Anna: Good morning,\nall.\n[0:30] bob: Hi: so.\n[1:00:16] bob: yes",
            "Text with times and names",
            ["Berg, Anna: Good morning, all.", "bob: Hi: so. yes"],
            1,
            id="a time before each name",
        ),
        pytest.param(
            "Anna Berg [00:00:01]: Good morning, all.\nBob (0:07) Hi: so.",
            "Text with times and names",
            TALK,
            0,
            id="a time behind each name",
        ),
        pytest.param(
            "Talk – Transcript\nAttendees\nAnna Berg, Bob\nAnna Berg: Good morning, all.\nBob: Hi: so.\n\n"
            "This editable transcript was computer generated and might contain errors.",
            "Meet DOCX",
            TALK,
            0,
            id="Meet, without times",
        ),
        pytest.param(
            "1\n00:00:01,000 --> 00:00:02,000\n>> ANNA: Well\n\n2\n00:00:03,000 --> 00:00:04,000\n>> Who is it?\n\n3\n"
            "00:00:04,000 --> 00:00:05,000\nI ask.\n",
            "SRT",
            ["ANNA: Well", "Unknown: Who is it? I ask."],
            1,
            id="SRT, another speaker without a name",
        ),
        pytest.param(
            "00:00:01.250 Anna Berg: Good morning, all.\n00:00:07 - Bob: Hi: so.",
            "Text with times and names",
            TALK,
            0,
            id="a time without brackets before each name",
        ),
        pytest.param(
            "Notes\nSummary: they talk\n\n00:00:00\n\nAnna Berg: Good morning, all.\nBob: Hi: so.\n\n"
            "Transcription ended "
            "after 00:26:31\n\nThis editable transcript was computer generated.",
            "Meet DOCX",
            TALK,
            0,
            id="Meet, saved as text",
        ),
    ],
)
def test_captions(text: str, format_name: str, turns: list[str], merged: int) -> None:
    conversation = read_one(text, name="meeting.txt")
    assert conversation.format == format_name
    assert show(conversation) == turns
    assert conversation.num_merged == merged


def test_a_teams_document_has_a_turn_in_a_paragraph() -> None:
    data = build_document(
        "Weekly-20260615-Meeting Transcript\n15 June 2026, 03:35am\n27m 42s",
        "Nick started transcription",
        "\nAnna Berg   0:03\nGood morning,\nall. See you at 10:30",
        "",
        "Anna Berg   0:09\nMore",
        "O'Neil, Bob (Guest)   1:00:03\nHi: so.",
        "Nick stopped transcription",
    )
    conversation = read_one(data, name="meeting.docx")
    assert conversation.format == "Teams DOCX"
    assert show(conversation) == [
        "Anna Berg: Good morning, all. See you at 10:30 More",
        "O'Neil, Bob (Guest): Hi: so.",
    ]
    assert [turn.start for turn in conversation.turns] == [3, 3603]
    assert (conversation.num_merged, conversation.left_out) == (
        1,
        {"lines above the first turn": 3, "lines of the program itself": 2},
    )


def test_an_early_teams_document_has_times_above_the_name() -> None:
    data = build_document("0:0:0.0 --> 0:0:4.490\nBerg, Anna\nHello & all.", "0:0:5.0 --> 0:0:6.1\nBob\nHi.")
    assert show(read_one(data)) == ["Berg, Anna: Hello & all.", "Bob: Hi."]


def test_of_a_meet_document_only_the_talk_is_read() -> None:
    data = build_document(
        "📝 Notes",
        "Invited Anna Berg Bob",
        "Next steps: Anna will write. (00:12:04)",
        "📖 Transcript",
        "00:00:00",
        "",
        "Anna Berg: Good morning,\nall.",
        "Bob: Hi: so.",
        "00:05:00",
        "Bob: More.",
        "Transcription ended after 00:26:31",
        "Details: this is no talk",
    )
    conversation = read_one(data)
    assert conversation.format == "Meet DOCX"
    assert show(conversation) == ["Anna Berg: Good morning, all.", "Bob: Hi: so. More."]
    assert conversation.left_out == {"lines that are no part of the talk": 6}


def test_a_document_of_labelled_paragraphs_is_a_dialogue() -> None:
    assert show(read_one(build_document("Anna: hi", "Bob: yo"), name="a.txt")) == ["Anna: hi", "Bob: yo"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n>> hello there\n", "captions of a recording"),
        ("1\n00:00:01,000 --> 00:00:02,000\nhello there\n", "Teams' .vtt or .docx"),
        ("0:15  \nIt was bad.\n\n0:21\nYes.\n\nTranscribed by https://otter.ai\n", "name the speakers"),
        ("00:00:01.000 --> 00:00:02.000\nhello there\n\n00:00:03.000 --> 00:00:04.000\nyes\n", "Teams' plain text"),
    ],
)
def test_captions_that_name_nobody_are_refused(text: str, advice: str) -> None:
    with pytest.raises(DataError, match=f"nobody is named in it.*{advice}"):
        read(text)


def test_what_belongs_to_no_cue_is_counted() -> None:
    conversation = read_one("made by hand\n\n1\n00:00:01,000 --> 00:00:02,000\nAnna: hi\n", name="a.srt")
    assert conversation.left_out == {"lines outside of cues": 1}
    assert conversation.notes == ("left out: lines outside of cues: 1.",)


def test_a_document_that_declares_entities_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    with pytest.raises(DataError, match="declares entities"):
        read(build_document("Anna: hi", before=bomb))
    with pytest.raises(DataError, match="is no whole document"):
        read(build_zip({"word/document.xml": "<w:document"}))
