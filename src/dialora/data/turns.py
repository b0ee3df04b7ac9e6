"""A dialogue as turns: who says what, as far as the text shows it.

A turn is a line; a speaker is what stands before its first colon (`Amanda: hi`, `#Person1#: hi`), at most 30 characters
long. The report's page reads dialogues by the same rule, so a dialogue written on a single line is divided once, where
it is read.
"""

from __future__ import annotations

import re

LABEL = re.compile(
    r"^[ \t]*(?:#([^#\n]{1,30})#\s*[:：]|([^\s:：,!?][^:：,!?\n]{0,30}?)[ \t]*(?::(?=\s|$)|：))\s*", re.M
)


def find_speakers(dialogue: str) -> dict[str, int]:
    """Return each speaker with their number of turns, in order of appearance; a tag keeps its signs (`#Person1#`)."""
    speakers: dict[str, int] = {}
    for match in LABEL.finditer(dialogue):
        name = f"#{match[1].strip()}#" if match[1] is not None else match[2].strip()
        speakers[name] = speakers.get(name, 0) + 1
    return speakers


def remove_speakers(dialogue: str) -> str:
    """Return what is said, without who says it."""
    return LABEL.sub(" ", dialogue)


__all__ = ["find_speakers", "remove_speakers"]
