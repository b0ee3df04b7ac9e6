"""Times, prices and numbers of a summary that its dialogue does not contain.

Takes English text; digits of any script are read, words only in English. "three" is 3, "half past five" is 5:30, "one
fifty" may be a price, a time or 150, and "20 bucks" are $20: a value counts as contained when any reading of the
dialogue gives it. Two to four of something may have been counted; what is added up from the dialogue without being
said there is not contained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dialora.scoring.faithfulness.lexicon import CURRENCIES, NUMBERS, SCALES

_TOKEN = re.compile(r"\d{1,3}(?:, ?\d{3})+(?![,\d])(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+|[^\s\w]")
_DIGITAL = re.compile(r"(?<![\d:.])(\d{1,2})(?:[:：]|\.(?=\d\d\s?[ap]\.?\s?m\b))([0-5]\d)(?!\d|:\d|\.\d)")
_AM_PM = r"([ap])(?:\s?\.\s?m\b\.?|\s?m\b)"  # the stop behind "5 pm" ends the sentence
_MERIDIEM = re.compile(rf"[\s\-]*(?:{_AM_PM}|o\s?['’]?\s?clock(?:\s*(?:in\s+the\s+)?{_AM_PM})?)")
_HALF = re.compile(r"\s*(?:an?\s+)?(?:[^\W\d_]+\s+)?and\s+an?\s+half\b")
_OPENERS = NUMBERS.keys() | SCALES.keys() | {"a", "an", "o", "oh"}
"""Words that a number may begin with; most begin none, and need no closer look."""
_NUMERALS = NUMBERS.keys() | SCALES.keys() | {"noon", "midday", "midnight"}
"""Words without which, and without a digit, there is no number."""
_DIGIT, _LETTERS = re.compile(r"\d"), re.compile(r"[^\W\d_]+")
LARGEST = 1e200
"""Numbers beyond are all the same; this side of infinity they can be computed with."""
Time = tuple[int, int, str]
"""Hour (1 to 12), minute, and `a`, `p` or empty where it is open whether before or after noon."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a text, `start` to `end`, read as far as its surroundings tell."""

    kind: str
    """time, price or number."""
    value: float
    start: int
    end: int
    time: Time | None = None
    currency: str = ""


def find_quantities(text: str) -> list[Quantity]:
    """Return every number of a lower-case text with what its neighbours make of it."""
    # Most turns have none, which their words tell faster than a closer look.
    if not _DIGIT.search(text) and _NUMERALS.isdisjoint(_LETTERS.findall(text)):
        return []
    taken: list[Quantity] = []
    for match in _DIGITAL.finditer(text):
        hour, minute = int(match[1]), int(match[2])
        if hour <= 24:
            meridiem = _MERIDIEM.match(text, match.end())
            end = meridiem.end() if meridiem else match.end()
            taken.append(Quantity("time", float(hour), match.start(), end, as_time(hour, minute, _letter(meridiem))))
    for match in re.finditer(r"\b(?:noon|midday|midnight)\b", text):
        letter = "a" if match[0] == "midnight" else "p"
        taken.append(Quantity("time", 12.0, *match.span(), (12, 0, letter)))
    spans = [(item.start, item.end) for item in taken]
    bare = [item for item in _find_bare(text) if not any(item[1] < end and start < item[2] for start, end in spans)]
    index = 0
    while index < len(bare):
        value, start, end = bare[index]
        follower = bare[index + 1] if index + 1 < len(bare) else None
        item, used = _read_in_place(text, value, start, end, follower)
        taken.append(item)
        index += used
    return sorted(taken, key=lambda item: item.start)


def _read_in_place(
    text: str, value: float, start: int, end: int, follower: tuple[float, int, int] | None
) -> tuple[Quantity, int]:
    """Return the number with its neighbours, and how many numbers of the text that took."""
    if follower and is_hour(value) and 0 <= follower[0] < 60 and re.fullmatch(r"[\s\-]*", text[end : follower[1]]):
        meridiem = _MERIDIEM.match(text, follower[2])
        if meridiem and meridiem[0].strip():  # five thirty p.m.
            time = as_time(int(value), int(follower[0]), _letter(meridiem))
            return Quantity("time", value, start, meridiem.end(), time), 2
    meridiem = _MERIDIEM.match(text, end)
    if meridiem and is_hour(value):
        return Quantity("time", value, start, meridiem.end(), as_time(int(value), 0, _letter(meridiem))), 1
    sign = re.search(r"([$£€¥￥])\s*$", text[max(0, start - 3) : start])
    if sign:
        begin = start - len(sign[0])
        return Quantity("price", value, begin, end, currency=CURRENCIES[sign[1]]), 1
    unit = re.match(r"\s*-?\s*(?:us\s+|u\.s\.\s+)?([^\W\d_]+|[$£€¥￥])", text[end:])
    word = unit[1] if unit else ""
    name = word if word in CURRENCIES else word.removesuffix("s")
    if unit and name in CURRENCIES and word not in ("dollared", "pounded"):
        return Quantity("price", value, start, end + unit.end(), currency=CURRENCIES[name]), 1
    return Quantity("number", value, start, end), 1


def _find_bare(text: str) -> Iterator[tuple[float, int, int]]:
    """Yield the value and the place of every number in digits or words: "two hundred and fifty" is one, 250."""
    tokens = [(match[0], *match.span()) for match in _TOKEN.finditer(text)]
    index = 0
    while index < len(tokens):
        token, start, end = tokens[index]
        if token not in _OPENERS and not token[0].isdecimal():
            index += 1
            continue
        value = _read(token)
        follows_number = index > 0 and _read(tokens[index - 1][0]) is not None
        if value is None and token in ("oh", "o") and follows_number and end - tokens[index - 1][2] <= 3:
            value = 0.0
        if value is None:
            is_article = token in ("a", "an") and index + 1 < len(tokens) and tokens[index + 1][0] in SCALES
            if not is_article and (token not in SCALES or len(token) == 1):
                index += 1
                continue
            value, index = 1.0, index - (not is_article)
        # Digits are whole: "the $280 one" is not 281.
        total, current, last = 0.0, value, 0.0 if token[0].isdecimal() else value
        index += 1
        while index < len(tokens):
            word = tokens[index][0]
            following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
            near = re.fullmatch(r"[\s\-]*", text[end : tokens[index][1]])
            if near and word in SCALES and (word != "k" or end == tokens[index][1]):
                scale = SCALES[word]
                current *= scale
                if scale >= 1e3:
                    total, current = total + current, 0.0
                last = scale
            elif word == "-" and _read_small(following) is not None:
                index += 1
                continue
            elif word == "and" and last >= 100 and (_read_small(following) is not None):
                index += 1
                end = tokens[index - 1][2]
                continue
            elif near and (part := _read_small(word)) is not None and _fits(part, last):
                current, last = current + part, part
            else:
                break
            end = tokens[index][2]
            index += 1
        value = total + current
        if half := _HALF.match(text, end):
            value += 0.5
            end = half.end()
        yield min(value, LARGEST), start, end


def _read(token: str) -> float | None:
    if token[0].isdecimal():
        return float(re.sub("[, ]", "", token))
    return NUMBERS.get(token)


def _read_small(token: str) -> float | None:
    """Return what a word adds to the number before it; first and second are numbers only there."""
    return {"first": 1.0, "second": 2.0}.get(token, NUMBERS.get(token))


def _fits(part: float, last: float) -> bool:
    """Whether a number word goes on the number before it: twenty + five, hundred + fifty; not five + thirty."""
    return (20 <= last < 100 and last % 10 == 0 and 0 < part < 10) or (last >= 100 and 0 < part < last)


def as_time(hour: int, minute: int, letter: str) -> Time:
    """Return a time of day by the clock; an hour of 0 or beyond 12 tells its half of the day itself."""
    if hour > 12 or hour == 0:
        letter = "a" if hour in (0, 24) else "p"
    return ((hour - 1) % 12 + 1, minute, letter)


def _letter(match: re.Match[str] | None) -> str:
    return (match[1] or match[2] or "") if match else ""


def is_hour(value: float) -> bool:
    """Whether a number can be an hour on a clock's face."""
    return 1 <= value <= 12 and value.is_integer()


__all__ = ["Quantity", "Time", "as_time", "find_quantities", "is_hour"]
