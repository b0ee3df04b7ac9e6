"""Krippendorff's alpha: how far raters agree beyond chance. Takes unblinded judgements, gives Agreements.

The value is the library `krippendorff`'s; the interval is over items, resampled from what each adds to the coincidences
(Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"). U items, R raters, V possible values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from dialora.comparison.draws import Counts, Floats
from dialora.comparison.people import Agreement
from dialora.study.analysis.resampling import find_bounds
from dialora.study.analysis.unblind import Unblinded
from dialora.study.records import HIGHEST, LOWEST

NOMINAL, ORDINAL = "nominal", "ordinal"
NUM_RESAMPLES = 2000
PREFERENCE = "preference"
_ANSWERS = 4
"""Of a pair: the one, the other, both good, both bad."""
Given = dict[Hashable, list[int]]
"""By item, the values that its raters gave, from 0."""


def measure_agreements(unblinded: Unblinded, criteria: Sequence[str], *, seed: int = 0) -> tuple[Agreement, ...]:
    """Return alpha for preferences (nominal) and each criterion (ordinal), of what was asked."""
    found = []
    if unblinded.preferred:
        # A text of several writers is one item, and one judgement; which pair it is seen as matters to nobody.
        first: dict[tuple[str, int], int] = {}
        for row in unblinded.preferred:
            first.setdefault((row.item, row.rater), 2 + row.is_both_bad if row.share == 0.5 else int(row.share))
        found.append(measure_agreement(PREFERENCE, _group(first), NOMINAL, _ANSWERS, seed=seed))
    for criterion in criteria:
        scores = _group(
            {
                (row.item, row.rater): row.scores[criterion] - LOWEST
                for row in unblinded.rated
                if criterion in row.scores
            }
        )
        if scores:
            found.append(measure_agreement(criterion, scores, ORDINAL, HIGHEST - LOWEST + 1, seed=seed))
    return tuple(found)


def measure_agreement(what: str, given: Given, level: str, num_values: int, *, seed: int = 0) -> Agreement:
    """Return alpha with its interval over items; None where nothing was judged twice or one value was given."""
    import krippendorff

    counts = count_values(given.values(), num_values)
    shared = counts[counts.sum(axis=1) > 1]
    if len(shared) == 0 or np.count_nonzero(shared.sum(axis=0)) < 2:
        return Agreement(what, None, None, None, len(shared))
    alpha = float(krippendorff.alpha(value_counts=shared, level_of_measurement=level, value_domain=range(num_values)))
    if len(shared) < 2:
        return Agreement(what, alpha, None, None, len(shared))
    resampled = resample_alpha(shared, level, Counts(len(shared), NUM_RESAMPLES, seed))
    low, high = find_bounds(resampled, len(shared))
    return Agreement(what, alpha, low, high, len(shared))


def count_values(given: Iterable[Sequence[int]], num_values: int) -> Floats:
    """Return how often each item was given each value, (U, V)."""
    return np.array([np.bincount(values, minlength=num_values) for values in given], dtype=np.float64)


def resample_alpha(counts: Floats, level: str, draws: Counts) -> Floats:
    """Return alpha in each resample of the items, (num_resamples,); nan where all values are the same."""
    number, num_values = counts.shape
    pairs = counts[:, :, None] * counts[:, None, :] - np.eye(num_values) * counts[:, None, :]
    coincidences = (pairs / (counts.sum(axis=1) - 1)[:, None, None]).reshape(number, -1)  # (U, V * V)
    return np.concatenate(
        [
            _compute_alpha((drawn @ coincidences).reshape(-1, num_values, num_values), level)
            for _, drawn in draws.blocks()
        ]
    )


def _compute_alpha(coincidences: Floats, level: str) -> Floats:
    """Return alpha of each table of coincidences, (R, V, V)."""
    margins = coincidences.sum(axis=2)
    total = margins.sum(axis=1)
    num_values = margins.shape[1]
    if level == NOMINAL:
        distance = np.broadcast_to(1 - np.eye(num_values), coincidences.shape)
    else:
        # Ranks: all values from the one to the other, half of either end.
        middle = np.cumsum(margins, axis=1) - margins / 2
        distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    observed = (coincidences * distance).sum(axis=(1, 2))
    expected = (margins[:, :, None] * margins[:, None, :] * distance).sum(axis=(1, 2)) / (total - 1)
    return 1 - np.divide(observed, expected, out=np.full_like(observed, np.nan), where=expected > 0)


def _group(values: dict[tuple[str, int], int]) -> Given:
    given: Given = defaultdict(list)
    for (item, _), value in values.items():
        given[item].append(value)
    return dict(given)


__all__ = [
    "NOMINAL",
    "ORDINAL",
    "PREFERENCE",
    "count_values",
    "measure_agreement",
    "measure_agreements",
    "resample_alpha",
]
