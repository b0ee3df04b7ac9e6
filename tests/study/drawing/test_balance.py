"""Positions, assignment and orders are balanced exactly, whatever the shape of the study."""

import random
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from dialora.study.drawing.positions import find_imbalance
from dialora.study.folder import BlindStudy
from dialora.study.key import ATTENTION, JUDGED, REPEAT, StudyKey
from dialora.study.records import PAIRWISE, RATING
from tests.study.drawing.pools import build_pool, count_first, draw, judged, roles

SHAPES = list(range(40))


def draw_shape(number: int, design: str | None = None, *, same: float = 0.0) -> tuple[BlindStudy, StudyKey, int]:
    """A study of a shape drawn at random; with how many raters judge each item."""
    rng = random.Random(f"shape {number}")
    raters = rng.randint(1, 6)
    judges = rng.randint(1, raters)
    pool = build_pool(rng.randint(2, 40), rng.randint(2, 5), same=same, seed=number)
    study, key, _ = draw(
        pool,
        design=design or rng.choice(["pairwise", "rating", "both"]),
        num_raters=raters,
        judgements_per_item=judges,
        num_dialogues=rng.randint(1, 40),
        seed=number,
    )
    return study, key, judges


@pytest.mark.parametrize("number", SHAPES)
def test_of_two_systems_each_is_shown_first_equally_often(number: int) -> None:
    study, key, _ = draw_shape(number, "pairwise" if number % 2 else "both")
    total: Counter[tuple[str, str]] = Counter()
    for sheet in study.sheets:
        in_sheet = count_first(study, key, sheet)
        assert all(abs(value) <= 1 for value in in_sheet.values())
        total.update(in_sheet)
    assert total
    assert all(abs(value) <= 1 for value in total.values())


@pytest.mark.parametrize("number", SHAPES)
def test_texts_with_several_writers_are_balanced_too(number: int) -> None:
    study, key, _ = draw_shape(number, "pairwise", same=0.3)
    keys = {item.id: item for item in key.items}
    assert number or any(len(writers) > 1 for item in key.items for writers in item.writers)
    total: Counter[tuple[str, str]] = Counter()
    for sheet in study.sheets:
        total.update(count_first(study, key, sheet))
        assert all(abs(value) <= 1 for value in count_first(study, key, sheet).values())
    assert all(abs(value) <= 1 for value in total.values())
    sides = {
        (sheet.number, entry.item): entry.is_swapped
        for sheet in study.sheets
        for entry in sheet.entries
        if keys[entry.item].role == JUDGED
    }
    assert find_imbalance(sides, keys) <= 1


@pytest.mark.parametrize("number", SHAPES)
def test_an_item_is_shown_both_ways_round_to_its_raters(number: int) -> None:
    study, key, _ = draw_shape(number, "pairwise")
    shown: dict[str, list[bool]] = defaultdict(list)
    for sheet in study.sheets:
        for entry in sheet.entries:
            if roles(key)[entry.item] == JUDGED:
                shown[entry.item].append(entry.is_swapped)
    assert all(abs(2 * sum(swapped) - len(swapped)) <= 1 for swapped in shown.values())


@pytest.mark.parametrize("number", SHAPES)
def test_each_item_has_exactly_so_many_raters_and_sheets_are_one_apart(number: int) -> None:
    study, key, judges = draw_shape(number, same=0.2)
    counts: Counter[str] = Counter()
    for sheet in study.sheets:
        items = judged(study, key, sheet)
        assert len(items) == len(set(items))
        counts.update(items)
    assert set(counts.values()) == {judges}
    assert set(counts) == {item for item, role in roles(key).items() if role == JUDGED}
    lengths = [len(judged(study, key, sheet)) for sheet in study.sheets]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("number", SHAPES)
def test_ratings_stand_in_each_place_equally_often(number: int) -> None:
    study, key, _ = draw_shape(number, "rating" if number % 2 else "both")
    keys = {item.id: item for item in key.items}
    total: Counter[tuple[object, ...]] = Counter()
    for sheet in study.sheets:
        by_dialogue: dict[str, list[str]] = defaultdict(list)
        for entry in sheet.entries:
            if keys[entry.item].role == JUDGED and study.items[entry.item].kind == RATING:
                by_dialogue[keys[entry.item].dialogue_id].append(keys[entry.item].writers[0][0])
        places: Counter[tuple[object, ...]] = Counter()
        for writers in by_dialogue.values():
            for at, writer in enumerate(writers):
                places[frozenset(writers), writer, at] += 1
        require_even(places)
        total.update(places)
    require_even(total)


def require_even(places: Counter[tuple[object, ...]]) -> None:
    """Of those who wrote of the same dialogues, no place is one's more than once more often than another's."""
    counts: dict[object, list[int]] = defaultdict(list)
    for (writers, _, at), count in places.items():
        counts[writers, at].append(count)
    for (writers, _), found in counts.items():  # type: ignore[misc]
        missing = [0] * (len(writers) - len(found))  # type: ignore[has-type]
        assert max(found) - min(found + missing) <= 1


@pytest.mark.parametrize("number", SHAPES)
def test_a_dialogues_items_stay_together_ratings_first(number: int) -> None:
    study, key, _ = draw_shape(number, "both", same=0.2)
    keys = {item.id: item for item in key.items}
    for sheet in study.sheets:
        entries = [keys[entry.item] for entry in sheet.entries if keys[entry.item].role != REPEAT]
        order = [item.dialogue_id for item in entries]
        assert len([1 for a, b in pairwise(order) if a != b]) + 1 == len(set(order))
        for dialogue in set(order):
            kinds = [study.items[item.id].kind for item in entries if item.dialogue_id == dialogue]
            assert kinds == sorted(kinds, reverse=True)  # "rating" before "pairwise"


@pytest.mark.parametrize("number", SHAPES)
def test_repeats_and_checks_are_the_other_way_round_in_turn(number: int) -> None:
    study, key, _ = draw_shape(number, "pairwise")
    keys = {item.id: item for item in key.items}
    of_checks = 0
    for sheet in study.sheets:
        swapped = {entry.item: entry.is_swapped for entry in sheet.entries}
        for entry in sheet.entries:
            if keys[entry.item].role == REPEAT:
                assert entry.is_swapped != swapped[keys[entry.item].of or ""]
        checks = [entry for entry in sheet.entries if keys[entry.item].role == ATTENTION]
        first = [(keys[entry.item].better == 0) != entry.is_swapped for entry in checks]
        assert abs(2 * sum(first) - len(first)) <= 1
        of_checks += 2 * sum(first) - len(first)
    assert abs(of_checks) <= 1


def test_repeats_show_each_system_first_equally_often() -> None:
    study, key, _ = draw(build_pool(60, 3), num_dialogues=60, repeats=12)
    total: Counter[tuple[str, str]] = Counter()
    for sheet in study.sheets:
        found = count_first(study, key, sheet, role=REPEAT)
        assert sum(1 for entry in sheet.entries if roles(key)[entry.item] == REPEAT) == 12
        assert all(abs(value) <= 1 for value in found.values())
        total.update(found)
    assert all(abs(value) <= 1 for value in total.values())


def test_repeats_come_half_a_sheet_after_what_they_repeat() -> None:
    study, key, _ = draw(build_pool(60, 2), num_dialogues=60)
    keys = {item.id: item for item in key.items}
    for sheet in study.sheets:
        places = {entry.item: at for at, entry in enumerate(sheet.entries)}
        repeats = [item for item in places if keys[item].role == REPEAT]
        assert len(repeats) == 4
        for item in repeats:
            original = keys[item].of or ""
            assert places[item] - places[original] >= 25
            assert study.items[item].texts == study.items[original].texts
            assert study.items[item].kind == PAIRWISE


def test_raters_see_dialogues_in_orders_of_their_own() -> None:
    study, key, _ = draw(build_pool(30, 2), num_dialogues=30)
    orders = [tuple(judged(study, key, sheet)) for sheet in study.sheets]
    assert len(set(orders)) == len(orders)
