"""How often each system was preferred to each other one. Takes unblinded judgements, gives Preferences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dialora.comparison.draws import Floats
from dialora.comparison.people import Preference
from dialora.comparison.statistics import holm, sign_flip_p_values
from dialora.study.analysis.intervals import Estimate, Judged, align, collect, estimate_mean
from dialora.study.analysis.more import count_more
from dialora.study.analysis.unblind import Pair, Preferred, Unblinded

NUM_RESAMPLES = 10_000
FEW_JUDGEMENTS = 10
"""Raters with fewer are too few to tell their leaning to a side alone: one is found for all of them."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One pair's judgements."""

    pair: Pair
    rows: Sequence[Preferred]
    judged: Judged
    num_identical: int
    estimate: Estimate


def compare_preferences(
    unblinded: Unblinded, *, seed: int = 0, num_resamples: int = NUM_RESAMPLES
) -> tuple[Preference, ...]:
    """Return the share of each pair that was judged, with interval and corrected test; the unit is the dialogue.

    Each rater's leaning to a side is taken out first. Positions are balanced, so that this changes nothing in a
    finished study but the intervals' width, and in an unfinished one what has come out unbalanced.
    """
    shares, inflation = remove_side_bias(unblinded.preferred)
    by_pair: dict[Pair, list[tuple[Preferred, float]]] = defaultdict(list)
    for row, share in zip(unblinded.preferred, shares, strict=True):
        by_pair[row.a, row.b].append((row, share))
    seen = [_look_at(pair, by_pair[pair], unblinded, inflation) for pair in unblinded.pairs if by_pair[pair]]
    if not seen:
        return ()
    columns = _restore_spread(align([one.judged for one in seen], centre=0.5), inflation)
    p_values = sign_flip_p_values(columns, num_resamples=num_resamples, seed=seed, num_compared=len(seen))
    return tuple(
        _describe(one, p_value, adjusted, len(seen))
        for one, p_value, adjusted in zip(seen, p_values, holm(p_values), strict=True)
    )


def remove_side_bias(preferred: Sequence[Preferred]) -> tuple[list[float], float]:
    """Return the shares less what each rater gives to the text shown as A, and by what that narrowed their spread.

    Least squares of the shares over the side on which a stood, for each rater.
    """
    if not preferred:
        return [], 1.0
    shares = np.array([row.share for row in preferred])
    sides = np.array([1.0 if row.is_first else -1.0 for row in preferred])
    raters = np.array([row.rater for row in preferred])
    numbers, at, counts = np.unique(raters, return_inverse=True, return_counts=True)
    groups = np.where(counts[at] >= FEW_JUDGEMENTS, at, len(numbers))
    fitted = 0
    for group in np.unique(groups):
        rows = groups == group
        spread = sides[rows] - sides[rows].mean()
        if spread @ spread > 0:
            shares[rows] -= (spread @ shares[rows]) / (spread @ spread) * sides[rows]
            fitted += 1
    return shares.tolist(), len(shares) / max(1, len(shares) - fitted)


def _restore_spread(columns: Floats, inflation: float) -> Floats:
    """Give back to each column the spread that fitting has taken, as two values that cancel in all but flipped sums."""
    missing = np.sqrt((inflation - 1) / 2 * (columns**2).sum(axis=0))
    return np.vstack([columns, missing, -missing])


def count_identical(unblinded: Unblinded, pair: Pair, num_judged: int) -> int:
    """Return how many of a pair's dialogues with one and the same text count.

    As large a part of them as of the others was judged: an unfinished study leans no more to a tie than a finished one.
    """
    identical, asked = len(unblinded.identical[pair]), unblinded.num_asked[pair]
    return identical if num_judged >= asked else round(identical * num_judged / asked)


def _look_at(pair: Pair, rows: Sequence[tuple[Preferred, float]], unblinded: Unblinded, inflation: float) -> _Seen:
    judged = collect((row.dialogue, row.rater, share) for row, share in rows)
    identical = count_identical(unblinded, pair, judged.num_dialogues)
    estimate = estimate_mean(judged, lowest=0, highest=1, settled=identical, settled_at=0.5, inflation=inflation)
    return _Seen(pair, [row for row, _ in rows], judged, identical, estimate)


def _describe(seen: _Seen, p_value: float, p_adjusted: float, num_compared: int) -> Preference:
    estimate, (a, b) = seen.estimate, seen.pair
    shares = [row.share for row in seen.rows]
    both_bad = sum(row.is_both_bad for row in seen.rows)
    preference = Preference(
        a,
        b,
        wins=shares.count(1.0),
        losses=shares.count(0.0),
        ties=shares.count(0.5) - both_bad + seen.num_identical,
        both_bad=both_bad,
        num_identical=seen.num_identical,
        num_dialogues=estimate.num_dialogues,
        share=estimate.mean,
        ci_low=estimate.ci_low,
        ci_high=estimate.ci_high,
        p_value=p_value,
        p_adjusted=p_adjusted,
        num_more=None,
    )
    more = count_more(
        estimate,
        estimate.mean - 0.5,
        is_clear=preference.is_clear,
        raters_per_dialogue=len(shares) / max(1, seen.judged.num_dialogues),
        num_compared=num_compared,
    )
    return replace(preference, num_more=more)


__all__ = ["FEW_JUDGEMENTS", "NUM_RESAMPLES", "compare_preferences", "count_identical", "remove_side_bias"]
