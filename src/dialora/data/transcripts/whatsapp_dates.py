"""WhatsApp's dates: the header of a message in any locale, and the order of day and month, decided once for a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Signs of direction, which open notices and stand around names and numbers."""
_SPACES = re.compile("[\u00a0\u2009\u202f\u3000]")


def _either(words: str) -> str:
    """Return a pattern of any of the words between commas; dots and spaces in one may be missing."""
    plain = (re.escape(" ".join(word.split())) for word in words.split(","))
    return "|".join(word.replace(r"\.", r"\.?").replace(r"\ ", " ?") for word in plain)


_MORNING = _either(
    """
    a. m., 上午, 凌晨, 清晨, 早上, 오전, 午前, ص, ق.ظ., قبل\u200cازظهر, ÖÖ, π.μ., пр.об., de., PG, SA, ap., fm, dop.,
    vm., לפנה״צ, ก่อนเที่ยง, priešpiet, priekšp., претпл., пре подне, e paradites, p. d., дп, முற்பகல்
    """
)
_AFTERNOON = _either(
    """
    p. m., 下午, 中午, 晚上, 오후, 午後,
    م, ب.ظ., بعدازظهر, ÖS, μ.μ., сл.об., du., PTG, CH, ip., em, odp., pop., nm.,
    אחה״צ, หลังเที่ยง, popiet, pēcp., попл., по подне, e pasdites, m. d., пп, பிற்பகல்
    """
)
_IS_AFTERNOON = re.compile(_AFTERNOON, re.IGNORECASE)
_HALF = f"(?:{_MORNING}|{_AFTERNOON})"
_DATE = (
    r"(?P<a>\d{1,4})(?P<sign>[./-] ?|[年년] ?)(?P<b>\d{1,2})(?:[./-] ?|[月월] ?)"
    r"(?P<c>\d{1,4})(?:\.|[日일]| ?г\.?| ?р\.?| ?ж\.?)?"
)
_TIME = (
    rf"(?P<before>{_HALF})? ?(?P<hour>\d{{1,2}})(?:[:.]| h )(?P<minute>\d{{2}})(?:(?:[:.]| min )(?P<second>\d{{2}}))?"
    rf" ?(?P<half>{_HALF})?(?: Uhr| ч\.?| s)?"
)
_BETWEEN = "(?:,|،)? ?(?:klo|kl\\.?|um|at|à|às|alle|o|в|,)? ?"
_HEADERS = tuple(
    re.compile(rf"^(?P<open>\[)?{moment}(?(open)\] ?| ?[-–] )(?P<rest>.*)$", re.DOTALL | re.IGNORECASE)
    for moment in (_DATE + _BETWEEN + _TIME, f"{_TIME},? {_DATE}")
)
"""Vietnamese has the time first."""
_MOST_DAYS = 31
_LOOKED_AT = 100
"""Characters in which a header ends."""
DMY, MDY, YMD = "day, month, year", "month, day, year", "year, month, day"


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a message, its date in the file's own order."""

    date: tuple[int, int, int]
    hour: int
    minute: int
    second: int
    has_half: bool
    """Whether the hour is one of twelve."""
    rest: str
    """What stands behind it, with its signs of direction."""
    has_dots: bool
    """Whether dots divide the date."""


def find_header(line: str) -> Header | None:
    """Return the header of a line; None where it has none."""
    plain = _SPACES.sub(" ", MARKS.sub("", line[:_LOOKED_AT]))
    match = next(filter(None, (header.match(plain) for header in _HEADERS)), None)
    if match is None:
        return None
    half = match["half"] or match["before"]
    hour = int(match["hour"])
    if half:
        hour = hour % 12 + (12 if _IS_AFTERNOON.fullmatch(half) else 0)
    date = (int(match["a"]), int(match["b"]), int(match["c"]))
    # The rest keeps its signs: they tell notices from what people write.
    rest = _drop(line, len(plain) - len(match["rest"]))
    return Header(
        date, hour, int(match["minute"]), int(match["second"] or 0), bool(half), rest, match["sign"].strip() == "."
    )


def find_order(headers: Sequence[Header]) -> str | None:
    """Return in which order all dates of a file can be read; None where they cannot be told.

    A year of four digits or a number above twelve decides, or else that no message is written before the one above it,
    or that dots divide them, as they do where the day comes first.
    """
    dates = [header.date for header in headers]
    if any(first > _MOST_DAYS for first, _, _ in dates):
        return YMD
    fits = [order for order in (DMY, MDY) if all(_build(header, order) is not None for header in headers)]
    if len(fits) == 2:
        rising = [order for order in fits if _is_rising(dates, order)]
        is_told = len(set(dates)) == 1 or all(header.has_dots for header in headers)
        fits = rising if len(rising) == 1 else [DMY] if is_told else []
    return fits[0] if fits else None


def find_moment(header: Header, order: str | None) -> float | None:
    """Return when a message was written, in seconds of the phone's clock; None where that cannot be told."""
    moment = _build(header, order) if order else None
    return None if moment is None else moment.timestamp()


def _build(header: Header, order: str) -> datetime | None:
    year, month, day = _sort(header.date, order)
    try:
        year += 2000 if year < 100 else 0
        return datetime(year, month, day, header.hour, header.minute, header.second, tzinfo=UTC)
    except ValueError:
        return None


def _sort(date: tuple[int, int, int], order: str) -> tuple[int, int, int]:
    a, b, c = date
    return (a, b, c) if order == YMD else (c, b, a) if order == DMY else (c, a, b)


def _is_rising(dates: Sequence[tuple[int, int, int]], order: str) -> bool:
    return all(_sort(a, order) <= _sort(b, order) for a, b in pairwise(dates))


def _drop(line: str, count: int) -> str:
    """Return what is left of a line behind `count` of its characters that are no signs of direction."""
    at = 0
    while count and at < len(line):
        count -= not MARKS.match(line[at])
        at += 1
    return line[at:]


__all__ = ["DMY", "MARKS", "MDY", "YMD", "Header", "find_header", "find_moment", "find_order"]
