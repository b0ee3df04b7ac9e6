"""SubRip subtitles: numbered cues that may begin with a name, or have it alone on their first line."""

from __future__ import annotations

from dialora.data.transcripts.content import Text
from dialora.data.transcripts.cues import TIMING, is_webvtt
from dialora.data.transcripts.formats.format import Sureness
from dialora.data.transcripts.formats.vtt import NamedCues
from dialora.data.transcripts.labels import count_labelled

_FIRST = 3
"""Lines among which the first times stand: a number may be above them, and a byte order mark's line."""


class SubRip(NamedCues):
    """Cues without a header."""

    name = "SRT"
    without_speakers = (
        "subtitles and Teams' plain text do not say who speaks; get the transcript with speakers, as Teams' .vtt or "
        ".docx, or transcribe the recording with diarization"
    )

    def recognise(self, content: Text) -> Sureness:
        """A line of times stands among the first, and nobody speaks above it."""
        head = content.head
        times = sum(TIMING.match(line) is not None for line in head)
        if is_webvtt(head) or content.is_document or not times:
            return Sureness.NO
        first = next(at for at, line in enumerate(head) if TIMING.match(line))
        return Sureness.LIKELY if first < _FIRST and not count_labelled(head[:first]) else Sureness.POSSIBLE


__all__ = ["SubRip"]
