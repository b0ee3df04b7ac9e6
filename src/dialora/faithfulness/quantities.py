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
from itertools import pairwise

from dialora.faithfulness.lexicon import CURRENCIES, IMPLIED, NUMBERS, SCALES

_TOKEN = re.compile(r"\d{1,3}(?:, ?\d{3})+(?![,\d])(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+|[^\s\w]")
_GAP = re.compile(r"[\s,\-–—]*(?:and)?[\s,\-–]*")
_DIGITAL = re.compile(r"(?<![\d:.])(\d{1,2})(?:[:：]|\.(?=\d\d\s?[ap]\.?\s?m\b))([0-5]\d)(?!\d|:\d|\.\d)")
_AM_PM = r"([ap])(?:\s?\.\s?m\b\.?|\s?m\b)"  # the stop behind "5 pm" ends the sentence
_MERIDIEM = re.compile(rf"[\s\-]*(?:{_AM_PM}|o\s?['’]?\s?clock(?:\s*(?:in\s+the\s+)?{_AM_PM})?)")
_RELATIVE = re.compile(r"\s*(?:minutes?\s*)?(past|after|to|before|till|of)\s+")
_HALF = re.compile(r"\s*(?:an?\s+)?(?:[^\W\d_]+\s+)?and\s+an?\s+half\b")
_ONE_AND = re.compile(r"\ban?\s+[^\W\d_]+\s+and\s+an?\s+half\b")
_ONE_COIN = re.compile(r"\ban?\s+(?:dollar|buck|pound|euro)\s+(?:and\s+)?")

_OPENERS = NUMBERS.keys() | SCALES.keys() | {"a", "an", "o", "oh"}
"""Words that a number may begin with; most begin none, and need no closer look."""

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
    text = summary.casefold()
    if len(text) != len(summary):  # "ß" is two letters then, and every place behind it would be wrong
        text = summary.lower() if len(summary.lower()) == len(summary) else ""
    return [
        item
        for item in find_quantities(text)
        if not spoken.contains(item) and not (item.kind == "number" and _is_open(item, text, spoken))
    ]


def _is_open(item: Quantity, text: str, spoken: SpokenQuantities) -> bool:
    return item.value == 1 or (item.value in (2, 3, 4) and _next_word(text, item.end) not in spoken.counted)


def _next_word(text: str, end: int) -> str:
    """Return the word behind a number without its plural: days in "three days"; empty where it is a little word."""
    match = re.match(r"\s*-?\s*([^\W\d_]{3,})", text[end:])
    word = match[1].removesuffix("s") if match else ""
    return "" if word in ("and", "the", "for", "from", "with", "thi", "that", "are", "will", "people") else word


def find_quantities(text: str) -> list[Quantity]:
    """Return every number of a lower-case text with what its neighbours make of it."""
    taken: list[Quantity] = []
    for match in _DIGITAL.finditer(text):
        hour, minute = int(match[1]), int(match[2])
        if hour <= 24:
            meridiem = _MERIDIEM.match(text, match.end())
            end = meridiem.end() if meridiem else match.end()
            taken.append(Quantity("time", float(hour), match.start(), end, _as_time(hour, minute, _letter(meridiem))))
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
    if follower and _is_hour(value) and 0 <= follower[0] < 60 and re.fullmatch(r"[\s\-]*", text[end : follower[1]]):
        meridiem = _MERIDIEM.match(text, follower[2])
        if meridiem and meridiem[0].strip():  # five thirty p.m.
            time = _as_time(int(value), int(follower[0]), _letter(meridiem))
            return Quantity("time", value, start, meridiem.end(), time), 2
    meridiem = _MERIDIEM.match(text, end)
    if meridiem and _is_hour(value):
        return Quantity("time", value, start, meridiem.end(), _as_time(int(value), 0, _letter(meridiem))), 1
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
        if token not in _OPENERS and not token[0].isdigit():
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
        total, current, last = 0.0, value, 0.0 if token[0].isdigit() else value
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
    if token[0].isdigit():
        return float(re.sub("[, ]", "", token))
    return NUMBERS.get(token)


def _read_small(token: str) -> float | None:
    """Return what a word adds to the number before it; first and second are numbers only there."""
    return {"first": 1.0, "second": 2.0}.get(token, NUMBERS.get(token))


def _fits(part: float, last: float) -> bool:
    """Whether a number word goes on the number before it: twenty + five, hundred + fifty; not five + thirty."""
    return (20 <= last < 100 and last % 10 == 0 and 0 < part < 10) or (last >= 100 and 0 < part < last)


def _find_implied(text: str, found: list[Quantity]) -> set[float]:
    """Return the numbers that are said in another way than by their name; one always is."""
    values = {1.0}
    for word in set(re.findall(r"[^\W\d_]+", text)):
        values |= {float(value) for value in IMPLIED.get(word, IMPLIED.get(word.removesuffix("s"), ()))}
        if word.endswith("ties") and (ten := NUMBERS.get(word.removesuffix("ies") + "y")):  # the sixties
            values.add(ten)
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
                yield _as_time(value, 0, "")
            elif 100 <= value <= 2400 and value % 100 < 60:
                yield _as_time(value // 100, value % 100, "")
    for a, b in pairwise(found):
        between = text[a.end : b.start]
        if re.fullmatch(r"[\s\-:.]*", between) and _is_hour(a.value) and b.value < 60 and b.value.is_integer():
            yield _as_time(int(a.value), int(b.value), b.time[2] if b.time else "")
        if a.value < 60 and a.value.is_integer() and (relation := _RELATIVE.fullmatch(between)):
            yield from _relative(relation[1], int(a.value), b)
    for match in re.finditer(r"\b(half|quarter|a quarter)(?:\s+(past|after|to|before|till|of))?\s+", text):
        after = next((item for item in found if item.start == match.end()), None)
        if after is not None:
            yield from _relative(match[2] or "past", 30 if match[1] == "half" else 15, after)


def _relative(relation: str, minutes: int, item: Quantity) -> Iterator[Time]:
    hour = float(item.time[0]) if item.time else item.value
    if _is_hour(hour):
        letter = item.time[2] if item.time else ""
        if relation in ("past", "after"):
            yield (int(hour), minutes, letter)
        elif minutes:
            yield ((int(hour) - 2) % 12 + 1, 60 - minutes, letter)


def _as_time(hour: int, minute: int, letter: str) -> Time:
    if hour > 12 or hour == 0:
        letter = "a" if hour in (0, 24) else "p"
    return ((hour - 1) % 12 + 1, minute, letter)


def _letter(match: re.Match[str] | None) -> str:
    return (match[1] or match[2] or "") if match else ""


def _is_hour(value: float) -> bool:
    return 1 <= value <= 12 and value.is_integer()


def _is_same_time(a: Time, b: Time) -> bool:
    return a[:2] == b[:2] and (a[2] == b[2] or not a[2] or not b[2])


__all__ = ["Quantity", "SpokenQuantities", "find_quantities", "find_unsupported_quantities"]
