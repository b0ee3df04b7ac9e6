"""What a system wrote of one conversation, and what is known of how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dialora.records import Record
from dialora.scoring.faithfulness import list_unsupported

_NUMBER = re.compile(r"(?<=^#Person)\d+(?=#$)")
FinishReason = Literal["stop", "length", "empty"]


@dataclass(frozen=True, slots=True)
class Summary(Record):
    """One conversation's summary; `str` of it is its text."""

    text: str
    finish_reason: FinishReason = "stop"
    """stop: the system ended it; length: some of it was cut at `decoding.max_new_tokens`; empty: nothing was said."""
    num_parts: int = 1
    """In how many parts the conversation was read; 0 where nothing was said."""
    truncated: bool = False
    """The end of the conversation was not read."""
    unsupported_names: tuple[str, ...] = ()
    """Names and speaker tags that stand nowhere in the conversation; English text only, and a lower bound."""
    id: str = ""
    source: str = ""
    """The file it is of."""

    def __str__(self) -> str:
        return self.text


def find_unsupported_names(summary: str, dialogue: str) -> tuple[str, ...]:
    """Return the names and speaker tags of a summary that its dialogue does not have, each once."""
    found = list_unsupported(summary, dialogue, kinds=("name", "speaker"))
    return tuple(dict.fromkeys(entity.text for entity in found))


def join_labels(inner: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """Return, for each label of a part, the label that the whole conversation has for the same speaker.

    Both map labels to names. A label that the whole has and the part does not becomes one that nobody has: what a
    system writes of a third person where two speak is its invention, and not the whole's third person.
    """
    labels = {name: label for label, name in outer.items()}
    most = max((int(number) for label in outer for number in _NUMBER.findall(label)), default=0)
    invented = {label: f"#Person{most + at}#" for at, label in enumerate(outer, start=1) if label not in inner}
    return invented | {label: labels.get(name, name) for label, name in inner.items()}


__all__ = ["FinishReason", "Summary", "find_unsupported_names", "join_labels"]
