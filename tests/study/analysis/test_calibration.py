"""The promise of a study: over many simulated ones, intervals hold what was planted and nothing is called in vain.

Raters have noise, lean to a side and are unequally strict; sheets are finished or not; one rater or several. What was
planted is what very many raters say of very many dialogues.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from dialora.study.analysis.bradley_terry import fit_strengths
from dialora.study.analysis.preferences import compare_preferences
from dialora.study.analysis.ratings import average_ratings, compare_ratings
from dialora.study.analysis.unblind import Unblinded, unblind
from tests.study.analysis.simulation import CRITERIA, Rater, draw_layout, draw_qualities, judge

Found = tuple[float, float, float, bool]
"""Estimate, interval, whether it is called a difference."""
Measure = Callable[[Unblinded, int], list[Found]]
PAIR = ("full", "lora")


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

    @property
    def systems(self) -> tuple[str, ...]:
        return (*PAIR, "zero", "human")[: len(self.planted)]


def draw_raters(cell: Cell, number: int, rng: np.random.Generator) -> list[Rater]:
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


@cache
def find_truth(planted: tuple[float, ...], design: str, measure: Measure) -> np.ndarray:
    """Return what two hundred raters, none stricter than another, say of a thousand other dialogues."""
    large = Cell(1000, 200, planted, raters_per_dialogue=20, design=design, strictness=0)
    return simulate(large, 1, measure, seed=99)[0, :, 0]


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
    found = fit_strengths(unblinded, systems, seed=seed, num_resamples=400)
    return [(row.log_strength, row.ci_low, row.ci_high, False) for row in found]


def cover(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return ((found[:, :, 1] <= truth) & (truth <= found[:, :, 2])).mean(axis=0)


CELLS = [
    Cell(20, 3),
    Cell(60, 3),
    Cell(40, 1),
    Cell(40, 3, is_unfinished=True),
    Cell(40, 6, raters_per_dialogue=3),
    Cell(20, 3, (0.0, 0.8)),
    Cell(60, 3, (0.0, 0.6)),
    Cell(40, 1, (0.0, 0.6)),
    Cell(40, 3, (0.0, 0.6), is_unfinished=True),
    Cell(40, 6, (0.0, 0.6), raters_per_dialogue=2, is_unfinished=True),
    Cell(30, 3, (0.0, 0.0, 0.0, 0.0)),
]


def test_a_hundred_studies_of_each_kind() -> None:
    for measure, design in ((measure_shares, "pairwise"), (measure_differences, "rating")):
        found = simulate(Cell(20, 3, design=design), 100, measure)
        centre = 0.5 if design == "pairwise" else 0.0
        assert cover(found, np.array([centre]))[0] >= 0.88
        assert found[:, 0, 3].mean() <= 0.12


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_shares_hold_what_was_planted_and_call_nothing_without_cause(cell: Cell) -> None:
    found = simulate(cell, 1000, measure_shares)
    if any(cell.planted):
        truth = find_truth(cell.planted, cell.design, measure_shares)
        assert truth[0] > 0.55
    else:
        truth = np.full(found.shape[1], 0.5)
        # Of all pairs together.
        assert (found[:, :, 3].max(axis=1)).mean() <= 0.05
    assert abs(cover(found, truth).mean() - 0.95) <= 0.015


@pytest.mark.slow
@pytest.mark.parametrize("cell", [*CELLS[:2], CELLS[3], CELLS[6], CELLS[9]], ids=str)
def test_rating_differences_hold_what_was_planted(cell: Cell) -> None:
    cell = Cell(
        cell.num_dialogues, cell.num_raters, cell.planted, cell.raters_per_dialogue, cell.is_unfinished, design="rating"
    )
    found = simulate(cell, 1000, measure_differences)
    if any(cell.planted):
        truth = find_truth(cell.planted, cell.design, measure_differences)
    else:
        truth = np.zeros(1)
        assert found[:, 0, 3].mean() <= 0.05
    assert abs(cover(found, truth)[0] - 0.95) <= 0.015


@pytest.mark.slow
@pytest.mark.parametrize("strictness", [0.3, 0.8])
@pytest.mark.parametrize("num_raters", [3, 5])
def test_rating_means_hold_what_was_planted_though_raters_are_unequally_strict(
    num_raters: int, strictness: float
) -> None:
    cell = Cell(40, num_raters, design="rating", strictness=strictness)
    truth = find_truth((0.0, 0.0), "rating", measure_means)
    # From three to five raters there is no telling how raters differ: rather too wide than too narrow.
    assert 0.925 <= cover(simulate(cell, 1000, measure_means), truth)[0] <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", [Cell(20, 3, (0.0, 0.4, 0.8)), Cell(60, 3, (0.0, 0.0, 0.0)), Cell(40, 1, (0.0, 0.5))], ids=str
)
def test_strengths_hold_what_was_planted(cell: Cell) -> None:
    truth = (
        find_truth(cell.planted, cell.design, measure_strengths) if any(cell.planted) else np.zeros(len(cell.planted))
    )
    found = simulate(cell, 1000, measure_strengths)
    assert cover(found, truth).mean() == pytest.approx(0.95, abs=0.015)
