"""How likely a study of some size is to find a true preference, by simulating studies and their analysis.

Assumed, and said under the table: dialogues differ in how far one system is ahead, by a standard deviation of
`DIALOGUE_SPREAD` of a rater's logistic noise (scale 1); differences below `MARGIN` are called a tie; raters are of one
mind but for that noise, and every one judges every dialogue. One pair of systems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dialora.comparison.draws import Floats
from dialora.comparison.statistics import POWER
from dialora.records import Record
from dialora.report.tables import Cell, Row, Table
from dialora.study.analysis.distributions import f_quantile, student_quantile
from dialora.study.analysis.intervals import RATERS_DIFFER, find_interval

DIALOGUE_SPREAD = 1.0
MARGIN = 0.5
SHARES = (0.55, 0.60, 0.65, 0.70)
DIALOGUES = (20, 40, 60, 100, 200)
RATERS = (1, 3, 5)
NUM_STUDIES = 2000
_BLOCK = 1 << 20
"""So many judgements are drawn at once."""


@dataclass(frozen=True, slots=True)
class Power(Record):
    """How often studies of one size find a preference."""

    num_dialogues: int
    num_raters: int
    share: float
    """Of the one system's wins, ties counted half."""
    power: float


def simulate_power(
    dialogues: Sequence[int] = DIALOGUES,
    raters: Sequence[int] = RATERS,
    shares: Sequence[float] = SHARES,
    *,
    num_studies: int = NUM_STUDIES,
    seed: int = 0,
) -> tuple[Power, ...]:
    """Return the power of every size for every true share."""
    found = []
    for number in dialogues:
        for num_raters in raters:
            for share in shares:
                rng = np.random.default_rng([seed, number, num_raters, round(1e6 * share)])
                power = _simulate(number, num_raters, share, num_studies, rng)
                found.append(Power(number, num_raters, share, power))
    return tuple(found)


def build_power_table(found: Sequence[Power]) -> Table:
    """Return the simulated power as a table, a row for each size."""
    shares = list(dict.fromkeys(one.share for one in found))
    given = {(one.num_dialogues, one.num_raters, one.share): one.power for one in found}
    rows = []
    for number, raters in dict.fromkeys((one.num_dialogues, one.num_raters) for one in found):
        powers = [given[number, raters, share] for share in shares]
        cells = [Cell(_format_power(power), is_strong=power >= POWER) for power in powers]
        rows.append(Row((Cell(f"{number:,}"), Cell(f"{raters:,}"), Cell(f"{number * raters:,}"), *cells)))
    footnote = (
        "How often a true share of one of two systems is found to be clear (bold: four times in five and more), by "
        f"{NUM_STUDIES:,} simulated studies of each size. Assumed: dialogues differ by a standard deviation of "
        f"{DIALOGUE_SPREAD:g} in the unit of raters' logistic noise, differences below {MARGIN:g} are called a tie "
        "(about one in five), all raters judge all dialogues and differ by noise alone. Several pairs need more: "
        "Holm's correction divides 5 % by their number."
    )
    columns = ("Dialogues", "Raters", "Judgements", *(f"{100 * share:g} %" for share in shares))
    return Table("power", "Chance to find a true preference of", columns, tuple(rows), footnote)


def _format_power(power: float) -> str:
    # Nothing but a simulation without a miss is certain, and that is not either.
    return "> 99 %" if power >= 0.995 else f"{100 * power:.0f} %"


def draw_shares(
    num_studies: int, num_dialogues: int, num_raters: int, share: float, rng: np.random.Generator
) -> Floats:
    """Draw what raters answer under the assumptions: 1, 0.5 or 0, (num_studies, num_dialogues, num_raters)."""
    ahead = find_lead(share) + DIALOGUE_SPREAD * rng.standard_normal((num_studies, num_dialogues, 1))
    felt = ahead + rng.logistic(size=(num_studies, num_dialogues, num_raters))
    return 0.5 + 0.5 * (felt > MARGIN) - 0.5 * (felt < -MARGIN)


@lru_cache(maxsize=64)
def find_lead(share: float) -> float:
    """Return how far a system has to be ahead to get this share of all judgements."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    low, high = -20.0, 20.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        ahead = middle + DIALOGUE_SPREAD * nodes
        wins, losses = 1 / (1 + np.exp(MARGIN - ahead)), 1 / (1 + np.exp(MARGIN + ahead))
        got = float((weights * (0.5 + (wins - losses) / 2)).sum() / weights.sum())
        low, high = (middle, high) if got < share else (low, middle)
    return (low + high) / 2


def _simulate(number: int, num_raters: int, share: float, num_studies: int, rng: np.random.Generator) -> float:
    size = max(1, _BLOCK // (number * num_raters))
    clear = 0
    for start in range(0, num_studies, size):
        drawn = draw_shares(min(size, num_studies - start), number, num_raters, share, rng)
        clear += int(_are_clear(drawn).sum())
    return clear / num_studies


def _are_clear(shares: Floats) -> Floats:
    """Return for each study, (num_studies, num_dialogues, num_raters), whether a preference is called.

    The analysis of a finished study in closed form: `intervals.measure_rater_spread` by sums of squares, and Student's
    t in place of sign flips, which it agrees with from twenty dialogues on.
    """
    _, number, num_raters = shares.shape
    means, of_raters = shares.mean(axis=2), shares.mean(axis=1)
    mean = means.mean(axis=1)
    variance = means.var(axis=1, ddof=1) / number
    reach: Floats | float = 0.0
    if num_raters > 1:
        freedom, rest = num_raters - 1, (num_raters - 1) * (number - 1)
        between = number * of_raters.var(axis=1, ddof=1)
        residuals = shares - means[:, :, None] - of_raters[:, None, :] + mean[:, None, None]
        within = (residuals**2).sum(axis=(1, 2)) / rest
        differ = between > within * f_quantile(freedom, rest, RATERS_DIFFER)
        excess = np.where(differ, between - within, 0.0) / (number * num_raters)
        reach = student_quantile(freedom) ** 2 * excess
    low, high = find_interval(mean, variance, number, lowest=0, highest=1, rater_reach=reach)
    by_chance = np.abs(mean - 0.5) > student_quantile(number - 1) * np.sqrt(variance)
    return by_chance & ((low > 0.5) | (high < 0.5))


__all__ = [
    "DIALOGUES",
    "DIALOGUE_SPREAD",
    "MARGIN",
    "NUM_STUDIES",
    "RATERS",
    "SHARES",
    "Power",
    "build_power_table",
    "draw_shares",
    "find_lead",
    "simulate_power",
]
