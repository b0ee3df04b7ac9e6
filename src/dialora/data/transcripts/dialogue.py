"""Turns → the text that a system was trained on, and names back into what it writes.

Styles are how training dialogues name speakers: `person_tags` (`#Person1#: hi`, as in DialogSum) and `names`
(`Anna: hi`, as in SAMSum). A turn is a line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

from dialora.data.transcripts.conversation import Conversation, fold
from dialora.data.turns import find_speakers
from dialora.errors import DataError
from dialora.records import Record

Style = Literal["person_tags", "names"]
STYLES: tuple[Style, ...] = get_args(Style)
_TAG = re.compile(r"#?\bPerson[ _]?(\d+)\b#?", re.IGNORECASE)
_PROSE = re.compile(r"(?:\b(?:in|per|a|the|this|that|each|every|any|one|no|another|single)\s+|-)$", re.IGNORECASE)
"""What stands before a person who is nobody's tag, as in "met in person 2 days later"."""
_LOOKED_BACK = 20
_IS_TAG = re.compile(r"#Person\d+#")
_COLONS = re.compile(r"\s*[:：]\s*")
_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Dialogue(Record):
    """A conversation as a system reads it."""

    text: str
    names: Mapping[str, str]
    """The name behind each label of the text, as in {"#Person1#": "Anna"}."""


def to_dialogue(conversation: Conversation, style: Style) -> Dialogue:
    """Return a conversation as text, a line for each turn, in a style of the training data. Raises DataError."""
    if style not in STYLES:
        raise DataError(f"style {style!r} is none of {', '.join(STYLES)}.")
    speakers = conversation.speakers
    if has_style(conversation, style):  # who is a tag already stays who they are
        labels = _write_labels(speakers)
    else:
        labels = {name: f"#Person{number}#" for number, name in enumerate(speakers, start=1)}
    text = "\n".join(f"{labels[turn.speaker]}: {turn.text}" for turn in conversation.turns)
    return Dialogue(text, {label: name for name, label in labels.items()})


def restore_names(summary: str, names: Mapping[str, str]) -> str:
    """Return a summary with the name for each tag that stands in `names`: `#Person1#`, `Person1`, `person 1's`.

    A tag that nobody has stays as it is: it is the system's invention; so does a person in prose, `in person 2 times`.
    """

    def replace(match: re.Match[str]) -> str:
        may_be_prose = match[0].startswith("person ") and not match[0].endswith("#")
        if may_be_prose and _PROSE.search(summary[max(0, match.start() - _LOOKED_BACK) : match.start()]):
            return match[0]
        return names.get(f"#Person{int(match[1])}#", match[0])

    return _TAG.sub(replace, summary) if any(map(_IS_TAG.fullmatch, names)) else summary


def has_style(conversation: Conversation, style: Style) -> bool:
    """Whether the speakers are called as in a style already."""
    return style == "names" or all(map(_IS_TAG.fullmatch, conversation.speakers))


def find_style(dialogues: Iterable[str]) -> Style:
    """Return the style of most training dialogues, judged by the first thousand."""
    votes = Counter(
        sum(map(bool, map(_IS_TAG.fullmatch, speakers))) * 2 > len(speakers)
        for dialogue in islice(dialogues, _LOOKED_AT)
        if (speakers := find_speakers(dialogue))
    )
    return "person_tags" if votes[True] > votes[False] else "names"


def _write_labels(speakers: Iterable[str]) -> dict[str, str]:
    """Return a label for each name, in which no colon ends it early, and no two are one."""
    labels: dict[str, str] = {}
    for name in speakers:
        plain = label = fold(_COLONS.sub(" ", name)) or "Unknown"
        number = 1
        while label in labels.values():
            number += 1
            label = f"{plain} {number}"
        labels[name] = label
    return labels


__all__ = ["STYLES", "Dialogue", "Style", "find_style", "has_style", "restore_names", "to_dialogue"]
