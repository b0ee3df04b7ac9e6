"""The statistics of paired scores: intervals, tests, and what a test set of this size can show.

Takes one score per dialogue and system, gives plain numbers; knows nothing of systems, methods or ROUGE. The unit
is the dialogue everywhere. numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
POWER = 0.8
BLOCK_DRAWS = 1 << 17
"""So many dialogues are drawn at once; they and their counts fit in the processor's cache."""
BLOCK_ROWS, BLOCK_COLUMNS = 1000, 256
"""So many resamples and columns are multiplied at once: memory stays small however many systems there are."""
Floats = NDArray[np.float64]
Counts = NDArray[np.float32]


def bootstrap_counts(num_examples: int, num_resamples: int, seed: int) -> Counts:
    """Return how often each dialogue is drawn in each resample: (num_resamples, num_examples).

    One matrix serves every system and pair, which makes the intervals of differences paired.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((num_resamples, num_examples), dtype=np.float32)
    # Drawing and counting takes a sixth of the time that multinomial draws take.
    size = max(1, BLOCK_DRAWS // num_examples)
    for start in range(0, num_resamples, size):
        block = counts[start : start + size]
        drawn = rng.integers(num_examples, size=block.shape)
        drawn += num_examples * np.arange(len(block))[:, None]
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    return counts


def bootstrap_interval(values: Floats, draws: Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of `values`, (num_examples,); see `bootstrap_intervals`."""
    return bootstrap_intervals(values[:, None], draws)[0]


def bootstrap_intervals(columns: Floats, draws: Counts) -> list[tuple[float, float]]:
    """Return the 95 % percentile interval of each column's mean (Efron & Tibshirani 1993, chapter 13).

    `columns` is (num_examples, num_columns), `draws` comes from `bootstrap_counts`.
    """
    tail = 100 * (1 - CONFIDENCE) / 2
    intervals: list[tuple[float, float]] = []
    for start in range(0, columns.shape[1], BLOCK_COLUMNS):
        block = columns[:, start : start + BLOCK_COLUMNS]
        means = np.empty((len(draws), block.shape[1]))
        for row in range(0, len(draws), BLOCK_ROWS):
            means[row : row + BLOCK_ROWS] = draws[row : row + BLOCK_ROWS].astype(np.float64) @ block / len(block)
        low, high = np.percentile(means, [tail, 100 - tail], axis=0, overwrite_input=True)
        intervals += zip(low.tolist(), high.tolist(), strict=True)
    return intervals


def sign_flip_p_value(differences: Floats, *, num_resamples: int, seed: int) -> float:
    """Return the p-value of "no difference" of one pair, (num_examples,); see `sign_flip_p_values`."""
    return sign_flip_p_values(differences[:, None], num_resamples=num_resamples, seed=seed)[0]


def sign_flip_p_values(columns: Floats, *, num_resamples: int, seed: int) -> list[float]:
    """Return each column's two-sided p-value of "no difference": signs of paired differences are flipped at random.

    `columns` is (num_examples, num_pairs); the signs that are drawn serve every pair. The observed arrangement counts
    as one of the draws, so p is never 0 (Phipson & Smyth 2010).
    """
    rng = np.random.default_rng(seed)
    # Equal sums differ in the last bits by the order of addition; they count as reached.
    reached = np.abs(columns.sum(axis=0)) * (1 - 1e-12) - 1e-15
    at_least = np.zeros(columns.shape[1], dtype=np.int64)
    for start in range(0, num_resamples, BLOCK_ROWS):
        signs = rng.choice(np.array([-1.0, 1.0]), size=(min(BLOCK_ROWS, num_resamples - start), len(columns)))
        for left in range(0, columns.shape[1], BLOCK_COLUMNS):
            right = left + BLOCK_COLUMNS
            sums = signs @ columns[:, left:right]
            at_least[left:right] += np.count_nonzero(np.abs(sums) >= reached[left:right], axis=0)
    return [(count + 1) / (num_resamples + 1) for count in at_least.tolist()]


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


def detectable_difference(differences: Floats) -> float | None:
    """Return the smallest true difference that a test set like this one finds four times in five.

    Two-sided at 5 %, by the normal approximation: (1.96 + 0.84) standard errors of the mean difference (Card et al.
    2020, "With Little Power Comes Great Responsibility"). None for fewer than two dialogues.
    """
    if len(differences) < 2:
        return None
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - (1 - CONFIDENCE) / 2) + normal.inv_cdf(POWER)
    return float(quantiles * differences.std(ddof=1) / np.sqrt(len(differences)))


def is_noninferior(ci_low: float, margin: float) -> bool:
    """Return whether a difference is surely above -`margin` (> 0): its interval's lower end is (one-sided 2.5 %)."""
    return ci_low > -margin


__all__ = [
    "BLOCK_COLUMNS",
    "BLOCK_DRAWS",
    "BLOCK_ROWS",
    "CONFIDENCE",
    "POWER",
    "Counts",
    "Floats",
    "bootstrap_counts",
    "bootstrap_interval",
    "bootstrap_intervals",
    "detectable_difference",
    "holm",
    "is_noninferior",
    "sign_flip_p_value",
    "sign_flip_p_values",
]
