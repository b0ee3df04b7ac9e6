"""Who speaks, where a text says so before what is said: `Name: text`, `#Person1#: text`, or `Name:` alone on a line.

A name has at most six words of letters of any script and no digits, but for a generic one (`Speaker 1`, `SPEAKER_00`).
Words before a colon that are prose are told from names by a stop list and by capitals: what has none counts where it
returns, or where every line has a label.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import category

from dialora.data.transcripts.conversation import fold

MOST_WORDS = 6
_LONGEST = 60
_TAG = r"#[^#\n:：]{1,30}#"
_BEFORE = " \t\n*_>-\u200e\u200f"
"""Markdown's bold, quote and list signs around a name are none of it."""
_LABEL = re.compile(
    # Nobody writes a tag by chance, so that no space has to stand behind it.
    rf"(?P<tag>{_TAG})[ \t]*[:：]|"
    rf"(?P<name>\[[^\[\]\n]{{1,{_LONGEST}}}\]|[^:：\n]{{1,{_LONGEST}}}?)[*_]{{0,2}}[ \t]*"
    r"(?::[*_]{0,2}(?=\s|$)|：[*_]{0,2})"
)
_LOOKED_AT = 100
_FEW = 2
_BRACKETED = re.compile(r"[\[(](speaker[ _]?[\w?]{1,3})[\])]:?\s*", re.IGNORECASE)
"""As whisper.cpp writes a speaker into a text."""
_NUMBERED = re.compile(r"(?P<word>[^\s\d_-]+)[ _-]?#?\d{1,3}")
_INSIDE = frozenset("'’.·/-\u200c\u200d")
"""Signs within a word of a name; some scripts join their letters with those that have no width."""
_BETWEEN = frozenset("&/|")


def _list(words: str) -> frozenset[str]:
    """Return what stands between commas."""
    return frozenset(" ".join(word.split()) for word in words.split(","))


_PARTICLES = _list(
    """
    von, van, de, der, den, del, della, di, da, do, dos, das, du, la, le, el, al, bin, ben, ibn, bint, zu, zum, ter,
    ten, af, av, y, e, i, and, und, et, of, the, from, guest, host, he, him
    """
)
_STOP = _list(
    """
    hi, hello, hey,
    note, notes, warning, important, reminder, tip, tips, example, examples, for example, update, edit, ps, p.s.,
    nb, re, fwd, fw, from, to, cc, bcc, subject, title, topic, topics, summary, source, date, time, place, address,
    price, http, https, ftp, mailto, file, honestly, so, and, but, well, ok, okay, yes, no, also, again, because,
    first, second, third, finally, next, now, then, today, tomorrow, question, answer, fact, result, results,
    conclusion, attendees, participants, invited, agenda, action items, next steps, decisions, details, duration,
    location, keywords, summary keywords, speakers, transcript, kind, language, thing is, the thing is,
    the point is, my point is, the question is, the problem is, in other words, hinweis, achtung, wichtig, beispiel,
    betreff, datum, ort, thema, nota, ejemplo, asunto, fecha, remarque, exemple, objet, attention, esempio, oggetto,
    data, exemplo, assunto, 注意, 例如, 备注, 注
    """
)
_COUNTED = _list(
    """
    step, chapter, part, version, section, option, phase, question, answer, figure, table, item, day, week, room,
    point, page, line, number, no, round, level, stage, task, goal, priority, rule, tip, act, covid, top, at, by,
    in, on, issue, bug, ticket, pr, fix, reason, attempt, try,
    chapitre, kapitel, schritt, seite, teil, paso, étape, passo, parte
    """
)
"""Words before a number that count things, not people."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text without the name before it; None where it has none."""

    speaker: str | None
    text: str


def find_label(text: str) -> Labelled:
    """Return who might be named at the start of a text, and the rest of it."""
    start = text.lstrip(_BEFORE)
    if bracketed := _BRACKETED.match(start[:_LOOKED_AT]):
        return Labelled(bracketed[1], start[bracketed.end() :])
    match = _LABEL.match(start[:_LOOKED_AT])
    if match is None:
        return Labelled(None, text)
    name = fold(match["tag"] or match["name"]).strip("*_")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1].strip()
    return Labelled(name, start[match.end() :].lstrip()) if _may_be_name(name) else Labelled(None, text)


def find_cue_labels(texts: Sequence[str]) -> list[Labelled]:
    """Return each cue's text with the speaker it names, who may be called by anything: a number, an address, a sign.

    Programs write a name before every cue, so what stands there is one where all cues have a label, or where it
    returns beside names that are certain.
    """
    found = find_labels(texts)
    free = [_find_free_label(text) if one.speaker is None else one for one, text in zip(found, texts, strict=True)]
    times = Counter(one.speaker for one in free if one.speaker is not None)
    returns = len(free) <= _FEW or max(times.values(), default=0) > 1
    are_all = returns and all(one.speaker for one, text in zip(free, texts, strict=True) if text.strip())
    may_return = any(one.speaker for one in found)
    return [
        other if other.speaker and (are_all or (may_return and times[other.speaker] > 1)) else one
        for one, other in zip(found, free, strict=True)
    ]


def _find_free_label(text: str) -> Labelled:
    """Return what stands before a colon, unless its words are prose for certain."""
    start = text.lstrip(_BEFORE)
    match = _LABEL.match(start[:_LOOKED_AT])
    name = fold(match["name"] or "") if match else ""
    words = name.casefold().split()
    is_free = 0 < len(words) <= MOST_WORDS and not _is_prose(name) and not {name.casefold(), words[0]} & _STOP
    return Labelled(name, start[match.end() :].lstrip()) if match and is_free else Labelled(None, text)


def _is_prose(name: str) -> bool:
    """Whether words are of no name: small ones without any other sign, a number alone, or what is counted."""
    return (
        "/" in name
        or name.isdecimal()
        or name.split()[0].casefold() in _COUNTED
        or (all(map(_is_word, name.split())) and not _is_written_as_name(name))
    )


def find_labels(texts: Sequence[str]) -> list[Labelled]:
    """Return each text with the speaker it names, where what stands there is a name for certain."""
    found = [find_label(text) for text in texts]
    times = Counter(one.speaker for one in found if one.speaker is not None)
    # A list of settings has a label on every line too, but none of them returns.
    returns = len(found) <= _FEW or max(times.values(), default=0) > 1
    are_all = returns and all(one.speaker for one, text in zip(found, texts, strict=True) if text.strip())
    certain = {
        name for name in times if are_all or _is_written_as_name(name) or (times[name] > 1 and len(name.split()) == 1)
    }
    return [
        one if one.speaker is None or one.speaker in certain else Labelled(None, text)
        for one, text in zip(found, texts, strict=True)
    ]


def count_labelled(lines: Sequence[str]) -> int:
    """Return how many lines name a speaker for certain."""
    return sum(one.speaker is not None for one in find_labels(lines))


def is_tag(name: str) -> bool:
    """Whether a name is a tag, as in `#Person1#`."""
    return re.fullmatch(_TAG, name) is not None


@lru_cache(maxsize=4096)  # of a conversation's lines most have one of a few
def _may_be_name(name: str) -> bool:
    if is_tag(name):
        return True
    if name.casefold() in _STOP:
        return False
    if numbered := _NUMBERED.fullmatch(name):
        return _is_word(numbered["word"]) and numbered["word"].casefold() not in _COUNTED
    words = name.split()
    return 0 < len(words) <= MOST_WORDS and all(map(_is_word, words)) and words[0].casefold() not in _STOP


def _is_word(word: str) -> bool:
    """Whether a word of a name has letters, of any script, and what may stand among and around them."""
    if word in _BETWEEN:
        return True
    letters = word.strip("().,")
    kinds = [category(sign)[0] for sign in letters]
    return kinds[:1] == ["L"] and all(
        kind in "LM" or sign in _INSIDE for kind, sign in zip(kinds, letters, strict=True)
    )


def _is_written_as_name(name: str) -> bool:
    """Whether all words have a capital, or are of a script without; small words of names may have none."""
    if is_tag(name) or _NUMBERED.fullmatch(name):
        return True
    words = [word for word in name.split() if not word.startswith("(")]
    return bool(words) and not _is_small(words[0]) and all(not _is_small(word) or word in _PARTICLES for word in words)


def _is_small(word: str) -> bool:
    """Whether a word has no capital, of a script with capitals; `iPhone` and `d'Arc` have one."""
    return word[:1].islower() and not any(map(str.isupper, word))


__all__ = ["MOST_WORDS", "Labelled", "count_labelled", "find_cue_labels", "find_label", "find_labels", "is_tag"]
