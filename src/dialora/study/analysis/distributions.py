"""Quantiles that intervals and tests of a study are made with. Knows nothing of studies."""

from __future__ import annotations

from scipy import special

from dialora.comparison.statistics import CONFIDENCE


def student_quantile(freedom: float, tail: float = (1 - CONFIDENCE) / 2) -> float:
    """Return what Student's t with `freedom` degrees exceeds with probability `tail`, below one half."""
    return float(special.stdtrit(freedom, 1 - tail))


def f_quantile(above: float, below: float, tail: float) -> float:
    """Return what F with `above` and `below` degrees of freedom exceeds with probability `tail`."""
    return float(special.fdtri(above, below, 1 - tail))


__all__ = ["f_quantile", "student_quantile"]
