"""What is too long is cut between turns, into parts of like size with a little overlap, and nothing is lost."""

from __future__ import annotations

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dialora.systems.splitting import OVERLAP, cut_text, split_evenly

CAPACITIES = st.integers(1, 600)


@given(data=st.data(), capacity=CAPACITIES)
def test_every_turn_is_in_a_part_that_is_read_whole(data: st.DataObject, capacity: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, capacity), min_size=1, max_size=200))
    parts = split_evenly(sizes, capacity)
    assert sorted({at for part in parts for at in part}) == list(range(len(sizes)))
    assert all(sum(sizes[at] for at in part) <= capacity for part in parts)
    for before, after in pairwise(parts):
        assert before.start < after.start <= before.stop < after.stop
        assert sum(sizes[at] for at in range(after.start, before.stop)) <= OVERLAP * capacity


@given(sizes=st.lists(st.integers(1, 40), min_size=100, max_size=400))
def test_parts_are_of_like_size_and_few(sizes: list[int]) -> None:
    parts = split_evenly(sizes, 400)
    new = [sum(sizes[before.stop : after.stop]) for before, after in pairwise([range(0), *parts])]
    assert max(new) - min(new) <= 2 * max(sizes)
    assert len(parts) <= sum(sizes) / (400 * (1 - OVERLAP) - max(sizes)) + 1


def test_short_turns_before_a_cut_are_repeated_behind_it() -> None:
    parts = split_evenly([10] * 40, 100)
    assert all(before.stop - after.start == 1 for before, after in pairwise(parts))
    # A long one is not: it would be read twice.
    assert all(before.stop == after.start for before, after in pairwise(split_evenly([40] * 10, 100)))


@given(text=st.text(min_size=1, max_size=300), limit=st.integers(1, 20))
def test_a_long_turn_is_cut_into_pieces_that_fit_and_loses_nothing_but_spaces(text: str, limit: int) -> None:
    pieces = cut_text(text, limit, len)
    assert all(len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_long_turn_is_cut_where_sentences_end() -> None:
    text = "One two three. Four five six. Seven eight nine. Ten eleven twelve."
    assert cut_text(text, 6, lambda piece: len(piece.split())) == [
        "One two three. Four five six.",
        "Seven eight nine. Ten eleven twelve.",
    ]
    assert cut_text("one two three four", 2, lambda piece: len(piece.split())) == ["one two", "three four"]
    assert cut_text("你好。再见。", 3, len) == ["你好。", "再见。"]


def test_very_many_turns_are_divided_in_a_moment() -> None:
    """Where most turns fill a part alone, twice as many parts are needed as their sum says."""
    sizes = [1, 480, 1, 500, 499] * 4_000
    started = time.monotonic()
    parts = split_evenly(sizes, 500)
    assert time.monotonic() - started < 15
    assert max(sum(sizes[part.start : part.stop]) for part in parts) <= 500
    assert sorted({at for part in parts for at in part}) == list(range(len(sizes)))
