"""The mean of what raters said, with its 95 % interval: dialogues are a sample, and so are the raters who differ.

Takes one number for each judgement with its dialogue and its rater, the design as unbalanced as it came out; gives the
mean over dialogues (the raters of one are averaged first) and an interval that lies within the scale. How well the
intervals cover, and what else was tried, stands in decision 17.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dialora.comparison.draws import Floats
from dialora.comparison.statistics import CONFIDENCE
from dialora.study.analysis.distributions import f_quantile, student_quantile

RATERS_DIFFER = 0.1
"""Raters are a second source of variation where an F test at this level says that they differ."""
NORMAL_SQUARED = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) ** 2
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Numbers that raters gave: three arrays (num_judgements,), each (dialogue, rater) once."""

    values: Floats
    dialogues: Integers
    """Numbered from 0 without gaps."""
    raters: Integers
    """Numbered from 0 without gaps."""
    names: tuple[str, ...]
    """The dialogues' ids, by number."""

    @property
    def num_dialogues(self) -> int:
        """Dialogues with a judgement."""
        return len(self.names)

    @property
    def dialogue_means(self) -> Floats:
        """The mean over each dialogue's raters, (num_dialogues,)."""
        return average(self.values, self.dialogues)


@dataclass(frozen=True, slots=True)
class RaterSpread:
    """How much a mean over dialogues would vary with other raters."""

    variance: float
    reach: float
    """What it adds to the square of half an interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over dialogues."""

    mean: float
    ci_low: float
    ci_high: float
    dialogue_variance: float
    """Of one dialogue's mean."""
    rater_variance: float
    """Of the whole mean, by its raters; 0 where they do not differ more than chance would."""
    num_dialogues: int


def collect(rows: Iterable[tuple[str, int, float]]) -> Judged:
    """Build Judged from (dialogue, rater, value); several of one rater on one dialogue are averaged."""
    cells: dict[tuple[str, int], list[float]] = {}
    for dialogue, rater, value in rows:
        cells.setdefault((dialogue, rater), []).append(value)
    dialogues = {dialogue: at for at, dialogue in enumerate(sorted({dialogue for dialogue, _ in cells}))}
    raters = {rater: at for at, rater in enumerate(sorted({rater for _, rater in cells}))}
    return Judged(
        np.array([sum(values) / len(values) for values in cells.values()], dtype=np.float64),
        np.array([dialogues[dialogue] for dialogue, _ in cells], dtype=np.int64),
        np.array([raters[rater] for _, rater in cells], dtype=np.int64),
        tuple(dialogues),
    )


def align(columns: Sequence[Judged], *, centre: float = 0.0) -> Floats:
    """Return the dialogues' means less `centre`, (num_dialogues of all, num_columns); 0 where nobody was asked.

    A zero has no sign to flip: it changes no test.
    """
    rows = {name: at for at, name in enumerate(sorted({name for column in columns for name in column.names}))}
    aligned = np.zeros((len(rows), len(columns)))
    for at, column in enumerate(columns):
        aligned[[rows[name] for name in column.names], at] = column.dialogue_means - centre
    return aligned


def average(values: Floats, groups: Integers) -> Floats:
    """Return the mean of each group, numbered from 0 without gaps."""
    return np.bincount(groups, weights=values) / np.bincount(groups)


def estimate_mean(
    judged: Judged,
    *,
    lowest: float,
    highest: float,
    settled: int = 0,
    settled_at: float = 0.0,
    inflation: float = 1.0,
    raters_differ: bool = False,
) -> Estimate:
    """Return the mean over dialogues of values between `lowest` and `highest`, with its interval.

    `settled` more dialogues have the value `settled_at`, about which nobody need be asked. `inflation` makes up for
    what was fitted to the values before. `raters_differ` says that they do for sure, as in strictness. There is at
    least one dialogue.
    """
    means = np.concatenate([judged.dialogue_means, np.full(settled, settled_at)])
    number, mean = len(means), min(max(float(means.mean()), lowest), highest)
    variance = inflation * float(means.var(ddof=1)) if number > 1 else 0.0
    spread = measure_rater_spread(judged, num_dialogues=number, surely=raters_differ)
    low, high = find_interval(
        mean,
        variance / number,
        number,
        lowest=lowest,
        highest=highest,
        rater_reach=spread.reach if spread else 0.0,
    )
    return Estimate(mean, float(low), float(high), variance, spread.variance if spread else 0.0, number)


def measure_rater_spread(judged: Judged, *, num_dialogues: int, surely: bool = False) -> RaterSpread | None:
    """Return how a mean over `num_dialogues` would vary with other raters; None where they differ no more than chance.

    By analysis of variance with dialogues taken out first (Henderson 1953, method 3; Searle, Casella & McCulloch 1992,
    chapter 5), or without where every dialogue has one rater. What raters add to the spread of the dialogues' means
    is not counted again. Raters that `surely` differ always count, at the upper end of what their variance may be
    (Graybill & Wang 1980).
    """
    values, dialogues, raters = judged.values, judged.dialogues, judged.raters
    number, num_raters = len(values), int(raters.max()) + 1 if len(raters) else 0
    if num_raters < 2:
        return None
    blocks = dialogues if number > judged.num_dialogues else np.zeros(number, dtype=np.int64)
    sizes = np.bincount(blocks)
    at = np.zeros((number, num_raters))
    at[np.arange(number), raters] = 1
    shares = np.zeros((len(sizes), num_raters))
    np.add.at(shares, (blocks, raters), 1 / sizes[blocks])
    design, response = at - shares[blocks], values - average(values, blocks)[blocks]
    inner = design.T @ design
    solved = np.linalg.pinv(inner, rcond=1e-9, hermitian=True)
    freedom = int(np.linalg.matrix_rank(inner, tol=1e-9 * max(1.0, float(np.trace(inner))), hermitian=True))
    rest = number - len(sizes) - freedom
    if freedom < 1 or rest < 1:
        return None
    moment = design.T @ response
    between = float(moment @ solved @ moment)
    within = max(0.0, float(response @ response) - between) / rest
    excess = between - freedom * within
    differ = excess > 1e-12 and between / freedom > within * f_quantile(freedom, rest, RATERS_DIFFER)
    if not differ and not surely:
        return None
    squared = student_quantile(freedom) ** 2
    reach = squared * between - NORMAL_SQUARED * freedom * within if surely else squared * excess
    # A rater's part in the mean over dialogues, and the part of that which the dialogues' own means vary by already.
    parts = 1 / np.bincount(dialogues)[dialogues] / num_dialogues
    whole = float((np.bincount(raters, weights=parts) ** 2).sum())
    counted = max(0.0, (num_dialogues * float((parts**2).sum()) - whole) / max(1, num_dialogues - 1))
    scale = max(0.0, whole - counted) / float(np.trace(inner))
    return RaterSpread(scale * max(0.0, excess), scale * max(0.0, reach))


def find_interval(
    mean: Floats | float,
    variance: Floats | float,
    number: int,
    *,
    lowest: float,
    highest: float,
    rater_reach: Floats | float = 0.0,
) -> tuple[Floats, Floats]:
    """Return the 95 % interval of means over `number` dialogues, whose variances are those of the whole mean.

    Over dialogues, Wilson's score interval (1927) with the variance that was seen in place of the binomial one, at
    Student's t. Where all dialogues have one value, others have less than 1 - 0.025^(1 / number) of the probability.
    Either half is widened by raters, at a t of their own, as independent parts are (Zou & Donner 2008).
    """
    width = highest - lowest
    share = (np.asarray(mean, dtype=np.float64) - lowest) / width
    scaled = np.asarray(variance, dtype=np.float64) / width**2
    bound = share * (1 - share)
    quantile = student_quantile(max(1, number - 1))
    factor = quantile**2 * np.divide(scaled, bound, out=np.zeros_like(share), where=bound > 0)
    centre = (share + factor / 2) / (1 + factor)
    half = np.sqrt(factor * bound + factor**2 / 4) / (1 + factor)
    unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / number)
    is_one = scaled <= 1e-15
    below = np.where(is_one, share * unseen, share - centre + half)
    above = np.where(is_one, (1 - share) * unseen, centre + half - share)
    squared = np.asarray(rater_reach) / width**2
    low = np.maximum(0.0, share - np.sqrt(below**2 + squared))
    high = np.minimum(1.0, share + np.sqrt(above**2 + squared))
    return lowest + width * low, lowest + width * high


__all__ = [
    "RATERS_DIFFER",
    "Estimate",
    "Integers",
    "Judged",
    "RaterSpread",
    "align",
    "average",
    "collect",
    "estimate_mean",
    "find_interval",
    "measure_rater_spread",
]
