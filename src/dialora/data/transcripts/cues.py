"""Subtitles (WebVTT, SubRip) → cues: when something is said, and the lines that say it.

Files are read as players read them, not by the letter: identifiers, hours and blank lines may be missing, a cue may
hold blank lines, and no text of a cue is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
TIMING = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?$")
_HEADER = re.compile(r"^\ufeff?WEBVTT(?:[ \t].*)?$")
_BLOCK = re.compile(r"^(?:NOTE|STYLE|REGION)(?:[ \t].*)?$")
_IDENTIFIER = re.compile(r"^\s*(?:\d+|[0-9a-fA-F-]{32,36}(?:/[\d-]+)?)\s*$")
_LONGEST_NUMBER = 30
_MARKUP = re.compile(
    r"</?(?:c|i|b|u|v|s|ruby|rt|lang|font)(?:\.[^<>\s]*)?(?:\s[^<>]*)?>|<\d[\d:.]{0,20}>|\{\\[^{}]{0,200}\}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at a time."""

    start: float
    """Seconds."""
    lines: tuple[str, ...]
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A file's cues, and the lines that belong to none."""

    cues: tuple[Cue, ...]
    outside: tuple[str, ...]


def is_webvtt(lines: Sequence[str]) -> bool:
    """Whether lines begin a WebVTT file."""
    return bool(lines) and _HEADER.match(lines[0]) is not None and not TIMING.match(lines[0])


def read_cues(lines: Sequence[str]) -> Subtitles:
    """Return the cues of lines."""
    if is_webvtt(lines := _skip_blank(lines)):
        lines = _remove_header(lines)
    lines = _remove_blocks(lines)
    places = [at for at, line in enumerate(lines) if TIMING.match(line)]
    outside = [line for line in lines[: places[0] if places else len(lines)] if line.strip()]
    if not places:
        return Subtitles((), tuple(outside))
    identifier = outside.pop() if outside and lines[places[0] - 1].strip() else ""
    cues: list[Cue] = []
    for at, end in zip(places, [*places[1:], len(lines)], strict=True):
        own = list(lines[at + 1 : end])
        following = own.pop() if end < len(lines) and _ends_with_identifier(own) else ""
        cues.append(Cue(read_start(lines[at]), tuple(line for line in own if line.strip()), identifier.strip()))
        identifier = following
    return Subtitles(tuple(cues), tuple(outside))


def read_start(timing: str) -> float:
    """Return the seconds at which a cue begins, by its line of times."""
    match = TIMING.match(timing)
    assert match is not None
    hours, minutes, seconds, fraction = match.groups()[:4]
    whole = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000


def remove_markup(text: str) -> str:
    """Return a cue's text without tags."""
    return _MARKUP.sub("", text)


def _skip_blank(lines: Sequence[str]) -> Sequence[str]:
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    return lines[first:]


def _remove_header(lines: Sequence[str]) -> Sequence[str]:
    """Return what follows the header and the metadata right below it."""
    for at, line in enumerate(lines):
        if not line.strip() or TIMING.match(line):
            return lines[at:]
        if at and _IDENTIFIER.match(line) and at + 1 < len(lines) and TIMING.match(lines[at + 1]):
            return lines[at:]
    return []


def _remove_blocks(lines: Sequence[str]) -> list[str]:
    """Return the lines without comments, styles and regions, each of which ends with a blank line."""
    kept: list[str] = []
    inside, after_blank = False, True
    for line in lines:
        inside = (inside and bool(line.strip())) or (after_blank and _BLOCK.match(line) is not None)
        inside = inside and not TIMING.match(line)
        after_blank = not line.strip()
        if not inside:
            kept.append(line)
    return kept


def _ends_with_identifier(lines: Sequence[str]) -> bool:
    """Whether the last of the lines before a cue is its identifier: a number, a GUID, a word alone."""
    if not lines or not lines[-1].strip():
        return False
    is_first = len(lines) == 1
    is_alone = not is_first and not lines[-2].strip() and any(line.strip() for line in lines[:-1])
    if _IDENTIFIER.match(lines[-1]):
        return not is_first or len(lines[-1].strip()) > _LONGEST_NUMBER
    return is_alone and len(lines[-1].split()) == 1


__all__ = ["TIMING", "Cue", "Subtitles", "is_webvtt", "read_cues", "read_start", "remove_markup"]
