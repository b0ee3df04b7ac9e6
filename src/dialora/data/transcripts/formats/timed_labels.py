"""Text whose turns are lines with times, before the speaker (`[0:27] Anna: hi`) or
behind (`Anna [0:27]: hi`, `Anna: [0:27] hi`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dialora.data.transcripts.clock import CLOCK, parse_clock
from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import CONTINUED, Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import find_labels

_TIMED = re.compile(
    rf"^\s*(?:[(\[](?P<enclosed>{CLOCK})(?:[.,]\d+)?(?:\s*-+>?\s*{CLOCK}(?:[.,]\d+)?)?[)\]]|"
    rf"(?P<clock>{CLOCK})(?:[.,]\d+)?)\s*[-–|]?\s+(?P<rest>\S.*)$"
)
_BEHIND = re.compile(
    rf"^\s*(?P<name>[^\[\](:：\s][^\[\](:：]{{0,60}}?)\s?:?\s?[(\[](?P<clock>{CLOCK})(?:[.,]\d+)?[)\]]"
    r"\s?:?\s+(?P<rest>\S.*)$"
)
"""The colon stands before the time or behind it."""


class TimedLabels(TranscriptFormat[Text]):
    """A line without a time goes on with the turn above."""

    name = "Text with times and names"
    content = Text
    merges = True
    without_speakers = "transcribe the recording with speakers (diarization)"

    def recognise(self, content: Text) -> Sureness:
        """Half of the first lines begin with a time, and some of these with a name behind it."""
        head = content.head
        timed = [found for line in head if (found := _find_time(line))]
        named = [one for one in find_labels([text for _, text in timed]) if one.speaker]
        return Sureness.LIKELY if 2 * len(timed) >= len(head) and 2 * len(named) >= len(timed) > 0 else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        lines = [line for line in content.lines if line.strip()]
        timed = [_find_time(line) for line in lines]
        labelled = find_labels([found[1] if found else "" for found in timed])
        for line, found, one in zip(lines, timed, labelled, strict=True):
            if found:
                draft.add(one.speaker, one.text, found[0])
            elif draft.continue_last(line):
                draft.remark(CONTINUED)
            else:
                draft.leave_out("lines above the first turn", line)
        yield draft


def _find_time(line: str) -> tuple[float | None, str] | None:
    """Return the seconds of a line and the line without its time; None where it has none."""
    if match := _TIMED.match(line):
        return parse_clock(match["enclosed"] or match["clock"]), match["rest"]
    if match := _BEHIND.match(line):
        return parse_clock(match["clock"]), f"{match['name']}: {match['rest']}"
    return None


__all__ = ["TimedLabels"]
