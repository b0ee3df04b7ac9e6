"""The promise of a study: over many simulated ones, intervals hold what was planted and nothing is called in vain.

Raters have noise, lean to a side and are unequally strict; sheets are finished or not; one rater or several. What was
planted is what very many raters say of very many dialogues.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from dialora.study.analysis.preferences import compare_preferences
from dialora.study.analysis.ratings import average_ratings, compare_ratings
from dialora.study.analysis.strengths import fit_strengths
from dialora.study.analysis.unblind import Unblinded, unblind
from tests import sizes
from tests.study.analysis.simulation import CRITERIA, Rater, draw_layout, draw_qualities, judge

Found = tuple[float, float, float, bool]
"""Estimate, interval, whether it is called a difference."""
Measure = Callable[[Unblinded, int], list[Found]]
PAIR = ("full", "lora")
NUM_STRONG = 120
"""Studies for each of two dozen cells; decision 17 has 500."""


@dataclass(frozen=True)
class Cell:
    """Studies of one kind."""

    num_dialogues: int
    num_raters: int
    planted: tuple[float, ...] = (0.0, 0.0)
    """Each system's quality."""
    raters_per_dialogue: int | None = None
    is_unfinished: bool = False
    design: str = "pairwise"
    strictness: float = 0.5
    """Standard deviation over raters."""
    are_alike: bool = False
    """Raters have the same noise and the same ties: of one rater an interval speaks of that rater alone."""

    @property
    def systems(self) -> tuple[str, ...]:
        return (*PAIR, "zero", "human")[: len(self.planted)]


def draw_raters(cell: Cell, number: int, rng: np.random.Generator) -> list[Rater]:
    if cell.are_alike:
        return [Rater(side=0.6 * rng.choice([-1, 1])) for _ in range(number)]
    return [
        Rater(
            noise=rng.uniform(0.8, 1.2),
            side=rng.normal(0, 0.6),
            margin=rng.uniform(0.2, 0.8),
            strictness=rng.normal(0, cell.strictness),
        )
        for _ in range(number)
    ]


def simulate(cell: Cell, number: int, measure: Measure, seed: int = 100) -> np.ndarray:
    """Return what `measure` finds in each study, (number, num_measured, 4)."""
    layout = draw_layout(
        cell.systems,
        num_dialogues=cell.num_dialogues,
        num_raters=cell.num_raters,
        raters_per_dialogue=cell.raters_per_dialogue,
        design=cell.design,
    )
    planted = dict(zip(cell.systems, cell.planted, strict=True))
    rng = np.random.default_rng(seed)
    found = []
    for at in range(number):
        finished = rng.uniform(0.3, 1.0, cell.num_raters) if cell.is_unfinished else np.ones(cell.num_raters)
        raters = draw_raters(cell, cell.num_raters, rng)
        judgements = judge(layout, raters, draw_qualities(layout, planted, rng), rng, finished=finished.tolist())
        found.append(measure(unblind(layout.key, layout.blind.sheets, judgements), at))
    return np.array(found, dtype=float)


def find_truth(cell: Cell, measure: Measure) -> np.ndarray:
    """Return what two hundred raters say of a thousand other dialogues."""
    large = replace(cell, num_dialogues=1000, num_raters=200, raters_per_dialogue=20, is_unfinished=False)
    return measure_once(large, measure)


@cache
def measure_once(cell: Cell, measure: Measure) -> np.ndarray:
    return simulate(cell, 1, measure, seed=99)[0, :, 0]


def measure_shares(unblinded: Unblinded, seed: int) -> list[Found]:
    return [
        (pair.share, pair.ci_low, pair.ci_high, pair.is_clear)
        for pair in compare_preferences(unblinded, seed=seed, num_resamples=500)
    ]


def measure_differences(unblinded: Unblinded, seed: int) -> list[Found]:
    return [
        (row.difference, row.ci_low, row.ci_high, row.is_clear)
        for row in compare_ratings(unblinded, CRITERIA[:1], seed=seed, num_resamples=500)
    ]


def measure_means(unblinded: Unblinded, seed: int) -> list[Found]:
    return [(row.mean, row.ci_low, row.ci_high, False) for row in average_ratings(unblinded, PAIR[1:], CRITERIA[:1])]


def measure_strengths(unblinded: Unblinded, seed: int) -> list[Found]:
    systems = list(dict.fromkeys(key for pair in reversed(unblinded.pairs) for key in reversed(pair)))
    found = fit_strengths(unblinded, systems)
    return [(row.log_strength, row.ci_low, row.ci_high, False) for row in found]


def cover(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return ((found[:, :, 1] <= truth) & (truth <= found[:, :, 2])).mean(axis=0)


PLANTED = (0.0, 0.6)
KINDS = [
    Cell(20, 3),
    Cell(60, 3),
    Cell(40, 3, is_unfinished=True),
    Cell(40, 6, raters_per_dialogue=3),
    Cell(40, 6, raters_per_dialogue=2, is_unfinished=True),
]
ONE_RATER, MANY_PAIRS = Cell(40, 1), Cell(30, 3, (0.0, 0.0, 0.0, 0.0))


def require_calibrated(cells: list[Cell], measure: Measure, *, number: int = 1000) -> None:
    """Cover 95 % ± 1.5 of what was planted in all studies, and call no more than 5 % where nothing was.

    Of a thousand studies of one kind either is known to 0.7 % (one standard error): each may be three of them off.
    """
    covered, called = [], []
    for cell in cells:
        found = simulate(cell, number, measure)
        truth = np.zeros(found.shape[1]) + (0.5 if measure is measure_shares else 0.0)
        if any(cell.planted):
            truth = find_truth(cell, measure)
        else:
            # One of all pairs is enough.
            called.append(found[:, :, 3].max(axis=1).mean())
        covered.append(cover(found, truth).mean())
    noise = 3 * (0.95 * 0.05 / number) ** 0.5
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015 if number >= 1000 else noise)
    assert all(abs(one - 0.95) <= 0.015 + noise for one in covered)
    if called:
        assert np.mean(called) <= (0.05 if number >= 1000 else 0.05 + noise)
        assert max(called) <= 0.05 + noise


def test_a_hundred_studies_of_some_kinds() -> None:
    require_calibrated([KINDS[0], replace(KINDS[2], planted=PLANTED)], measure_shares, number=100)
    require_calibrated([replace(KINDS[0], design="rating")], measure_differences, number=100)


@pytest.mark.slow
def test_where_nothing_was_planted_shares_hold_it_and_nothing_is_called_in_vain() -> None:
    require_calibrated([*KINDS, ONE_RATER, MANY_PAIRS], measure_shares)


@pytest.mark.slow
def test_shares_hold_what_was_planted() -> None:
    require_calibrated([replace(cell, planted=PLANTED) for cell in (*KINDS, ONE_RATER)], measure_shares)


@pytest.mark.slow
@pytest.mark.parametrize("planted", [(0.0, 0.0), PLANTED])
def test_rating_differences_hold_what_was_planted(planted: tuple[float, ...]) -> None:
    cells = (KINDS[0], KINDS[2], KINDS[4])
    require_calibrated([replace(cell, planted=planted, design="rating") for cell in cells], measure_differences)


@pytest.mark.slow
def test_rating_means_hold_what_was_planted_though_raters_are_unequally_strict() -> None:
    truth = find_truth(Cell(40, 3, design="rating", strictness=0.0), measure_means)
    cells = [Cell(40, raters, design="rating", strictness=strict) for raters in (3, 5) for strict in (0.3, 0.8)]
    covered = [cover(simulate(cell, 1000, measure_means), truth)[0] for cell in cells]
    # From three raters there is no telling how others differ: rather too wide than too narrow.
    assert np.mean(covered) == pytest.approx(0.955, abs=0.015)
    assert all(0.93 <= one <= 0.985 for one in covered)


@pytest.mark.slow
def test_strengths_hold_what_was_planted() -> None:
    cells = [Cell(20, 3, (0.0, 0.4, 0.8)), Cell(40, 3, (0.0, 0.0, 0.0)), Cell(40, 1, (0.0, 0.5))]
    require_calibrated(cells, measure_strengths)


def list_strong_cells() -> list[Cell]:
    """Studies in which one system is far ahead, preferred in 82 to 97 %: beside a human, an untrained base is."""
    planted = [(0.0, 1.5), (0.0, 2.5), (0.0, 3.5), (0.0, 0.5, 2.5), (0.0, 1.75, 3.5), (0.0, 0.3, 0.6, 3.0)]
    return [
        Cell(dialogues, raters, qualities, are_alike=True)
        for qualities in planted
        for dialogues in (20, 60)
        for raters in (1, 3)
    ]


def cover_strengths(cell: Cell, number: int) -> float:
    return float(cover(simulate(cell, number, measure_strengths), find_truth(cell, measure_strengths)).mean())


def test_two_hundred_studies_with_one_system_far_ahead() -> None:
    assert cover_strengths(Cell(60, 1, (0.0, 2.5), are_alike=True), 200) >= 0.92


@sizes.thorough
@pytest.mark.slow
def test_strengths_hold_where_one_system_is_far_ahead() -> None:
    covered = {cell: cover_strengths(cell, NUM_STRONG) for cell in list_strong_cells()}
    assert np.mean(list(covered.values())) == pytest.approx(0.95, abs=0.015)
    assert min(covered.values()) >= 0.92, covered
