"""Google Meet's transcripts, as a document or as text: a line with a time, then paragraphs `Anna: hi`.

Notes that a program wrote may stand in the same document, with colons of their own: what counts is below a time alone,
up to the first paragraph without a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from dialora.data.transcripts.clock import parse_clock
from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import find_label

_TIME = re.compile(r"^[\s#*_]*\(?(\d{1,2}:\d{2}:\d{2})\)?[\s*_]*$")


class GoogleMeet(TranscriptFormat[Text]):
    """Times stand every few minutes, so several people may speak below one."""

    name = "Meet DOCX"
    content = Text
    merges = True

    def recognise(self, content: Text) -> Sureness:
        """Below a line with a time alone there is a name."""
        lines = [line for line in content.lines if line.strip()]
        found = any(_TIME.match(time) and find_label(line).speaker for time, line in pairwise(lines))
        return (Sureness.CERTAIN if content.is_document else Sureness.LIKELY) if found else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        start: float | None = None
        inside = False
        for paragraph in content.paragraphs:
            for at, line in enumerate(paragraph):
                time, labelled = _TIME.match(line), find_label(line)
                if time:
                    start, inside = parse_clock(time[1]), True
                elif inside and labelled.speaker:
                    draft.add(labelled.speaker, labelled.text, start)
                elif inside and at and draft.continue_last(line):
                    continue
                elif line.strip():
                    inside = False
                    draft.leave_out("lines that are no part of the talk", line)
        yield draft


__all__ = ["GoogleMeet"]
