"""Transcripts in which a line names the speaker and the time, and the lines below are what is said: Otter's text
(`Anna  0:04`) and Teams' documents (`Anna   0:04`, or in earlier ones a line of times above the name).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dialora.data.transcripts.clock import CLOCK, parse_clock
from dialora.data.transcripts.content import HEAD, Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.cues import TIMING, read_start
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat

_HEAD = re.compile(rf"^\s*(?P<name>\S(?:.{{0,98}}?\S)?)[ \t\u00a0]+\(?(?P<clock>{CLOCK})\)?\s*$")
_APART = re.compile(rf"^\s*\S.{{0,98}}?(?:[ \u00a0]{{2,}}|\t)\(?{CLOCK}\)?\s*$")
"""With more than one space, as no prose has it."""
_FOOTER = re.compile(r"^\s*Transcribed by https?://otter\.ai\s*$", re.IGNORECASE)
_NOTICE = re.compile(r"^.{1,100} (?:started|stopped) transcription$")


class Otter(TranscriptFormat[Text]):
    """A text file; what stands above the first name and Otter's footer are no turns."""

    name = "Otter TXT"
    content = Text
    merges = True

    def recognise(self, content: Text) -> Sureness:
        """Lines are a name, spaces and a time."""
        head = content.head
        if content.is_document or not any(map(_HEAD.match, head)):
            return Sureness.NO
        if any(map(_FOOTER.match, content.lines)):
            return Sureness.CERTAIN
        return Sureness.LIKELY if any(map(_APART.match, head)) else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        lines = content.lines
        is_apart = any(map(_APART.match, lines))
        for line in lines:
            if head := _find_head(line, is_apart=is_apart):
                draft.add(head["name"], "", parse_clock(head["clock"]))
            elif _FOOTER.match(line):
                draft.leave_out("lines of Otter itself", line)
            elif line.strip() and not draft.continue_last(line):
                draft.leave_out("lines above the first turn", line)
        yield draft


class TeamsDocument(TranscriptFormat[Text]):
    """A paragraph is a whole turn: its first line has the name and the time, its others what is said."""

    name = "Teams DOCX"
    content = Text
    merges = True

    def recognise(self, content: Text) -> Sureness:
        """Paragraphs of a document begin with a name and a time, or with times."""
        if not content.is_document:
            return Sureness.NO
        first = [lines for lines in map(_shown, content.paragraphs) if lines][:HEAD]
        if any(_APART.match(lines[0]) or TIMING.match(lines[0]) for lines in first):
            return Sureness.CERTAIN
        return Sureness.LIKELY if any(len(lines) > 1 and _HEAD.match(lines[0]) for lines in first) else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        is_apart = any(map(_APART.match, content.lines))
        for lines in map(_shown, content.paragraphs):
            if lines and (head := _find_head(lines[0], is_apart=is_apart)):
                draft.add(head["name"], "\n".join(lines[1:]), parse_clock(head["clock"]))
            elif lines and TIMING.match(lines[0]):
                draft.add((lines[1:2] or [""])[0] or None, "\n".join(lines[2:]), read_start(lines[0]))
            elif lines and (_NOTICE.match(lines[0]) or not draft.continue_last("\n".join(lines))):
                draft.leave_out("lines of Teams itself", lines[0])
        yield draft


def _find_head(line: str, *, is_apart: bool) -> re.Match[str] | None:
    """Return the match of a line that names a speaker and a time; where spaces set any apart, they do all."""
    return _HEAD.match(line) if not is_apart or _APART.match(line) else None


def _shown(paragraph: Sequence[str]) -> list[str]:
    return [line for line in paragraph if line.strip()]


__all__ = ["Otter", "TeamsDocument"]
