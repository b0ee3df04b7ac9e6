"""Google Meet's transcripts, as a document or as text: a line with a time, then paragraphs `Anna: hi`.

Notes that a program wrote may stand in the same document, with colons of their own: what counts is below a time alone,
up to the first paragraph without a name. Documents without any times are told by what Meet writes below the talk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dialora.data.transcripts.clock import parse_clock
from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import find_label

_TIME = re.compile(r"^[\s#*_]*\(?(\d{1,2}:\d{2}:\d{2})\)?[\s*_]*$")
_NOTICE = re.compile(
    r"^[\s#*_]*(?:Transcription ended after \d|This editable transcript was computer generated|"
    r"People can also change the text)"
)


class GoogleMeet(TranscriptFormat[Text]):
    """Times stand every few minutes, so several people may speak below one."""

    name = "Meet DOCX"
    content = Text
    merges = True

    def recognise(self, content: Text) -> Sureness:
        """Below a line with a time alone there is a name, or below all names a notice."""
        lines = [line for line in content.lines if line.strip()]
        times = [at for at, line in enumerate(lines) if _TIME.match(line)]
        notices = [at for at, line in enumerate(lines) if _NOTICE.match(line)]
        speakers = [find_label(line).speaker for line in lines]
        if notices and any(speakers) and (content.is_document or not any(speakers[notices[-1] :])):
            return Sureness.CERTAIN
        if not any(any(speakers[at + 1 : at + 2]) for at in times):
            return Sureness.NO
        if content.is_document:
            return Sureness.CERTAIN
        # In other text one of those who speak may have written a time.
        below = set(speakers[times[0] :]) - {None}
        return Sureness.LIKELY if sum(one in below for one in speakers[: times[0]]) < len(times) else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft = Draft(name)
        start: float | None = None
        has_times = any(map(_TIME.match, content.lines))
        inside = not has_times
        for paragraph in content.paragraphs:
            for at, line in enumerate(paragraph):
                time, labelled = _TIME.match(line), find_label(line)
                if time:
                    start, inside = parse_clock(time[1]), True
                elif inside and labelled.speaker:
                    draft.add(labelled.speaker, labelled.text, start)
                elif inside and at and not _NOTICE.match(line) and draft.continue_last(line):
                    continue
                elif line.strip():
                    inside = not has_times
                    draft.leave_out("lines that are no part of the talk", line)
        yield draft


__all__ = ["GoogleMeet"]
