"""The mean over dialogues and raters, its interval, and the quantiles it is made with."""

import numpy as np
import pytest
from scipy import stats

from dialora.study.analysis.distributions import f_quantile, student_quantile
from dialora.study.analysis.intervals import Judged, collect, estimate_mean, measure_rater_spread


def judged(table: np.ndarray) -> Judged:
    """Every rater, a column, has judged every dialogue, a row; nan where not."""
    return collect(
        (f"d{row:03}", column, float(table[row, column])) for row, column in np.argwhere(~np.isnan(table)).tolist()
    )


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 19, 59, 400])
def test_student_quantile_is_the_upper_one(freedom: int) -> None:
    assert student_quantile(freedom) == pytest.approx(stats.t.isf(0.025, freedom), rel=1e-9)


@pytest.mark.parametrize(("above", "below"), [(1, 1), (1, 19), (2, 38), (4, 236), (11, 300)])
def test_f_quantile_is_the_upper_one(above: int, below: int) -> None:
    assert f_quantile(above, below, 0.1) == pytest.approx(stats.f.isf(0.1, above, below), rel=1e-9)


def test_one_rater_gives_students_interval_in_the_middle_of_the_scale() -> None:
    values = np.random.default_rng(0).normal(0, 0.3, (50, 1))
    found = estimate_mean(judged(values), lowest=-40, highest=40)
    expected = stats.t.interval(0.95, 49, values.mean(), stats.sem(values[:, 0]))
    assert (found.ci_low, found.ci_high) == pytest.approx(expected, abs=1e-3)


def test_interval_stays_within_the_scale() -> None:
    values = np.where(np.random.default_rng(0).random((20, 3)) < 0.95, 1.0, 0.0)
    found = estimate_mean(judged(values), lowest=0, highest=1)
    assert 0 < found.ci_low < found.mean < found.ci_high <= 1


def test_interval_where_all_said_the_same_still_allows_what_was_not_seen() -> None:
    unseen = 1 - 0.025 ** (1 / 20)
    won = estimate_mean(judged(np.ones((20, 3))), lowest=0, highest=1)
    assert (won.ci_low, won.ci_high) == pytest.approx((1 - unseen, 1))
    tied = estimate_mean(judged(np.full((20, 3), 0.5)), lowest=0, highest=1)
    assert (tied.ci_low, tied.ci_high) == pytest.approx((0.5 - unseen / 2, 0.5 + unseen / 2))


def test_one_dialogue_says_next_to_nothing() -> None:
    found = estimate_mean(judged(np.array([[1.0, 1.0, 0.0]])), lowest=0, highest=1)
    assert found.ci_high - found.ci_low > 0.95


def test_raters_who_differ_widen_the_interval_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    alike = rng.normal(0, 1, (60, 3))
    apart = alike + np.array([-1.0, 0.0, 1.0])
    assert measure_rater_spread(judged(alike), num_dialogues=60) is None
    spread = measure_rater_spread(judged(apart), num_dialogues=60)
    assert spread is not None
    # Their offsets have a variance of 1; a third of it is the mean's.
    assert spread.variance == pytest.approx(1 / 3, rel=0.3)
    assert spread.reach == pytest.approx(spread.variance * stats.t.isf(0.025, 2) ** 2)


def test_variance_of_raters_is_that_of_the_analysis_of_variance() -> None:
    table = np.random.default_rng(2).normal(0, 1, (12, 4)) + 3 * np.arange(4)
    spread = measure_rater_spread(judged(table), num_dialogues=12)
    of_raters = 12 * table.mean(axis=0).var(ddof=1)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    within = (rest**2).sum() / (11 * 3)
    assert spread is not None
    assert spread.variance == pytest.approx((of_raters - within) / (12 * 4))


def test_raters_of_an_unfinished_study_are_told_apart_from_dialogues() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(0, 1, (200, 1)) * 3 + np.array([-2.0, 0.0, 2.0]) + rng.normal(0, 0.3, (200, 3))
    table[rng.random(table.shape) < 0.4] = np.nan
    spread = measure_rater_spread(judged(table), num_dialogues=judged(table).num_dialogues)
    assert spread is not None
    assert spread.variance == pytest.approx(4 / 3, rel=0.3)


def test_several_judgements_of_one_rater_on_one_dialogue_count_as_one() -> None:
    twice = collect([("d1", 1, 0.0), ("d1", 1, 1.0), ("d2", 1, 1.0)])
    assert twice.values.tolist() == [0.5, 1.0]
