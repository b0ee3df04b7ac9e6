"""A conversation that is longer than a system reads → balanced parts with a little overlap, cut between turns."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

OVERLAP = 0.1
"""Share of what a part holds that it may repeat of the one before it: who was asked stands there."""
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|(?<=[。！？])")
_SPACE = re.compile(r"\s+")


def split_evenly(sizes: Sequence[int], capacity: int) -> list[range]:
    """Return the parts of a sequence, about as few as `capacity` allows and of like size.

    `sizes` are those of its turns in tokens, each at most `capacity`. Every turn is in a part, and a part begins with
    the last turns of the one before as far as they are short.
    """
    overlap = int(OVERLAP * capacity)
    ends = list(accumulate(sizes))
    num_parts = min(len(sizes), max(1, -(-ends[-1] // max(1, capacity - overlap))))
    while (bounds := _divide(ends, num_parts, capacity - overlap)) is None:
        # By about one in fifty, so that very many are found in few steps.
        num_parts = min(len(sizes), num_parts + 1 + num_parts // 50)
    return [
        range(
            _repeat(sizes, bounds[at - 1] if at else start, start, min(overlap, capacity - sum(sizes[start:stop]))),
            stop,
        )
        for at, (start, stop) in enumerate(pairwise(bounds))
    ]


def _divide(ends: Sequence[int], num_parts: int, most: int) -> list[int] | None:
    """Return where the parts begin, and the end, so that each has about as many tokens; `ends` are sums of the turns'.

    None where a part has more than `most`, and several turns.
    """
    bounds = [0]
    for at in range(1, num_parts):
        ideal = ends[-1] * at / num_parts
        stop = bisect_left(ends, ideal) + 1
        nearer = stop - 1 if stop > 1 and ideal - ends[stop - 2] < ends[stop - 1] - ideal else stop
        bounds.append(min(max(nearer, bounds[-1] + 1), len(ends) - num_parts + at))
    bounds.append(len(ends))
    sums = (ends[stop - 1] - (ends[start - 1] if start else 0) for start, stop in pairwise(bounds))
    is_right = all(
        size <= most or stop - start == 1 for size, (start, stop) in zip(sums, pairwise(bounds), strict=True)
    )
    return bounds if is_right or num_parts == len(ends) else None


def _repeat(sizes: Sequence[int], earliest: int, start: int, left: int) -> int:
    """Return from where a part that starts at `start` repeats turns of `left` tokens at most."""
    while start - 1 > earliest and sizes[start - 1] <= left:
        start -= 1
        left -= sizes[start]
    return start


def cut_text(text: str, limit: int, count: Callable[[str], int]) -> list[str]:
    """Return a text in pieces of at most `limit` tokens by `count`, cut at the end of a sentence, or else of a word.

    A single character is a piece, however many tokens it has.
    """
    if len(text) <= 1 or count(text) <= limit:
        return [text]
    middle = len(text) / 2
    for boundary in (_SENTENCE_END, _SPACE):
        places = [match.span() for match in boundary.finditer(text) if match.start() > 0 and match.end() < len(text)]
        if places:
            start, end = min(places, key=lambda place: abs(place[0] - middle))
            break
    else:
        start = end = len(text) // 2
    return [piece for half in (text[:start], text[end:]) for piece in cut_text(half, limit, count)]


__all__ = ["cut_text", "split_evenly"]
