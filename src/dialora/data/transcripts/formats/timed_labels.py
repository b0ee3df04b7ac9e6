"""Text in which every turn is a line that begins with its time and its speaker: `[0:27] Anna: hi`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dialora.data.transcripts.clock import CLOCK, parse_clock
from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import find_labels

_TIMED = re.compile(
    rf"^\s*(?:[(\[](?P<enclosed>{CLOCK})(?:[.,]\d+)?(?:\s*-+>?\s*{CLOCK}(?:[.,]\d+)?)?[)\]]|"
    rf"(?P<clock>{CLOCK})(?:[.,]\d+)?)\s*[-–|]?\s+(?P<rest>\S.*)$"
)


class TimedLabels(TranscriptFormat[Text]):
    """A line without a time goes on with the turn above."""

    name = "Text with times and names"
    content = Text
    merges = True
    without_speakers = "transcribe the recording with speakers (diarization)"

    def recognise(self, content: Text) -> Sureness:
        """Half of the first lines begin with a time, and some of these with a name behind it."""
        head = content.head
        timed = [match for line in head if (match := _TIMED.match(line))]
        named = [one for one in find_labels([match["rest"] for match in timed]) if one.speaker]
        return Sureness.LIKELY if 2 * len(timed) >= len(head) and 2 * len(named) >= len(timed) > 0 else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        lines = [line for line in content.lines if line.strip()]
        matches: Sequence[re.Match[str] | None] = [_TIMED.match(line) for line in lines]
        labelled = find_labels([match["rest"] if match else "" for match in matches])
        for line, match, one in zip(lines, matches, labelled, strict=True):
            if match:
                draft.add(one.speaker, one.text, parse_clock(match["enclosed"] or match["clock"]))
            elif not draft.continue_last(line):
                draft.leave_out("lines above the first turn", line)
        yield draft


__all__ = ["TimedLabels"]
