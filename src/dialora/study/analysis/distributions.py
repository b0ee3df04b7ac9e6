"""Quantiles of Student's t and of F, from the incomplete beta function. Knows nothing of studies."""

from __future__ import annotations

import math
from functools import lru_cache

from dialora.comparison.statistics import CONFIDENCE

_STEPS = 200
"""Of bisection and of the continued fraction; both end far earlier."""
_TINY = 1e-300


@lru_cache(maxsize=4096)
def student_quantile(freedom: float, tail: float = (1 - CONFIDENCE) / 2) -> float:
    """Return what Student's t with `freedom` degrees exceeds with probability `tail`, below one half."""
    # t² is F with one and `freedom` degrees; its upper tail is both of t's.
    return math.sqrt(f_quantile(1, freedom, 2 * tail))


@lru_cache(maxsize=4096)
def f_quantile(above: float, below: float, tail: float) -> float:
    """Return what F with `above` and `below` degrees of freedom exceeds with probability `tail`."""
    low, high = 0.0, 1.0
    # The tail at F is I_x(below / 2, above / 2) with x = below / (below + above F), which grows with x.
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if incomplete_beta(middle, below / 2, above / 2) > tail:
            high = middle
        else:
            low = middle
        if high - low <= 1e-15 * high:
            break
    return below * (1 - low) / (above * max(low, _TINY))


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) (Abramowitz & Stegun 1964, 26.5.8)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / (a * _continued_fraction(x, a, b))


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d1 / (1 + d2 / (1 + …)), by the method of Lentz (1976)."""
    value = c = 1.0
    d = 0.0
    for step in range(1, 2 * _STEPS):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


__all__ = ["f_quantile", "incomplete_beta", "student_quantile"]
