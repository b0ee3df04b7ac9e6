"""A dialogue as turns: who says what, as far as the text shows it.

A turn is a line; a speaker is what stands before its first colon (`Amanda: hi`, `#Person1#: hi`), at most 30 characters
long. The report's page reads dialogues by the same rule, so a dialogue written on a single line is divided once, where
it is read.
"""

from __future__ import annotations

import re
from collections import Counter

LABEL = re.compile(
    r"^[ \t]*(?:#([^#\n]{1,30})#\s*[:：]|([^\s:：,!?][^:：,!?\n]{0,30}?)[ \t]*(?::(?=\s|$)|：))\s*", re.M
)
_SEPARATORS = ("||", "|", "//", " / ", "\t")
_TAG = re.compile(r"(?:^|(?<=\s))#[^#\n]{1,30}#\s*[:：]")
_SENTENCE_START = r"(?:^|(?<=[.!?…\"'”’»)\]])\s+|(?<=[。！？])\s*)"
_NAME = re.compile(rf"{_SENTENCE_START}((?:(?:Mrs?|Ms|Dr|Prof)\. )?[^\W_][^:：,;!?.…|\n]{{0,29}}?)\s*(?::(?=\s)|：)")
_MOST_NAME_WORDS = 3


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


def split_line(line: str) -> list[str]:
    """Return the turns of a dialogue on one line, or the line where it does not show for certain that it holds several.

    It does where each part between separators (`A: hi | B: yo`) begins with a label; where tags follow (`#Person1#: hi
    #Person2#: yo`); and where sentences begin with labels of which one returns (`A: Hi! B: Yo. A: Well?`).
    """
    line = line.strip()
    if not LABEL.match(line):
        return [line]
    for separator in _SEPARATORS:
        parts = [part.strip() for part in line.split(separator) if part.strip()]
        if len(parts) > 1 and all(map(LABEL.match, parts)):
            return parts
    starts = [match.start() for match in _TAG.finditer(line)] if line.startswith("#") else _find_names(line)
    ends = [*starts[1:], len(line)]
    return [line[start:end].strip() for start, end in zip(starts, ends, strict=True)] if len(starts) > 1 else [line]


def _find_names(line: str) -> list[int]:
    found = [match for match in _NAME.finditer(line) if len(match[1].split()) <= _MOST_NAME_WORDS]
    times = Counter(match[1].casefold() for match in found)
    if not found or found[0].start(1) != 0 or max(times.values()) < 2:
        return []
    return [match.start(1) for match in found if not match[1][0].islower() or times[match[1].casefold()] > 1]


__all__ = ["find_speakers", "remove_speakers", "split_line"]
