"""How strong each system is, from all pairs at once: Bradley and Terry (1952) with ties as Davidson (1970) has them.

With strengths exp(s), a is preferred to b with odds of exp(s_a - s_b), and a tie has the odds of a parameter times the
geometric mean of both. Every dialogue of a pair counts once, its raters averaged. `PRIOR` keeps finite what never wins.

K systems, P pairs, R fits at once, D dialogues. Intervals are made in `strengths`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dialora.comparison.draws import Floats
from dialora.study.analysis.intervals import Integers
from dialora.study.analysis.preferences import count_identical
from dialora.study.analysis.unblind import Pair, Unblinded

PRIOR = 0.05
"""Dialogues that each of a pair is taken to have won besides: 20 of 20 won is a difference of log(20.05 / 0.05) = 6."""
OUTCOMES = {1.0: 0, 0.0: 1}
"""By a's share; every other one is a tie."""
_STEPS = 100
_LONGEST_STEP = 2.0
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of each dialogue's pairs: a preferred, b preferred, neither. Sums to 1, or to 0 where nobody said."""

    names: tuple[str, ...]
    pairs: Integers
    """(P, 2): a and b by number."""
    shares: Floats
    """(D, P, 3)."""


@dataclass(frozen=True, slots=True)
class Held:
    """Strengths that a fit is not to change, one of each row."""

    systems: Integers
    """(R,): whose strength, less the mean of all, is held."""
    start: Floats
    """(R, K + 1): where fitting starts; the strength is held at what it is there."""

    def build_directions(self) -> Floats:
        """Return, as unit vectors (R, K + 1, 1), along what nothing may move."""
        num_systems = self.start.shape[1] - 1
        along = np.zeros((*self.start.shape, 1))
        along[:, :-1] = -1 / num_systems
        along[np.arange(len(self.systems)), self.systems] += 1
        return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """The likeliest strengths, and how the log likelihood runs there."""

    values: Floats
    """(R, K + 1): log strengths with mean 0, and the log odds of a tie, of which 0 stands for none."""
    has_ties: NDArray[np.bool_]
    """(R,)"""
    slope: Floats
    """(R, K + 1)"""
    curve: Floats
    """(R, K + 1, K + 1): negative, and regular."""

    @property
    def strengths(self) -> Floats:
        """Log strengths, (R, K)."""
        return self.values[:, :-1]

    @property
    def ties(self) -> Floats:
        """The log odds of a tie, (R,); -inf where there is none."""
        return np.where(self.has_ties, self.values[:, -1], -np.inf)


def collect_outcomes(unblinded: Unblinded, systems: Sequence[str]) -> Outcomes:
    """Return the outcomes of every dialogue with a judgement."""
    order = {system: at for at, system in enumerate(systems)}
    columns = {pair: at for at, pair in enumerate(unblinded.pairs)}
    cells: dict[tuple[str, Pair], list[int]] = defaultdict(list)
    for row in unblinded.preferred:
        cells[row.dialogue, (row.a, row.b)].append(OUTCOMES.get(row.share, 2))
    num_judged = {pair: sum(other == pair for _, other in cells) for pair in columns}
    for pair in columns:
        if num_judged[pair]:
            for dialogue in unblinded.identical[pair][: count_identical(unblinded, pair, num_judged[pair])]:
                cells[dialogue, pair].append(2)
    names = tuple(sorted({dialogue for dialogue, _ in cells}))
    rows = {name: at for at, name in enumerate(names)}
    shares = np.zeros((len(names), len(columns), 3))
    for (dialogue, pair), given in cells.items():
        for outcome in given:
            shares[rows[dialogue], columns[pair], outcome] += 1 / len(given)
    return Outcomes(names, np.array([(order[a], order[b]) for a, b in columns]).reshape(-1, 2), shares)


def fit(totals: Floats, pairs: Integers, num_systems: int, *, held: Held | None = None) -> Fit:
    """Return the likeliest strengths by Newton's method, of all or of those with one system's strength held.

    `totals` (R, P, 3) counts a preferred, b preferred and ties. The likelihood is concave in strengths and ties, so
    that there is one answer; systems that nobody compared keep 0.
    """
    wins, ties = totals[:, :, :2] + PRIOR, totals[:, :, 2]
    # Nobody compared these two: the prior alone would hold them together.
    wins = wins * (totals.sum(axis=2, keepdims=True) > 0)
    has_ties = ties.sum(axis=1) > 0
    features = build_features(pairs, num_systems)
    counts = np.concatenate([wins, ties[:, :, None]], axis=2)
    values, along = np.zeros((len(totals), num_systems + 1)), np.zeros((len(totals), num_systems + 1, 1))
    if held is not None:
        values, along = held.start.copy(), held.build_directions()
    # Steps leave alone what is held, and the score along it tells how far it is from the likeliest.
    free = np.eye(num_systems + 1) - along @ along.transpose(0, 2, 1)
    for _ in range(_STEPS):
        slope, curve = _differentiate(counts, values, features, has_ties)
        inner = free @ curve @ free + along @ along.transpose(0, 2, 1)
        step = np.linalg.solve(inner, free @ slope[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        values += step * np.minimum(1, _LONGEST_STEP / np.maximum(longest, 1e-300))
        if longest.max() < 1e-10:
            break
    slope, curve = _differentiate(counts, values, features, has_ties)
    values[:, :-1] -= values[:, :-1].mean(axis=1, keepdims=True)
    return Fit(values, has_ties, slope, curve)


def _differentiate(
    counts: Floats, values: Floats, features: Floats, has_ties: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the log likelihood's slope (R, K + 1) and its negative curvature (R, K + 1, K + 1), made regular."""
    num_systems, number = features.shape[2] - 1, counts.sum(axis=2)
    chances = find_chances(values, features, has_ties)
    expected = np.einsum("rpo,opf->rpf", chances, features)
    slope = np.einsum("rpo,opf->rf", counts, features) - np.einsum("rp,rpf->rf", number, expected)
    curve = np.einsum("rp,rpo,opf,opg->rfg", number, chances, features, features, optimize=True)
    curve -= np.einsum("rp,rpf,rpg->rfg", number, expected, expected, optimize=True)
    # The mean strength is free, and so is the parameter of ties where there are none.
    curve[:, :-1, :-1] += 1 / num_systems
    curve[~has_ties, -1, :] = curve[~has_ties, :, -1] = 0
    curve[~has_ties, -1, -1] = 1
    slope[~has_ties, -1] = 0
    # Systems that nobody compared have no slope and stay where they are.
    return slope, curve + _RIDGE * np.eye(num_systems + 1)


def build_features(pairs: Integers, num_systems: int) -> Floats:
    """Return what the log weights of a's win, b's win and a tie are sums of: (3, P, K + 1), the last for ties."""
    at_a, at_b = np.eye(num_systems)[pairs[:, 0]], np.eye(num_systems)[pairs[:, 1]]
    features = np.zeros((3, len(pairs), num_systems + 1))
    features[0, :, :-1], features[1, :, :-1], features[2, :, :-1] = at_a, at_b, (at_a + at_b) / 2
    features[2, :, -1] = 1
    return features


def find_chances(values: Floats, features: Floats, has_ties: NDArray[np.bool_]) -> Floats:
    """Return the probability of each outcome of each pair, (R, P, 3)."""
    weights = np.einsum("rf,opf->rpo", values, features)
    weights[~has_ties, :, 2] = -np.inf
    weights = np.exp(weights - weights.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True)


__all__ = ["OUTCOMES", "PRIOR", "Fit", "Held", "Outcomes", "build_features", "collect_outcomes", "find_chances", "fit"]
