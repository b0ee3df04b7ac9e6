"""WebVTT: of Teams, with voices (`<v Anna>hi</v>`); of Zoom, with names (`Anna: hi`); and of anybody else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import UNKNOWN, Draft, fold
from dialora.data.transcripts.cues import Cue, Subtitles, is_webvtt, read_cues, remove_markup
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import Labelled, find_cue_labels, find_labels

_VOICE = re.compile(r"<v(?:\.[^<>\s]*)?[ \t]([^<>]*)>", re.IGNORECASE)
_SPAN = re.compile(rf"{_VOICE.pattern}|</v ?>", re.IGNORECASE)
_CHANGE = re.compile(r"^\s*-?\s*>>")


class TeamsVtt(TranscriptFormat[Text]):
    """A cue may hold several voices, and a voice may never be closed."""

    name = "Teams VTT"
    content = Text
    merges = True
    without_speakers = "download the transcript of somebody who may see who speaks, or the .docx"

    def recognise(self, content: Text) -> Sureness:
        """It has voices."""
        head = content.head
        return Sureness.CERTAIN if is_webvtt(head) and any(map(_VOICE.search, head)) else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft, found = Draft(name), read_cues(content.lines)
        for cue in found.cues:
            spans = list(_split_voices("\n".join(cue.lines)))
            for speaker, text in spans or [(None, "")]:
                draft.add(speaker, text, cue.start)
        leave_out_lines(draft, found)
        yield draft


class NamedCues(TranscriptFormat[Text]):
    """Cues that begin with the speaker's name, or have it alone on a line."""

    content = Text
    merges = True

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one conversation."""
        draft, found = Draft(name), read_cues(content.lines)
        found_labels = _find_labels(found.cues)
        if any(one.speaker for one in found_labels):
            # Captions written by hand mark that another speaks, and may not say who.
            found_labels = [
                Labelled(UNKNOWN, _CHANGE.sub("", one.text)) if one.speaker is None and _CHANGE.match(one.text) else one
                for one in found_labels
            ]
        labelled = iter(found_labels)
        for cue in found.cues:
            begun = False
            for line in cue.lines:
                one = next(labelled)
                if cue.speaker:
                    one = Labelled(None if begun else cue.speaker, clean_line(line))
                if one.speaker or not begun:
                    draft.add(one.speaker, one.text, cue.start)
                    begun = True
                else:
                    draft.continue_last(one.text)
            if not cue.lines:
                draft.add(cue.speaker, "", cue.start)
        leave_out_lines(draft, found)
        yield draft


class ZoomVtt(NamedCues):
    """Cues are numbered and begin with a name."""

    name = "Zoom VTT"
    without_speakers = "names appear in Zoom's transcript (.transcript.vtt), not in its captions (.cc.vtt)"

    def recognise(self, content: Text) -> Sureness:
        """It is WebVTT with numbers for identifiers and names before the text."""
        head = content.head
        if not is_webvtt(head) or any(map(_VOICE.search, head)):
            return Sureness.NO
        cues = read_cues(content.lines[: 4 * len(head)]).cues
        numbered = sum(cue.identifier.isdigit() for cue in cues)
        is_zoom = numbered * 2 > len(cues) and _count_names(cues) * 2 > len(cues)
        return Sureness.CERTAIN if is_zoom else Sureness.NO


class PlainVtt(NamedCues):
    """Any other WebVTT."""

    name = "WebVTT"
    without_speakers = "captions of a recording do not say who speaks; transcribe it with speakers (diarization)"

    def recognise(self, content: Text) -> Sureness:
        """It begins as WebVTT does."""
        return Sureness.LIKELY if is_webvtt(content.head) else Sureness.NO


def clean_line(line: str) -> str:
    """Return a cue's line as it is shown, with the name of a voice before it."""
    return html.unescape(remove_markup(_VOICE.sub(r"\1: ", line)))


def leave_out_lines(draft: Draft, found: Subtitles) -> None:
    """Count the lines that belong to no cue."""
    for reason, line in found.left_out:
        draft.leave_out(reason, line)


def _find_labels(cues: Sequence[Cue]) -> list[Labelled]:
    """Return each line of the cues with the speaker it names; the first of a cue may name anybody."""
    texts = [[clean_line(line) for line in cue.lines] for cue in cues]
    labelled = iter(find_labels([line for lines in texts for line in lines]))
    own = iter(find_cue_labels([lines[0] for lines in texts if lines]))
    found = []
    for lines in texts:
        for at in range(len(lines)):
            one, first = next(labelled), next(own) if at == 0 else None
            found.append(first if first is not None and one.speaker is None else one)
    return found


def _count_names(cues: Sequence[Cue]) -> int:
    labelled = find_cue_labels([clean_line(" ".join(cue.lines)) for cue in cues])
    return sum(one.speaker is not None for one in labelled)


def _split_voices(payload: str) -> Iterator[tuple[str | None, str]]:
    """Give the speaker and the words of each voice in a cue, and the words of none."""
    speaker: str | None = None
    start = 0
    for match in [*_SPAN.finditer(payload), None]:
        text = clean_line(payload[start : match.start() if match else len(payload)])
        if fold(text):
            yield speaker, text
        if match:
            speaker, start = (html.unescape(match[1]) if match[1] is not None else None), match.end()


__all__ = ["NamedCues", "PlainVtt", "TeamsVtt", "ZoomVtt", "clean_line", "leave_out_lines"]
