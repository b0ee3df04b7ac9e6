"""How strong each system is, from all pairs at once: Bradley and Terry (1952) with ties as Davidson (1970) has them.

With strengths exp(s), a is preferred to b with odds of exp(s_a - s_b), and a tie has the odds of a parameter times the
geometric mean of both. Every dialogue of a pair counts once, its raters averaged. `PRIOR` keeps finite what never wins.

K systems, P pairs, R resamples, D dialogues.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dialora.comparison.draws import Counts, Floats
from dialora.comparison.people import Strength
from dialora.comparison.statistics import CONFIDENCE
from dialora.study.analysis.intervals import Integers, collect, measure_rater_spread
from dialora.study.analysis.preferences import count_identical
from dialora.study.analysis.resampling import SAME, find_expanded_percentiles
from dialora.study.analysis.unblind import Pair, Unblinded

PRIOR = 0.05
"""Dialogues that each of a pair is taken to have won besides: 20 of 20 won is a difference of log(20.05 / 0.05) = 6."""
NUM_RESAMPLES = 2000
_OUTCOMES = {1.0: 0, 0.0: 1}
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


def fit_strengths(
    unblinded: Unblinded, systems: Sequence[str], *, seed: int = 0, num_resamples: int = NUM_RESAMPLES
) -> tuple[Strength, ...]:
    """Return the log strength of each system that was judged, with its bootstrap interval over dialogues.

    Raters who differ more than chance would widen it (`intervals.measure_rater_spread`, on what each judgement moves
    the estimate by). Empty without judgements.
    """
    outcomes = collect_outcomes(unblinded, systems)
    if not len(outcomes.names):
        return ()
    number, num_systems = len(outcomes.names), len(systems)
    judged = np.unique(outcomes.pairs[outcomes.shares.sum(axis=(0, 2)) > 0])
    flat = outcomes.shares.reshape(number, -1)
    total = flat.sum(axis=0).reshape(1, -1, 3)
    drawn = np.concatenate([counts @ flat for _, counts in Counts(number, num_resamples, seed).blocks()])
    fitted, ties = fit(
        np.concatenate(
            [total, _add_unseen(total[0], outcomes.pairs, judged, number), drawn.reshape(num_resamples, -1, 3)]
        ),
        outcomes.pairs,
        num_systems,
    )
    reach = _reach_of_raters(unblinded, outcomes, fitted[:1], ties[:1])[judged]
    # Strengths are those among the systems that were judged.
    fitted = fitted[:, judged] - fitted[:, judged].mean(axis=1, keepdims=True)
    (mean, *unseen), resampled = fitted[: 1 + 2 * len(judged)], fitted[1 + 2 * len(judged) :]
    found = []
    for at, (low, high) in enumerate(find_expanded_percentiles(resampled, number)):
        if high - low < SAME:
            low, high = float(unseen[2 * at][at]), float(unseen[2 * at + 1][at])
        below, above = np.sqrt(np.array([mean[at] - low, high - mean[at]]) ** 2 + reach[at])
        ends = float(mean[at] - below), float(mean[at] + above)
        found.append(Strength(systems[judged[at]], float(mean[at]), *ends))
    return tuple(found)


def _add_unseen(total: Floats, pairs: Integers, judged: Integers, num_dialogues: int) -> Floats:
    """Return totals (2 K, P, 3) with as many losses, and as many wins, of each system as may have gone unseen.

    Where all dialogues said the same, resamples do too; others may still be as likely as `find_interval` has it.
    """
    unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / num_dialogues)
    changed = np.repeat(total[None], 2 * len(judged), axis=0)
    asked = total.sum(axis=1)
    for at, system in enumerate(judged):
        for side in (0, 1):
            own = pairs[:, side] == system
            for place, outcome in ((2 * at, 1 - side), (2 * at + 1, side)):
                changed[place, own] *= 1 - unseen
                changed[place, own, outcome] += unseen * asked[own]
    return changed


def collect_outcomes(unblinded: Unblinded, systems: Sequence[str]) -> Outcomes:
    """Return the outcomes of every dialogue with a judgement."""
    order = {system: at for at, system in enumerate(systems)}
    columns = {pair: at for at, pair in enumerate(unblinded.pairs)}
    cells: dict[tuple[str, Pair], list[int]] = defaultdict(list)
    for row in unblinded.preferred:
        cells[row.dialogue, (row.a, row.b)].append(_OUTCOMES.get(row.share, 2))
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


def fit(totals: Floats, pairs: Integers, num_systems: int) -> tuple[Floats, Floats]:
    """Return log strengths (R, K) and the log odds of a tie (R,), -inf where there is none, by Newton's method.

    `totals` (R, P, 3) counts a preferred, b preferred and ties. The likelihood is concave in both, so that there is one
    answer; systems that nobody compared keep 0.
    """
    wins, ties = totals[:, :, :2] + PRIOR, totals[:, :, 2]
    # Nobody compared these two: the prior alone would hold them together.
    wins = wins * (totals.sum(axis=2, keepdims=True) > 0)
    has_ties = ties.sum(axis=1) > 0
    features = _build_features(pairs, num_systems)
    counts = np.concatenate([wins, ties[:, :, None]], axis=2)
    number = counts.sum(axis=2)
    values = np.zeros((len(totals), num_systems + 1))
    for _ in range(_STEPS):
        chances = _find_chances(values, features, has_ties)
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
        curve += _RIDGE * np.eye(num_systems + 1)
        step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        values += step * np.minimum(1, _LONGEST_STEP / np.maximum(longest, 1e-300))
        if longest.max() < 1e-10:
            break
    strengths = values[:, :-1] - values[:, :-1].mean(axis=1, keepdims=True)
    return strengths, np.where(has_ties, values[:, -1], -np.inf)


def _build_features(pairs: Integers, num_systems: int) -> Floats:
    """Return what the log weights of a's win, b's win and a tie are sums of: (3, P, K + 1), the last for ties."""
    at_a, at_b = np.eye(num_systems)[pairs[:, 0]], np.eye(num_systems)[pairs[:, 1]]
    features = np.zeros((3, len(pairs), num_systems + 1))
    features[0, :, :-1], features[1, :, :-1], features[2, :, :-1] = at_a, at_b, (at_a + at_b) / 2
    features[2, :, -1] = 1
    return features


def _find_chances(values: Floats, features: Floats, has_ties: NDArray[np.bool_]) -> Floats:
    """Return the probability of each outcome of each pair, (R, P, 3)."""
    weights = np.einsum("rf,opf->rpo", values, features)
    weights[~has_ties, :, 2] = -np.inf
    weights = np.exp(weights - weights.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True)


def _reach_of_raters(unblinded: Unblinded, outcomes: Outcomes, fitted: Floats, tie: Floats) -> Floats:
    """Return what raters add to the square of half of each system's interval, (K,).

    Of what each judgement moves a strength by, to first order: the mean over dialogues of its raters' sums, so that
    they are compared as shares are.
    """
    num_systems, has_ties = fitted.shape[1], np.isfinite(tie)
    features = _build_features(outcomes.pairs, num_systems)
    values = np.concatenate([fitted, np.where(has_ties, tie, 0)[:, None]], axis=1)
    chances = _find_chances(values, features, has_ties)[0]
    expected = np.einsum("po,opf->pf", chances, features)
    number = outcomes.shares.sum(axis=(0, 2))
    curve = np.einsum("p,po,opf,opg->fg", number, chances, features, features, optimize=True)
    curve -= np.einsum("p,pf,pg->fg", number, expected, expected)
    moves = np.einsum("fg,opg->opf", np.linalg.pinv(curve, rcond=1e-9, hermitian=True), features - expected)
    columns = {pair: at for at, pair in enumerate(unblinded.pairs)}
    raters: dict[str, set[int]] = defaultdict(set)
    num_given: dict[tuple[str, int], int] = defaultdict(int)
    for row in unblinded.preferred:
        raters[row.dialogue].add(row.rater)
        num_given[row.dialogue, columns[row.a, row.b]] += 1
    sums: dict[tuple[str, int], Floats] = defaultdict(lambda: np.zeros(num_systems))
    for row in unblinded.preferred:
        pair = columns[row.a, row.b]
        moved = moves[_OUTCOMES.get(row.share, 2), pair, :-1]
        weight = len(outcomes.names) * len(raters[row.dialogue]) / num_given[row.dialogue, pair]
        sums[row.dialogue, row.rater] += weight * moved
    reach = np.zeros(num_systems)
    for system in range(num_systems):
        judged = collect((dialogue, rater, float(moved[system])) for (dialogue, rater), moved in sums.items())
        spread = measure_rater_spread(judged, num_dialogues=len(outcomes.names))
        reach[system] = spread.reach if spread else 0.0
    return reach


__all__ = ["NUM_RESAMPLES", "PRIOR", "Outcomes", "collect_outcomes", "fit", "fit_strengths"]
