"""Plain text with the speaker before each turn: with names as in SAMSum (`Anna: hi`), or tags as in DialogSum
(`#Person1#: hi`).

A line without a speaker goes on with the turn above. Also the paragraphs of a document, and a dialogue on one line
where it shows for certain that it holds several turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialora.data.one_line import split_line
from dialora.data.transcripts.content import Text
from dialora.data.transcripts.conversation import Draft
from dialora.data.transcripts.formats.format import Sureness, TranscriptFormat
from dialora.data.transcripts.labels import Labelled, find_labels, is_tag

_LEAST_SHARE = 0.3
"""Of lines that name a speaker: fewer are prose with a colon here and there."""


class SamSum(TranscriptFormat[Text]):
    """Speakers have names."""

    name = "SAMSum-like text"
    content = Text

    def recognise(self, content: Text) -> Sureness:
        """Some of the first lines begin with a name."""
        labelled = _find_turns(content.head)
        named = [one for one in labelled if one.speaker]
        is_own = len(named) >= max(1, _LEAST_SHARE * len(labelled)) and not _are_tags(named)
        return Sureness.POSSIBLE if is_own else Sureness.NO

    def read(self, content: Text, name: str) -> Iterator[Draft]:
        """Give the one dialogue."""
        draft = Draft(name)
        for one in _find_turns([line for line in content.lines if line.strip()]):
            if one.speaker is not None:
                draft.add(one.speaker, one.text)
            elif draft.continue_last(one.text):
                draft.remark("lines that name nobody, read with the turn above")
            else:
                draft.leave_out("lines above the first turn", one.text)
        yield draft


class DialogSum(SamSum):
    """Speakers have tags."""

    name = "DialogSum-like text"

    def recognise(self, content: Text) -> Sureness:
        """Most turns of the first lines begin with a tag."""
        named = [one for one in _find_turns(content.head) if one.speaker]
        return Sureness.LIKELY if named and _are_tags(named) else Sureness.NO


def _find_turns(lines: Sequence[str]) -> list[Labelled]:
    if len(lines) == 1:
        lines = split_line(lines[0])
    return find_labels(lines)


def _are_tags(named: Sequence[Labelled]) -> bool:
    return 2 * sum(is_tag(one.speaker or "") for one in named) > len(named)


__all__ = ["DialogSum", "SamSum"]
