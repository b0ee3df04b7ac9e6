"""Krippendorff's alpha: published examples, the library, and the interval over items."""

import math

import krippendorff
import numpy as np
import pytest

from dialora.comparison.draws import Counts
from dialora.study.analysis.agreement import (
    NOMINAL,
    ORDINAL,
    count_values,
    measure_agreement,
    measure_agreements,
    resample_alpha,
)
from dialora.study.analysis.unblind import unblind
from tests.study.analysis.simulation import CRITERIA, Rater, draw_layout, draw_qualities, judge

N = None
# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section D: four observers, twelve units.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3),
    (N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N),
)
# Three coders, fifteen units: the example of Wikipedia's article on alpha.
CODERS = (
    (N, N, N, N, N, 3, 4, 1, 2, 1, 1, 3, 3, N, 3),
    (1, N, 2, 1, 3, 3, 4, 3, N, N, N, N, N, N, N),
    (N, N, 2, 1, 3, 4, 4, N, 2, 1, 1, 3, 3, N, 4),
)
Table = tuple[tuple[int | None, ...], ...]


def by_item(table: Table) -> dict[object, list[int]]:
    return {unit: [row[unit] - 1 for row in table if row[unit] is not None] for unit in range(len(table[0]))}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("table", "level", "published"),
    [(OBSERVERS, NOMINAL, 0.743), (OBSERVERS, ORDINAL, 0.815), (CODERS, NOMINAL, 0.691)],
)
def test_published_examples(table: Table, level: str, published: float) -> None:
    found = measure_agreement("it", by_item(table), level, 5)
    assert found.alpha == pytest.approx(published, abs=0.0005)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < found.alpha <= found.ci_high


class _EachItemOnce(Counts):
    def blocks(self):  # type: ignore[no-untyped-def]
        yield 0, np.ones((1, self.num_examples))


@pytest.mark.parametrize("level", [NOMINAL, ORDINAL])
def test_resampled_alpha_is_the_librarys(level: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        table = rng.integers(0, 5, (4, 30)).astype(float)
        table[:, ::2] = table[0, ::2]
        table[rng.random(table.shape) < 0.3] = np.nan
        given = [[int(value) for value in column if not math.isnan(value)] for column in table.T]
        counts = count_values(given, 5)
        counts = counts[counts.sum(axis=1) > 1]
        expected = krippendorff.alpha(table, level_of_measurement=level, value_domain=list(range(5)))
        (alpha,) = resample_alpha(counts, level, _EachItemOnce(len(counts), 1, 0))
        assert alpha == pytest.approx(expected)


def test_nothing_judged_twice_or_one_answer_alone_has_no_alpha() -> None:
    alone = measure_agreement("it", {1: [0], 2: [1]}, NOMINAL, 4)
    assert (alone.alpha, alone.ci_low, alone.num_items) == (None, None, 0)
    same = measure_agreement("it", {1: [2, 2], 2: [2, 2]}, NOMINAL, 4)
    assert (same.alpha, same.num_items) == (None, 2)


def test_full_agreement_on_two_items_bounds_nothing() -> None:
    found = measure_agreement("it", {1: [0, 0], 2: [1, 1], 3: [0, 0]}, NOMINAL, 4)
    assert (found.alpha, found.ci_low, found.ci_high) == (1, None, None)


def test_raters_of_one_mind_agree_and_others_do_not() -> None:
    layout = draw_layout(num_dialogues=40, design="both")
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 0.0}, rng, spread=3.0)
    alike = unblind(layout.key, layout.blind.sheets, judge(layout, [Rater(noise=0.01)] * 3, qualities, rng))
    apart = unblind(layout.key, layout.blind.sheets, judge(layout, [Rater(noise=30.0)] * 3, qualities, rng))
    of_alike = {one.what: one for one in measure_agreements(alike, CRITERIA)}
    of_apart = {one.what: one for one in measure_agreements(apart, CRITERIA)}
    assert list(of_alike) == ["preference", *CRITERIA]
    for what, found in of_alike.items():
        assert (found.alpha or 0) > 0.9
        assert (of_apart[what].ci_low or 0) < 0.1
        assert abs(of_apart[what].alpha or 0) < 0.3


def test_a_merged_text_is_one_judgement_of_agreement() -> None:
    same = [(f"d{at}", "zero", "full") for at in range(20)]
    layout = draw_layout(("full", "lora", "zero"), num_dialogues=20, identical=same)
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 0.0, "zero": 0.0}, rng)
    unblinded = unblind(layout.key, layout.blind.sheets, judge(layout, [Rater()] * 3, qualities, rng))
    (found,) = measure_agreements(unblinded, ())
    assert len(unblinded.preferred) == 2 * 60
    assert found.num_items == 20
