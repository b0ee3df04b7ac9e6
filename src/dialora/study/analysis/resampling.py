"""Intervals from resampled statistics: percentiles as far out as few dialogues ask for."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from dialora.comparison.draws import Floats
from dialora.study.analysis.distributions import student_quantile

SAME = 1e-9
"""Resamples that differ by less have seen one outcome alone."""


def find_expanded_percentiles(resampled: Floats, num_dialogues: int) -> list[tuple[float, float]]:
    """Return the 95 % interval of each column of (num_resamples, num_columns); resamples that are nan are left out.

    Percentiles of resamples are those of a normal with the variance divided by n: too narrow for few dialogues. They
    are taken further out, by what Student's t and n - 1 would make of it (Hesterberg 2015, section 5.3, "What Teachers
    Should Know About the Bootstrap").
    """
    further = student_quantile(max(1, num_dialogues - 1)) * math.sqrt(num_dialogues / max(1, num_dialogues - 1))
    tail = 100 * NormalDist().cdf(-further)
    low, high = np.nanpercentile(resampled, [tail, 100 - tail], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def find_bounds(resampled: Floats, num_dialogues: int) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % interval of (num_resamples,); none where all resamples are the same, which bounds nothing."""
    known = resampled[~np.isnan(resampled)]
    if len(known) == 0 or np.ptp(known) < SAME:
        return None, None
    ((low, high),) = find_expanded_percentiles(known[:, None], num_dialogues)
    return low, high


__all__ = ["SAME", "find_bounds", "find_expanded_percentiles"]
