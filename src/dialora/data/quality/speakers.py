"""Speakers that a summary names and its dialogue does not know.

A name is a tag (`#Person3#`), or a label that some dialogue of the data set puts before a turn (`Amanda: hi`) and that
is written as a name: with a capital letter. Names of people nobody speaks for are not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_TAG = re.compile(r"#[^#\s]+#")
_NAME_WORD = re.compile(r"[^\W_]+")
_LONGEST_NAME = 4


def find_unknown_speakers(summary: str, dialogue: str, speakers: Collection[str]) -> list[str]:
    """Return the speakers in `summary` that stand nowhere in `dialogue`, whatever their case; `speakers` are all."""
    tags = _TAG.findall(summary)
    names = _find_names(_TAG.sub(" | ", summary), speakers)
    known = dialogue.casefold()
    return [name for name in dict.fromkeys([*tags, *names]) if name.casefold() not in known]


def _find_names(text: str, speakers: Collection[str]) -> list[str]:
    """Return the runs of up to four words that are a speaker's name."""
    spans = [match.span() for match in _NAME_WORD.finditer(text)]
    found = []
    for first, (start, _) in enumerate(spans):
        if not text[start].isupper():
            continue
        for _, end in spans[first : first + _LONGEST_NAME]:
            if text[start:end] in speakers:
                found.append(text[start:end])
    return found


__all__ = ["find_unknown_speakers"]
