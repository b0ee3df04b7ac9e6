"""Subtitles (WebVTT, SubRip) → cues: when something is said, and the lines that say it.

Files are read as players read them, not by the letter: identifiers, hours and blank lines may be missing, a cue may
hold blank lines. A line is a cue's, or stands in what is left out; the signature, times, and the numbers or GUIDs above
them are the file's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

_CLOCK = r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
TIMING = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s(?P<rest>.*))?$")
_SETTING = re.compile(r"(?:vertical|line|position|size|align|region|[XY][12]):\S+")
_HEADER = re.compile(r"^\ufeff?WEBVTT(?:[ \t].*)?$")
_BLOCK = re.compile(r"^(?:NOTE(?:[ \t].*)?|(?:STYLE|REGION)\s*)$")
_GUID = re.compile(r"^\s*[0-9a-fA-F-]{32,36}(?:/[\d-]+)?\s*$")
_NUMBER = re.compile(r"^\s*[0-9]{1,9}\s*$")
_NAMED = re.compile(r'^\s*[0-9]{1,9} "(?P<name>[^"]{1,100})" \([0-9]{1,20}\)\s*$')
"""As Webex writes a number, who speaks and the number of the account."""
HEADER, COMMENT, IDENTIFIER, OUTSIDE = (
    "lines of the header", "comments and styles", "identifiers of cues", "lines outside of cues"
)  # fmt: skip
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

    @property
    def speaker(self) -> str | None:
        """Who speaks, where the identifier says so."""
        match = _NAMED.match(self.identifier)
        return match["name"] if match else None


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A file's cues, and the lines that belong to none, each behind what it is."""

    cues: list[Cue] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def is_webvtt(lines: Sequence[str]) -> bool:
    """Whether lines begin a WebVTT file."""
    return bool(lines) and _HEADER.match(lines[0]) is not None and not TIMING.match(lines[0])


def read_cues(lines: Sequence[str]) -> Subtitles:
    """Return the cues of lines."""
    found = Subtitles()
    lines = _skip_blank(lines)
    is_captions = is_webvtt(lines)
    if is_captions:  # SubRip has neither header nor comments
        lines = _remove_blocks(_remove_header(lines, found), found)
    places = [at for at, line in enumerate(lines) if TIMING.match(line)]
    identifiers = _find_identifiers(lines, places, found, may_be_words=is_captions)
    shown = [line if line.strip() and at not in identifiers else "" for at, line in enumerate(lines)]
    found.left_out.extend((OUTSIDE, line) for line in shown[: (places or [len(lines)])[0]] if line)
    for at, end in zip(places, [*places[1:], len(lines)], strict=False):
        start, rest = split_timing(lines[at]) or (0.0, "")
        own = tuple(line for line in (rest, *shown[at + 1 : end]) if line)
        found.cues.append(Cue(start, own, identifiers.get(at - 1, "")))
    return found


def split_timing(line: str) -> tuple[float, str] | None:
    """Return the seconds at which a cue begins, by its line of times, and what else stands there; None for any other.

    Settings of how the cue is shown are the times' own.
    """
    match = TIMING.match(line)
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()[:4]
    whole = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    rest = dropwhile(_SETTING.fullmatch, (match["rest"] or "").split())
    return whole + int((fraction or "0").ljust(3, "0")) / 1000, " ".join(rest)


def remove_markup(text: str) -> str:
    """Return a cue's text without tags."""
    return _MARKUP.sub("", text)


def _skip_blank(lines: Sequence[str]) -> Sequence[str]:
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    return lines[first:]


def _remove_header(lines: Sequence[str], found: Subtitles) -> Sequence[str]:
    """Return what follows the header and the metadata right below it."""
    end = next(
        (
            at
            for at, line in enumerate(lines)
            if not line.strip()
            or TIMING.match(line)
            or (at and _is_counted(line) and _is_timing(lines[at + 1 : at + 2]))
        ),
        len(lines),
    )
    found.left_out.extend((HEADER, line) for line in lines[:end] if line.strip("\ufeff \t") != "WEBVTT")
    return lines[end:]


def _remove_blocks(lines: Sequence[str], found: Subtitles) -> list[str]:
    """Return the lines without comments, styles and regions, each of which ends with a blank line."""
    kept: list[str] = []
    inside, after_blank = False, True
    for line in lines:
        inside = (inside and bool(line.strip())) or (after_blank and _BLOCK.match(line) is not None)
        inside = inside and not TIMING.match(line)
        after_blank = not line.strip()
        if inside:
            found.left_out.append((COMMENT, line))
        else:
            kept.append(line)
    return kept


def _find_identifiers(
    lines: Sequence[str], places: Sequence[int], found: Subtitles, *, may_be_words: bool
) -> dict[int, str]:
    """Return the lines that identify the cues below them, by their places; count those that might be anything else.

    What stands right above times might be said as well. It is an identifier where most cues have one of its kind, a
    number or a word, and where it stands apart from the lines above, or goes on counting.
    """
    times = set(places)
    above = [at - 1 for at in places if at and at - 1 not in times]
    is_apart = {at: at == 0 or not lines[at - 1].strip() for at in above}
    is_numbered = 2 * sum(_NUMBER.match(lines[at]) is not None for at in above) > len(places)
    is_word = {at: is_apart[at] and len(lines[at].split()) == 1 and not _is_counted(lines[at]) for at in above}
    are_words = may_be_words and 2 * sum(is_word.values()) > len(places)
    identifiers: dict[int, str] = {}
    last: int | None = None
    for at in above:
        line = lines[at].strip()
        if _NUMBER.match(line):
            is_next = last is None or int(line) == last + 1
            goes_on = last is not None and is_next and at - 1 not in times
            if at < places[0] or (is_numbered and (is_apart[at] or goes_on)):
                identifiers[at], last = line, int(line)
                if not is_next:
                    found.left_out.append((IDENTIFIER, line))
        elif _GUID.match(line) or _NAMED.match(line):
            identifiers[at] = line
        elif are_words and is_word[at]:
            identifiers[at] = line
            found.left_out.append((IDENTIFIER, line))
    return identifiers


def _is_counted(line: str) -> bool:
    return any(sign.match(line) for sign in (_NUMBER, _GUID, _NAMED))


def _is_timing(lines: Sequence[str]) -> bool:
    return bool(lines) and TIMING.match(lines[0]) is not None


__all__ = ["TIMING", "Cue", "Subtitles", "is_webvtt", "read_cues", "remove_markup", "split_timing"]
