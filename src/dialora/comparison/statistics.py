"""The statistics of paired scores: intervals, tests, and what a test set of this size can show.

Takes one score per dialogue and run, gives plain numbers; knows nothing of systems, methods or ROUGE. The unit is the
dialogue everywhere; runs that differ in their seed are a second thing that could have come out otherwise. numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dialora.comparison.draws import BLOCK_NUMBERS, BLOCK_ROWS, Counts, Floats, draw_signs

CONFIDENCE = 0.95
POWER = 0.8
BLOCK_COLUMNS = 256
"""So many columns are multiplied at once: memory stays small however many systems there are."""
DRAWS_PER_PAIR, MOST_DRAWS = 200, 100_000
"""A correction over so many pairs divides 5 % by them; ten times as many draws tell p-values of that size."""
FEW = 20
"""Draws that reach what was observed; with fewer, p is not known well enough to be multiplied."""
CLEAR = 1e-3
"""A corrected p-value that no further draw could make unclear."""
NUM_DRAWN = 100_000
"""Draws that a quantile is read from where there is no formula."""
MOST_SEEDS = 50
"""From so many on Student's t is as good as normal."""


def bootstrap_interval(values: Floats, draws: Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of `values`, (num_examples,); see `bootstrap_intervals`."""
    return bootstrap_intervals(values[:, None], draws)[0]


def bootstrap_intervals(columns: Floats, draws: Counts) -> list[tuple[float, float]]:
    """Return the 95 % percentile interval of each column's mean (Efron & Tibshirani 1993, chapter 13).

    `columns` is (num_examples, num_columns), one row for each dialogue of `draws`.
    """
    intervals: list[tuple[float, float]] = []
    for start in range(0, columns.shape[1], BLOCK_COLUMNS):
        intervals += find_percentiles(resample_means(columns[:, start : start + BLOCK_COLUMNS], draws))
    return intervals


def resample_means(columns: Floats, draws: Counts) -> Floats:
    """Return each column's mean in each resample of the dialogues: (num_resamples, num_columns)."""
    means = np.empty((draws.num_resamples, columns.shape[1]))
    for start, counts in draws.blocks():
        means[start : start + len(counts)] = counts @ columns / len(columns)
    return means


def resample_each(columns: Sequence[Floats], draws: Counts) -> list[Floats]:
    """Return each column's means, (num_resamples,), as `resample_means` of it alone, in one pass of the draws."""
    means = [np.empty(draws.num_resamples) for _ in columns]
    for start, counts in draws.blocks():
        for column, into in zip(columns, means, strict=True):
            into[start : start + len(counts)] = (counts @ column[:, None] / len(column))[:, 0]
    return means


def vary_seeds(means: Floats, spread: SeedSpread | None, seed: int) -> Floats:
    """Return resampled means, (num_resamples,), as they would vary with other seeds too, by Student's t.

    Seeds drawn again from two or three would vary by far too little: what lies between a few is no bound.
    """
    if spread is None:
        return means
    return means + spread.deviation * np.random.default_rng(seed).standard_t(spread.freedom, size=len(means))


def find_percentiles(means: Floats) -> list[tuple[float, float]]:
    """Return the 95 % percentile interval of each column, (num_resamples, num_columns); the columns are used up."""
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail], axis=0, overwrite_input=True)
    return list(zip(low.tolist(), high.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """How much a mean over runs would vary with other seeds."""

    deviation: float
    """Standard error of the mean over the seeds: their standard deviation by the root of their number."""
    freedom: int
    """Seeds less one."""


def measure_seed_spread(means: Sequence[float]) -> SeedSpread | None:
    """Return the spread of the mean of these runs' means; None for one run."""
    if len(means) < 2:
        return None
    return SeedSpread(float(np.std(means, ddof=1)) / len(means) ** 0.5, len(means) - 1)


def sign_flip_p_value(differences: Floats, *, num_resamples: int, seed: int) -> float:
    """Return the p-value of "no difference" of one pair, (num_examples,); see `sign_flip_p_values`."""
    return sign_flip_p_values(differences[:, None], num_resamples=num_resamples, seed=seed)[0]


def sign_flip_p_values(
    columns: Floats,
    *,
    num_resamples: int,
    seed: int,
    spreads: Sequence[Sequence[SeedSpread]] | None = None,
    num_compared: int = 1,
) -> list[float]:
    """Return each column's two-sided p-value of "no difference": signs of paired differences are flipped at random.

    `columns` is (num_examples, num_pairs); the signs that are drawn serve every pair. The observed arrangement counts
    as one of the draws, so p is never 0 (Phipson & Smyth 2010). `spreads` holds for each pair those of its systems
    that were trained with several seeds: their means vary too, as Student's t says of so few (Behrens & Fisher).

    A correction over `num_compared` pairs needs p-values below 1 / (num_resamples + 1): pairs that may be so clear are
    given more draws, and where none reaches what was seen, Hoeffding's bound of the tail holds (1963, theorem 2).
    """
    spreads = spreads or [()] * columns.shape[1]
    flips = _SignFlips(columns, spreads, seed)
    flips.draw(num_resamples, np.arange(columns.shape[1]))
    tails = flips.bound_tails()
    more = min(DRAWS_PER_PAIR * num_compared, MOST_DRAWS) - num_resamples
    open_ = (flips.at_least < FEW) & (tails * num_compared > CLEAR)
    if more > 0 and open_.any():
        flips.draw(more, np.flatnonzero(open_))
    p_values = (flips.at_least + 1) / (flips.num_drawn + 1)
    return np.minimum(p_values, np.where(flips.at_least == 0, tails, 1.0)).tolist()


class _SignFlips:
    """Counts how often the columns' sums under random signs reach what was observed."""

    def __init__(self, columns: Floats, spreads: Sequence[Sequence[SeedSpread]], seed: int) -> None:
        self.columns, self.spreads = columns, spreads
        # Equal sums differ in the last bits by the order of addition; they count as reached.
        self.reached = np.abs(columns.sum(axis=0)) * (1 - 1e-12) - 1e-15
        self.at_least = np.zeros(columns.shape[1], dtype=np.int64)
        self.num_drawn = np.zeros(columns.shape[1], dtype=np.int64)
        self._rng, self._seeds = np.random.default_rng(seed), np.random.default_rng([seed, 1])

    def draw(self, number: int, chosen: NDArray[np.intp]) -> None:
        """Draw so many arrangements of signs for the chosen columns."""
        self.num_drawn[chosen] += number
        width = max(1, min(BLOCK_COLUMNS, BLOCK_NUMBERS // len(self.columns)))
        parts = [chosen[left : left + width] for left in range(0, len(chosen), width)]
        for start in range(0, number, BLOCK_ROWS):
            sums = np.empty((min(BLOCK_ROWS, number - start), len(chosen)))
            for row, signs in draw_signs(len(self.columns), len(sums), self._rng):
                for at, part in enumerate(parts):
                    place = slice(at * width, at * width + len(part))
                    sums[row : row + len(signs), place] = signs @ self.columns[:, part]
            self._vary_seeds(sums, chosen)
            self.at_least[chosen] += np.count_nonzero(np.abs(sums) >= self.reached[chosen], axis=0)

    def _vary_seeds(self, sums: Floats, chosen: NDArray[np.intp]) -> None:
        for at, column in enumerate(chosen):
            for spread in self.spreads[column]:
                drawn = self._seeds.standard_t(spread.freedom, size=len(sums))
                sums[:, at] += len(self.columns) * spread.deviation * drawn

    def bound_tails(self) -> Floats:
        """Return an upper bound of each column's p-value; 1 where seeds vary, whose tails are too long for one."""
        squares = (self.columns**2).sum(axis=0)
        exponents = np.divide(self.reached**2, 2 * squares, out=np.zeros_like(squares), where=squares > 0)
        return np.where([bool(one) for one in self.spreads], 1.0, np.minimum(1.0, 2 * np.exp(-exponents)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number, in the same order (Holm 1979).

    Calling significant what stays under 5 % keeps the chance of a single false alarm among all of them under 5 %.
    """
    order = np.argsort(p_values, kind="stable")
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def detectable_difference(
    differences: Floats, *, num_compared: int = 1, spreads: Sequence[SeedSpread] = ()
) -> float | None:
    """Return the smallest true difference that a test set like this one finds four times in five.

    For the test that is made: two-sided at 5 % shared out over `num_compared` pairs, as the first and hardest step of
    Holm's correction asks, by the normal approximation for dialogues (Card et al. 2020, "With Little Power Comes Great
    Responsibility", for one pair: (1.96 + 0.84) standard errors) and Student's t for seeds. None for fewer than two
    dialogues.
    """
    if len(differences) < 2:
        return None
    error = float(np.sqrt(differences.var(ddof=1) / len(differences)))
    tail = (1 - CONFIDENCE) / num_compared
    if not spreads:
        normal = NormalDist()
        return (normal.inv_cdf(1 - tail / 2) + normal.inv_cdf(POWER)) * error
    drawn = error * _draw(None, 0)
    for place, spread in enumerate(spreads, start=1):
        drawn = drawn + spread.deviation * _draw(spread.freedom, place)
    return float(np.quantile(np.abs(drawn), 1 - tail) + np.quantile(drawn, POWER))


def count_seeds(difference: float, spread: float) -> int:
    """Return with how many seeds of each of two systems a true difference is found four times in five.

    `spread` is the standard deviation over seeds; dialogues are taken to be many. Two at least.
    """
    tail = (1 - CONFIDENCE) / 2
    for number in range(2, MOST_SEEDS):
        drawn = spread / number**0.5 * (_draw(number - 1, 1) + _draw(number - 1, 2))
        if np.quantile(drawn, 1 - tail) + np.quantile(drawn, POWER) <= difference:
            return number
    normal = NormalDist()
    errors = normal.inv_cdf(1 - tail) + normal.inv_cdf(POWER)
    return max(MOST_SEEDS, math.ceil(2 * (errors * spread / difference) ** 2))


@lru_cache(maxsize=64)
def _draw(freedom: int | None, place: int) -> Floats:
    """Return draws of Student's t, of the normal for None; another place has others. The same every time."""
    rng = np.random.default_rng([freedom or 0, place])
    return rng.standard_normal(NUM_DRAWN) if freedom is None else rng.standard_t(freedom, size=NUM_DRAWN)


def is_noninferior(ci_low: float, margin: float) -> bool:
    """Return whether a difference is surely above -`margin` (> 0): its interval's lower end is (one-sided 2.5 %)."""
    return ci_low > -margin


def weigh_rows(values: Floats, counts: Sequence[int]) -> Floats:
    """Return per-dialogue values whose plain mean is the mean over rows, `counts[i]` of them for dialogue i.

    That mean is a ratio of two sums over dialogues. What is returned are its linearized values (Särndal, Swensson &
    Wretman 1992, section 5.5), so intervals and tests over dialogues stay right to first order, also of differences.
    With equal counts nothing changes, to the last bit.
    """
    weights = np.asarray(counts, dtype=np.float64)
    if (weights == weights[0]).all():
        return values
    mean = float(values @ weights / weights.sum())
    return mean + weights / weights.mean() * (values - mean)


__all__ = [
    "BLOCK_COLUMNS",
    "CONFIDENCE",
    "POWER",
    "SeedSpread",
    "bootstrap_interval",
    "bootstrap_intervals",
    "count_seeds",
    "detectable_difference",
    "find_percentiles",
    "holm",
    "is_noninferior",
    "measure_seed_spread",
    "resample_each",
    "resample_means",
    "sign_flip_p_value",
    "sign_flip_p_values",
    "vary_seeds",
    "weigh_rows",
]
