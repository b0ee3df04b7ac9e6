"""A line of another format that somebody wrote into a text changes neither the format nor the turns."""

from __future__ import annotations

import pytest

from tests.data.transcripts.support import build_document, read_one, show

TALK = [f"{name}: {said} {at}" for at in range(90) for name, said in (("Anna", "line"), ("Bob", "answer"))]
STRAY = {
    "Otter TXT": "Lunch (12:30)",
    "WhatsApp": "2024-05-01 10:00 - Carl: pasted",
    "Meet DOCX": "12:30:00",
    "Meet DOCX, a notice": "Transcription ended after 5",
    "SRT": "00:00:01,000 --> 00:00:02,000",
    "Teams VTT": "<v Carl>pasted</v>",
}
WORD_PROCESSOR = ("Otter TXT", "WhatsApp", "SRT")
LINES = "lines that begin no turn, read with the turn above"


@pytest.mark.parametrize("at", [1, 3, 60, 90, 179])
@pytest.mark.parametrize("kind", STRAY)
def test_labelled_text_stays_labelled_text(kind: str, at: int) -> None:
    lines = [*TALK[:at], STRAY[kind], *TALK[at:]]
    conversation = read_one("\n".join(lines))
    assert conversation.format == "SAMSum-like text"
    assert len(conversation.turns) == len(TALK)
    assert show(conversation)[at - 1] == f"{TALK[at - 1]} {STRAY[kind]}"
    assert conversation.remarks == {"lines that name nobody, read with the turn above": 1}


@pytest.mark.parametrize("kind", WORD_PROCESSOR)
def test_a_document_of_labelled_paragraphs_stays_one(kind: str) -> None:
    conversation = read_one(build_document(*TALK[:60], STRAY[kind], *TALK[60:]), name="a.docx")
    assert (conversation.format, len(conversation.turns)) == ("SAMSum-like text", len(TALK))


def test_tags_stay_tags() -> None:
    conversation = read_one("#Person1#: hi\nLunch  12:30\n#Person2#: yo")
    assert show(conversation) == ["#Person1#: hi Lunch 12:30", "#Person2#: yo"]


@pytest.mark.parametrize(
    ("text", "format_name", "turns"),
    [
        ("Chat with Bob\nexported\n3/14/22, 10:00 - Anna: x\n3/14/22, 10:01 - Bob: y", "WhatsApp", 2),
        ("Anna: cut off\n3/14/22, 10:00 - Anna: x\n3/14/22, 10:01 - Bob: y", "WhatsApp", 2),
        ("3/14/22, 10:00 - Anna: they said\nCarl: a\nDora: b\nCarl: c\nDora: d", "WhatsApp", 1),
        ("Anna  0:04\nCarl: so he says\nBob  0:09\nyes", "Otter TXT", 2),
        ("Weekly\nAttendees\nAnna, Bob\n00:00:00\nAnna: a\nBob: b\n00:05:00\nAnna: c", "Meet DOCX", 3),
    ],
)
def test_a_format_that_holds_lines_of_another_stays_its_own(text: str, format_name: str, turns: int) -> None:
    conversation = read_one(text)
    assert (conversation.format, len(conversation.turns)) == (format_name, turns)


def test_a_document_whose_names_have_one_space_behind_them_keeps_them_beside_a_stray_line() -> None:
    data = build_document("Anna 0:03\nhi", "Bob 0:05\nyo", "Anna 0:07\nLunch (12:30)\nok", "Bob 0:09\nyes")
    conversation = read_one(data, name="a.docx")
    assert conversation.format == "Teams DOCX"
    assert show(conversation) == ["Anna: hi", "Bob: yo", "Anna: Lunch (12:30) ok", "Bob: yes"]


@pytest.mark.parametrize(
    ("text", "format_name", "count"),
    [
        ("3/14/22, 10:00 - Anna: a\nb\n\nc\n3/14/22, 10:01 - Bob: d", "WhatsApp", 2),
        ("[0:01] Anna: a\nb\nc\n[0:02] Bob: d\n[0:03] Anna: e", "Text with times and names", 2),
        ("Anna  0:01\na\nb\n\nc\nBob  0:03\nd", "Otter TXT", 2),
    ],
)
def test_lines_that_go_on_with_a_turn_are_counted(text: str, format_name: str, count: int) -> None:
    conversation = read_one(text)
    assert (conversation.format, conversation.remarks) == (format_name, {LINES: count})
