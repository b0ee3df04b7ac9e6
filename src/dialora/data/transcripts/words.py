"""Words that a recogniser heard, each perhaps with a speaker → what each speaker says, run by run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from dialora.data.transcripts.conversation import Draft

INHERITED = "words without a speaker, so given the one of the words around"
_EMPTY = "words without a text"
_OTHER_TEXT = "texts that are not those of their words, which are read"


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or a sign that follows one without a space."""

    text: str
    speaker: str | None
    start: float | None = None
    is_sign: bool = False


def add_words(draft: Draft, words: Sequence[Word], *, text: str | None = None, speaker: str | None = None) -> None:
    """Add what words say, a unit for each run of one speaker.

    A word without a speaker has that of its segment, `speaker`, or of the word before it. `text` is the segment's as
    it is written, which says where spaces stand.
    """
    known = inherit_speakers(draft, words, speaker)
    draft.leave_out(_EMPTY, count=sum(not word.text.strip() for word in known))
    runs = [
        list(run) for _, run in groupby((word for word in known if word.text.strip()), key=lambda word: word.speaker)
    ]
    pieces = _cut(runs, text) if text is not None else None
    draft.remark(_OTHER_TEXT, text is not None and pieces is None)
    for run, piece in zip(runs, pieces or map(_write, runs), strict=True):
        draft.add(run[0].speaker, piece, next((word.start for word in run if word.start is not None), None))


def join_channels(channels: Sequence[Sequence[Word]]) -> list[Word]:
    """Return the words of all channels in the order in which they were said.

    What has no time, as a sign, stays behind the word before it.
    """
    timed: list[tuple[float, Word]] = []
    for words in channels:
        last = next((word.start for word in words if word.start is not None), 0.0)
        for word in words:
            last = word.start if word.start is not None else last
            timed.append((last, word))
    return [word for _, word in sorted(timed, key=lambda pair: pair[0])]


def inherit_speakers(draft: Draft, words: Sequence[Word], segment: str | None) -> list[Word]:
    """Return the words with speakers, as far as anybody is named; count those that had none."""
    last = segment or next((word.speaker for word in words if word.speaker), None)
    known = []
    for word in words:
        if not word.speaker and last is not None and not word.is_sign:
            draft.remark(INHERITED)
        last = word.speaker or (segment if segment and not word.is_sign else last)
        known.append(Word(word.text, last, word.start, word.is_sign))
    return known


def _cut(runs: Sequence[Sequence[Word]], text: str) -> list[str] | None:
    """Return the part of a text that each run of words is; None where the words are not those of the text."""
    ends, at = [], 0
    for run in runs:
        for word in run:
            found = text.find(word.text.strip(), at)
            if found < 0:
                return None
            at = found + len(word.text.strip())
        ends.append(at)
    ends[-1:] = [len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _write(words: Sequence[Word]) -> str:
    return "".join(word.text if word.is_sign else f" {word.text}" for word in words).strip()


__all__ = ["INHERITED", "Word", "add_words", "inherit_speakers", "join_channels"]
