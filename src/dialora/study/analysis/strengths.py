"""Strengths of systems after Bradley and Terry, with their intervals. Takes unblinded judgements, gives Strengths.

An interval holds each strength with which what was seen is not too unlikely: Rao's score test (1948) with the others
fitted anew, which for two systems is Wilson's interval of a share. The likelihood takes dialogues and pairs for
independent; by how much more or less they vary than that is measured. Unlike resamples it leaves room for outcomes that
nobody has seen, as where one system is far ahead.

K systems, P pairs, D dialogues.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialora.comparison.draws import Floats
from dialora.comparison.people import Strength
from dialora.study.analysis.bradley_terry import (
    OUTCOMES,
    Fit,
    Held,
    Outcomes,
    build_features,
    collect_outcomes,
    find_chances,
    fit,
)
from dialora.study.analysis.distributions import student_quantile
from dialora.study.analysis.intervals import collect, measure_rater_spread
from dialora.study.analysis.unblind import Unblinded

_REACH = 24.0
"""Further from the estimate no end lies: `PRIOR` bounds odds."""
_GRID = 48
_UNDECIDED = 0.25
"""The variance of a win or loss with even odds, of one dialogue."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Systems that were compared with each other, if through others, and how the judgements bear on them."""

    systems: tuple[int, ...]
    """(K,)"""
    pairs: tuple[int, ...]
    """(P,): columns of the outcomes."""
    outcomes: Outcomes
    """Of these alone, the systems numbered from 0."""
    fitted: Fit
    moves: Floats
    """(3, P, K): what one dialogue's outcome moves a strength by, to first order."""

    @property
    def totals(self) -> Floats:
        """(P, 3)"""
        return np.asarray(self.outcomes.shares.sum(axis=0), dtype=np.float64)


def fit_strengths(unblinded: Unblinded, systems: Sequence[str]) -> tuple[Strength, ...]:
    """Return the log strength of each system that was judged, with its interval over dialogues.

    Raters who differ more than chance would widen it (`intervals.measure_rater_spread`, on what each judgement moves
    the estimate by). Groups of systems that nothing compares have a mean of 0 each. Empty without judgements.
    """
    outcomes = collect_outcomes(unblinded, systems)
    found: dict[int, Strength] = {}
    for group in _find_connected(outcomes):
        seen = _look_at(outcomes, group)
        centres, reach = seen.fitted.strengths[0], _reach_of_raters(unblinded, seen)
        for at, (low, high) in enumerate(_find_intervals(seen)):
            centre = float(centres[at])
            below, above = np.sqrt(np.array([centre - low, high - centre]) ** 2 + reach[at])
            name = systems[seen.systems[at]]
            found[seen.systems[at]] = Strength(name, centre, float(centre - below), float(centre + above))
    return tuple(found[at] for at in sorted(found))


def _find_connected(outcomes: Outcomes) -> list[set[int]]:
    """Return the systems that were judged, in groups that comparisons connect."""
    groups: list[set[int]] = []
    for pair in outcomes.pairs[outcomes.shares.sum(axis=(0, 2)) > 0].tolist():
        joined = set(pair).union(*(group for group in groups if group & set(pair)))
        groups = [*(group for group in groups if not group & joined), joined]
    return groups


def _look_at(outcomes: Outcomes, group: set[int]) -> _Seen:
    systems = tuple(sorted(group))
    judged = outcomes.shares.sum(axis=(0, 2)) > 0
    pairs = tuple(at for at, (a, b) in enumerate(outcomes.pairs.tolist()) if a in group and b in group and judged[at])
    shares = outcomes.shares[:, pairs]
    asked = shares.sum(axis=(1, 2)) > 0
    numbers = np.searchsorted(systems, outcomes.pairs[list(pairs)])
    names = tuple(name for name, is_asked in zip(outcomes.names, asked, strict=True) if is_asked)
    own = Outcomes(names, numbers, shares[asked])
    fitted = fit(own.shares.sum(axis=0)[None], numbers, len(systems))
    features = build_features(numbers, len(systems))
    chances = find_chances(fitted.values, features, fitted.has_ties)[0]
    scores = features - np.einsum("po,opf->pf", chances, features)
    scores[:, :, -1] *= fitted.has_ties[0]
    moves = np.einsum("fg,opg->opf", np.linalg.inv(fitted.curve[0]), scores)[:, :, :-1]
    return _Seen(systems, pairs, own, fitted, moves)


def _measure_dispersion(seen: _Seen) -> Floats:
    """Return by how much more or less strengths vary than independent outcomes would, (K,).

    Less where a dialogue's raters are averaged, more where its pairs go together. Of dialogues that all say the same
    nothing tells; one more, undecided and of independent outcomes, stands for that.
    """
    number, num_systems = len(seen.outcomes.names), len(seen.systems)
    moved = np.einsum("dpo,opf->df", seen.outcomes.shares, seen.moves)
    varied = number * moved.var(axis=0, ddof=1) if number > 1 else np.zeros(num_systems)
    expected = np.array([_variance_along(seen.fitted, np.array([system]))[0] for system in range(num_systems)])
    one_more = _UNDECIDED * ((seen.moves[0] - seen.moves[1]) ** 2).sum(axis=0)
    return np.asarray((varied + one_more) / (expected + one_more), dtype=np.float64)


def _variance_along(fitted: Fit, systems: np.ndarray) -> Floats:
    """Return the variance (R,) that the likelihood gives to one system's strength in each row."""
    along = np.zeros(fitted.values.shape)
    along[:, :-1] = -1 / fitted.strengths.shape[1]
    along[np.arange(len(systems)), systems] += 1
    return np.asarray(np.einsum("rf,rfg,rg->r", along, np.linalg.inv(fitted.curve), along), dtype=np.float64)


def _find_intervals(seen: _Seen) -> list[tuple[float, float]]:
    """Return the 95 % interval of each strength over dialogues."""
    number, num_systems = len(seen.outcomes.names), len(seen.systems)
    if num_systems < 2:
        return []
    furthest = student_quantile(max(1, number - 1)) * np.sqrt(_measure_dispersion(seen))
    systems = np.repeat(np.arange(num_systems), 2)  # (2 K,): the lower and the upper end of each
    signs = np.tile([-1.0, 1.0], num_systems)
    near, far = np.zeros(2 * num_systems), np.full(2 * num_systems, _REACH)
    # Ends are mostly near, and lie far out where one system is far ahead.
    for spacing in (np.linspace(0, 1, _GRID) ** 2, np.linspace(0, 1, _GRID)):
        distances = near[:, None] + (far - near)[:, None] * spacing
        away = _find_distance(seen, np.repeat(systems, _GRID), (signs[:, None] * distances).ravel())
        beyond = away.reshape(distances.shape) > furthest[systems][:, None]
        beyond[:, 0], beyond[:, -1] = False, True
        first, rows = beyond.argmax(axis=1), np.arange(len(systems))
        near, far = distances[rows, first - 1], distances[rows, first]
    ends = seen.fitted.strengths[0][systems] + signs * (near + far) / 2
    return [(low, high) for low, high in ends.reshape(-1, 2).tolist()]


def _find_distance(seen: _Seen, systems: np.ndarray, shifts: Floats) -> Floats:
    """Return how far what was seen is, in standard errors, from each strength shifted so far, (R,)."""
    num_systems = len(seen.systems)
    start = np.repeat(seen.fitted.values, len(systems), axis=0)
    moved = np.full((len(systems), num_systems), -1 / (num_systems - 1))
    moved[np.arange(len(systems)), systems] = 1
    start[:, :-1] += shifts[:, None] * moved
    totals = np.repeat(seen.totals[None], len(systems), axis=0)
    fitted = fit(totals, seen.outcomes.pairs, num_systems, held=Held(systems, start))
    # The others' slopes are 0, which leaves that along the held one: shared out among all.
    slope = fitted.slope[np.arange(len(systems)), systems] * num_systems / (num_systems - 1)
    return np.asarray(np.abs(slope) * np.sqrt(_variance_along(fitted, systems)), dtype=np.float64)


def _reach_of_raters(unblinded: Unblinded, seen: _Seen) -> Floats:
    """Return what raters add to the square of half of each system's interval, (K,).

    Of what each judgement moves a strength by, to first order: the mean over dialogues of its raters' sums, so that
    they are compared as shares are.
    """
    num_systems, names = len(seen.systems), seen.outcomes.names
    columns = {unblinded.pairs[pair]: at for at, pair in enumerate(seen.pairs)}
    rows = [row for row in unblinded.preferred if (row.a, row.b) in columns]
    raters: dict[str, set[int]] = defaultdict(set)
    num_given: dict[tuple[str, int], int] = defaultdict(int)
    for row in rows:
        raters[row.dialogue].add(row.rater)
        num_given[row.dialogue, columns[row.a, row.b]] += 1
    sums: dict[tuple[str, int], Floats] = defaultdict(lambda: np.zeros(num_systems))
    for row in rows:
        pair = columns[row.a, row.b]
        weight = len(names) * len(raters[row.dialogue]) / num_given[row.dialogue, pair]
        sums[row.dialogue, row.rater] += weight * seen.moves[OUTCOMES.get(row.share, 2), pair]
    reach = np.zeros(num_systems)
    for system in range(num_systems):
        judged = collect((dialogue, rater, float(moved[system])) for (dialogue, rater), moved in sums.items())
        spread = measure_rater_spread(judged, num_dialogues=len(names))
        reach[system] = spread.reach if spread else 0.0
    return reach


__all__ = ["fit_strengths"]
