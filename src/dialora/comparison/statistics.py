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
Floats = NDArray[np.float64]
Counts = NDArray[np.float32]


def bootstrap_counts(num_examples: int, num_resamples: int, seed: int) -> Counts:
    """Return how often each dialogue is drawn in each resample: (num_resamples, num_examples).

    One matrix serves every system and pair, which makes the intervals of differences paired.
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(num_examples, np.full(num_examples, 1 / num_examples), size=num_resamples)
    return counts.astype(np.float32)


def bootstrap_interval(values: Floats, draws: Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean (Efron & Tibshirani 1993, chapter 13).

    `values` is (num_examples,), `draws` comes from `bootstrap_counts`.
    """
    means = draws @ values / len(values)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def sign_flip_p_value(differences: Floats, *, num_resamples: int, seed: int) -> float:
    """Return the two-sided p-value of "no difference": signs of the paired differences are flipped at random.

    `differences` is (num_examples,). The observed arrangement counts as one of the draws, so p is never 0
    (Phipson & Smyth 2010).
    """
    rng = np.random.default_rng(seed)
    observed = abs(float(differences.sum()))
    at_least = 0
    for start in range(0, num_resamples, 1000):
        size = (min(1000, num_resamples - start), len(differences))
        sums = rng.choice(np.array([-1.0, 1.0]), size=size) @ differences
        # Equal sums differ in the last bits by the order of addition; they count as reached.
        at_least += int(np.count_nonzero(np.abs(sums) >= observed * (1 - 1e-12) - 1e-15))
    return (at_least + 1) / (num_resamples + 1)


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
    "CONFIDENCE",
    "POWER",
    "Counts",
    "Floats",
    "bootstrap_counts",
    "bootstrap_interval",
    "detectable_difference",
    "holm",
    "is_noninferior",
    "sign_flip_p_value",
]
