"""Transcripts in which a line names the speaker and the time, and the lines below are what is said: Otter's text
(`Anna  0:04`) and its likes (`Anna | 0:04`, `Anna (0:04):`, Zoom's `[Anna] 00:00:04`), and Teams' documents
(`Anna   0:04`, or in earlier ones a line of times above the name).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dialora.data.transcripts.clock import CLOCK, parse_clock
from dialora.data.transcripts.content import HEAD, Text
from dialora.data.transcripts.conversation import CONTINUED, Draft
from dialora.data.transcripts.cues import TIMING, split_timing
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import count_labelled

_NAME = r"^\s*(?P<name>\S(?:.{0,98}?[^\s|])?)"
_HEAD = re.compile(rf"{_NAME}[ \t\u00a0]+(?P<clock>{CLOCK})\s*$")
_APART = re.compile(
    rf"{_NAME}(?:(?:[ \u00a0]{{2,}}|\t|[ \u00a0]*\|[ \u00a0]*|(?<=\]) )(?P<clock>{CLOCK})|"
    rf"[ \t\u00a0]+[(\[](?P<enclosed>{CLOCK})[)\]]:?)\s*$"
)
"""With more than a space, as no prose has it, or a name in brackets before it."""
_ALONE = re.compile(rf"^\s*(?P<clock>{CLOCK})\s*$")
_FOOTER = re.compile(r"^\s*Transcribed by https?://otter\.ai\s*$", re.IGNORECASE)
_NOTICE = re.compile(r"^\s*\S.{0,99} (?:started|stopped) transcription\s*$")


class TimedNames(TranscriptFormat[Text]):
    """Lines of names and times, whether text or document."""

    content = Text
    merges = True

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        is_apart = _are_apart(content)
        is_named = is_apart or any(map(_HEAD.match, content.lines))
        awaited: float | None = None
        said = ""
        for paragraph in content.paragraphs:
            for at, line in enumerate(line for line in paragraph if line.strip()):
                may_begin = is_apart or at == 0
                head = (_APART if is_apart else _HEAD).match(line) if may_begin else None
                if awaited is not None:
                    draft.add(line, said := "", awaited)
                    awaited = None
                elif head:
                    draft.add(
                        _remove_brackets(head["name"]), said := "", parse_clock(head["clock"] or head["enclosed"])
                    )
                elif timing := split_timing(line):
                    awaited, rest = timing
                    if rest:
                        draft.leave_out("lines of the program itself", rest)
                elif not is_named and _ALONE.match(line):
                    draft.add(None, said := "", parse_clock(line))
                elif _FOOTER.match(line) or _NOTICE.match(line):
                    draft.leave_out("lines of the program itself", line)
                elif not draft.continue_last(line):
                    draft.leave_out("lines above the first turn", line)
                else:
                    # The first line is what is said; others, but for those of its paragraph, might be anything.
                    draft.remark(CONTINUED, bool(said) and at == 0)
                    said = line
        yield draft


def _remove_brackets(name: str) -> str:
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def _are_apart(content: Text) -> bool:
    """Whether names and times stand apart: where most have one space between them, more is by chance."""
    first = [next((line for line in paragraph if line.strip()), "") for paragraph in content.paragraphs]
    num_apart = sum(_APART.match(line) is not None for line in content.lines)
    return num_apart > 0 and num_apart >= sum(_HEAD.match(one) is not None and not _APART.match(one) for one in first)


def _outnumber(heads: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether there are lines of names and times, and more than lines that name a speaker in another way."""
    return bool(heads) and len(heads) > count_labelled([line for line in lines if line not in heads])


class Otter(TimedNames):
    """A text file."""

    name = "Otter TXT"

    def recognise(self, content: Text) -> Sureness:
        """Lines are a name, spaces and a time, more than begin with a name, or Otter's footer stands below times."""
        head = content.head
        if content.is_document:
            return Sureness.NO
        if any(map(_FOOTER.match, content.lines)):
            return Sureness.CERTAIN if any(_HEAD.match(line) or _ALONE.match(line) for line in head) else Sureness.NO
        return Sureness.LIKELY if _outnumber([line for line in head if _APART.match(line)], head) else Sureness.NO


class TeamsDocument(TimedNames):
    """A document; a paragraph is a whole turn, its first line the name and the time."""

    name = "Teams DOCX"

    def recognise(self, content: Text) -> Sureness:
        """Paragraphs of a document begin with a name and a time, or with times, more than with a name alone."""
        if not content.is_document:
            return Sureness.NO
        shown = ([line for line in paragraph if line.strip()] for paragraph in content.paragraphs)
        first = [lines for lines in shown if lines][:HEAD]
        head = [line for lines in first for line in lines]
        if _outnumber([line for line in head if _APART.match(line) or TIMING.match(line)], head):
            return Sureness.CERTAIN
        heads = [lines[0] for lines in first if len(lines) > 1 and _HEAD.match(lines[0])]
        return Sureness.LIKELY if _outnumber(heads, head) else Sureness.NO


__all__ = ["Otter", "TeamsDocument", "TimedNames"]
