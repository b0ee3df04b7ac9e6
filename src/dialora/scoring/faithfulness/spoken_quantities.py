"""Times, prices and numbers of a summary that its dialogue does not contain.

A value counts as contained when any reading of the dialogue gives it (see `quantities`). Two to four of something may
have been counted; what is added up from the dialogue without being said there is not contained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from dialora.scoring.faithfulness.lexicon import IMPLIED, NUMBERS
from dialora.scoring.faithfulness.quantities import Quantity, Time, as_time, find_quantities, is_hour

_GAP = re.compile(r"[\s,\-–—]*(?:and)?[\s,\-–]*")
_RELATIVE = re.compile(r"\s*(?:minutes?\s*)?(past|after|to|before|till|of)\s+")
_ONE_AND = re.compile(r"\ban?\s+[^\W\d_]+\s+and\s+an?\s+half\b")
_LETTERS = re.compile(r"[^\W\d_]+")
_IMPLYING = IMPLIED.keys() | {f"{word}s" for word in IMPLIED}
_TENS = {f"{word.removesuffix('y')}ies": value for word, value in NUMBERS.items() if word.endswith("ty") and value}
_ONE_COIN = re.compile(r"\ban?\s+(?:dollar|buck|pound|euro)\s+(?:and\s+)?")


class SpokenQuantities:
    """All that a dialogue says in numbers, under every reading."""

    def __init__(self, dialogue: str) -> None:
        """Read the dialogue once; many summaries may then be held against it."""
        text = dialogue.casefold()
        found = find_quantities(text)
        self.values = {item.value for item in found} | _find_implied(text, found)
        self.counted = {noun for item in found if (noun := _next_word(text, item.end))}
        """The words that follow a number: what somebody has counted."""
        self.times = {item.time for item in found if item.time} | set(_find_spoken_times(text, found))
        self.currencies: dict[float, set[str]] = {}
        for item in found:
            self.currencies.setdefault(item.value, set()).add(item.currency if item.kind == "price" else "")
        for time in self.times:
            self.values |= {float(time[0]), float(time[1])}
        digits = []
        for a, b in pairwise(found):
            adjacent = bool(_GAP.fullmatch(text[a.end : b.start]))
            between = text[a.end : b.start].split()
            if b.value < 100 and (adjacent or a.kind == "price" or between == ["."]):  # 32. 42, 5 dollars 20
                self.values.add(a.value + b.value / 100)
            if between in (["point"], ["."]) and a.value.is_integer() and b.value in range(1000):
                self.values.add(float(f"{a.value:.0f}.{b.value:.0f}"))
            digits.append(f"{a.value:.0f}" + ("" if adjacent else " "))
        digits += [f"{item.value:.0f}" for item in found[-1:]]
        self.digits = "".join(digits)
        """Numbers that follow each other, written as one: years, telephone and room numbers."""
        self.digits += " " + re.sub(r"(?<=\d)[-–.,/ ]+(?=\d)", "", text)

    def contains(self, item: Quantity) -> bool:
        """Return whether some reading of the dialogue gives this time, price or number."""
        if item.time is not None:
            return any(_is_same_time(item.time, time) for time in self.times)
        if not self._contains_value(item.value):
            return False
        said = self.currencies.get(item.value, {""})
        return not item.currency or "" in said or item.currency in said

    def _contains_value(self, value: float) -> bool:
        if value in self.values or any(abs(value - other) < 1e-9 * abs(value) for other in self.values):
            return True
        if value < 1 and 100 * value in self.values:  # 50 cents
            return True
        if value.is_integer() and value >= 100:
            return f"{value:.0f}" in self.digits
        return any(value == h + m / 100 for h, m, _ in self.times)


def find_unsupported_quantities(summary: str, spoken: SpokenQuantities) -> list[Quantity]:
    """Return the times, prices and numbers of `summary` that the dialogue does not contain.

    One is left out: it is as often a pronoun. So are two to four of what the dialogue does not count.
    """
    text = _fold(summary)
    return [
        item
        for item in find_quantities(text)
        if not spoken.contains(item) and not (item.kind == "number" and _is_open(item, text, spoken))
    ]


def has_quantities(summary: str) -> bool:
    """Whether a summary names a time, price or number: otherwise there is nothing to look for."""
    return bool(find_quantities(_fold(summary)))


def _fold(summary: str) -> str:
    """Return a text in lower case, each sign in its place."""
    text = summary.casefold()
    if len(text) == len(summary):
        return text
    # "ß" is two letters then, and every place behind it would be wrong.
    return summary.lower() if len(summary.lower()) == len(summary) else ""


def _is_open(item: Quantity, text: str, spoken: SpokenQuantities) -> bool:
    return item.value == 1 or (item.value in (2, 3, 4) and _next_word(text, item.end) not in spoken.counted)


def _next_word(text: str, end: int) -> str:
    """Return the word behind a number without its plural: days in "three days"; empty where it is a little word."""
    match = re.match(r"\s*-?\s*([^\W\d_]{3,})", text[end:])
    word = match[1].removesuffix("s") if match else ""
    return "" if word in ("and", "the", "for", "from", "with", "thi", "that", "are", "will", "people") else word


def _find_implied(text: str, found: list[Quantity]) -> set[float]:
    """Return the numbers that are said in another way than by their name; one always is."""
    values = {1.0}
    words = set(_LETTERS.findall(text))
    for word in words & _IMPLYING:
        values |= {float(value) for value in IMPLIED.get(word, IMPLIED.get(word.removesuffix("s"), ()))}
    for word in words & _TENS.keys():  # the sixties
        values.add(_TENS[word])
    if _ONE_AND.search(text):  # an hour and a half
        values.add(1.5)
    starts = {match.end() for match in _ONE_COIN.finditer(text)}
    return values | {1 + item.value / 100 for item in found if item.start in starts}  # a dollar fifty


def _find_spoken_times(text: str, found: list[Quantity]) -> Iterator[Time]:
    """Yield what may be meant as a time: five, five thirty, 530, half past five, ten to five."""
    for item in found:
        if item.time is None and item.value.is_integer():
            value = int(item.value)
            if 1 <= value <= 24:
                yield as_time(value, 0, "")
            elif 100 <= value <= 2400 and value % 100 < 60:
                yield as_time(value // 100, value % 100, "")
    for a, b in pairwise(found):
        between = text[a.end : b.start]
        if re.fullmatch(r"[\s\-:.]*", between) and is_hour(a.value) and b.value < 60 and b.value.is_integer():
            yield as_time(int(a.value), int(b.value), b.time[2] if b.time else "")
        if a.value < 60 and a.value.is_integer() and (relation := _RELATIVE.fullmatch(between)):
            yield from _relative(relation[1], int(a.value), b)
    for match in re.finditer(r"\b(half|quarter|a quarter)(?:\s+(past|after|to|before|till|of))?\s+", text):
        after = next((item for item in found if item.start == match.end()), None)
        if after is not None:
            yield from _relative(match[2] or "past", 30 if match[1] == "half" else 15, after)


def _relative(relation: str, minutes: int, item: Quantity) -> Iterator[Time]:
    hour = float(item.time[0]) if item.time else item.value
    if is_hour(hour):
        letter = item.time[2] if item.time else ""
        if relation in ("past", "after"):
            yield (int(hour), minutes, letter)
        elif minutes:
            yield ((int(hour) - 2) % 12 + 1, 60 - minutes, letter)


def _is_same_time(a: Time, b: Time) -> bool:
    return a[:2] == b[:2] and (a[2] == b[2] or not a[2] or not b[2])


__all__ = ["SpokenQuantities", "find_unsupported_quantities"]
