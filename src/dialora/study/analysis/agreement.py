"""Krippendorff's alpha: how far raters agree beyond chance. Takes sheets and judgements, gives Agreements.

The value is the library `krippendorff`'s; the interval is over items, resampled from what each adds to the coincidences
(Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"). Nothing here asks which system wrote a text, so that
the owner of a blind study reads the same alpha as the report.

Which text of a pair is the first means nothing, so a pair counts in either order: chance has the first preferred as
often as the second. By system, agreement that one of them is always better would be what chance does.

U items, R raters, V possible values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dialora.comparison.draws import Counts, Floats
from dialora.comparison.people import Agreement
from dialora.study.analysis.resampling import find_bounds
from dialora.study.judgements import Judgement
from dialora.study.records import ANSWERS, FIRST, HIGHEST, LOWEST, SECOND, Sheet

NOMINAL, ORDINAL = "nominal", "ordinal"
NUM_RESAMPLES = 2000
PREFERENCE = "preference"
_TURNED = tuple(ANSWERS.index({FIRST: SECOND, SECOND: FIRST}.get(answer, answer)) for answer in ANSWERS)
"""Each answer's number, were the two texts in the other order."""
Given = dict[Hashable, list[int]]
"""By item, the values that its raters gave, from 0."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What raters gave to items in one respect."""

    what: str
    given: Given
    level: str
    num_values: int
    turned: tuple[int, ...] = ()
    """The values of the other order, where items count in both."""


def measure_agreements(
    sheets: Iterable[Sheet], judgements: Iterable[Judgement], criteria: Sequence[str], *, seed: int = 0
) -> tuple[Agreement, ...]:
    """Return alpha for preferences (nominal) and each criterion (ordinal), of what was judged."""
    return tuple(
        measure_agreement(one.what, one.given, one.level, one.num_values, turned=one.turned, seed=seed)
        for one in collect_given(sheets, judgements, criteria)
        if one.given
    )


def collect_given(sheets: Iterable[Sheet], judgements: Iterable[Judgement], criteria: Sequence[str]) -> list[Judged]:
    """Return what raters gave to items: the preferred text, then each criterion."""
    swapped = {(sheet.number, entry.item): entry.is_swapped for sheet in sheets for entry in sheet.entries}
    choices: Given = defaultdict(list)
    scores: dict[str, Given] = {criterion: defaultdict(list) for criterion in criteria}
    for one in judgements:
        place = (one.sheet, one.item)
        if one.answer is not None and place in swapped:
            value = ANSWERS.index(one.answer)
            # As the item has its texts, however they were shown.
            choices[one.item].append(_TURNED[value] if swapped[place] else value)
        for criterion in criteria:
            if criterion in one.scores:
                scores[criterion][one.item].append(one.scores[criterion] - LOWEST)
    found = [Judged(PREFERENCE, dict(choices), NOMINAL, len(ANSWERS), _TURNED)]
    return found + [Judged(one, dict(given), ORDINAL, HIGHEST - LOWEST + 1) for one, given in scores.items()]


def measure_agreement(
    what: str, given: Given, level: str, num_values: int, *, turned: Sequence[int] = (), seed: int = 0
) -> Agreement:
    """Return alpha with its interval over items; None where nothing was judged twice or one value was given.

    `turned` are the values of the other order, where items count in both.
    """
    shared = _count_shared(given, num_values)
    alpha = _find_alpha(shared, level, turned)
    if alpha is None or len(shared) < 2:
        return Agreement(what, alpha, None, None, len(shared))
    resampled = resample_alpha(shared, level, Counts(len(shared), NUM_RESAMPLES, seed), turned=turned)
    low, high = find_bounds(resampled, len(shared))
    return Agreement(what, alpha, low, high, len(shared))


def find_alpha(judged: Judged) -> tuple[float | None, int]:
    """Return alpha as `measure_agreement` does, without interval, and how many items two or more judged."""
    shared = _count_shared(judged.given, judged.num_values)
    return _find_alpha(shared, judged.level, judged.turned), len(shared)


def _count_shared(given: Given, num_values: int) -> Floats:
    counts = count_values(given.values(), num_values).reshape(-1, num_values)
    return counts[counts.sum(axis=1) > 1]


def _find_alpha(shared: Floats, level: str, turned: Sequence[int]) -> float | None:
    import krippendorff

    counts = np.concatenate([shared, shared[:, list(turned)]]) if turned else shared
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return None
    domain = range(counts.shape[1])
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement=level, value_domain=domain))


def count_values(given: Iterable[Sequence[int]], num_values: int) -> Floats:
    """Return how often each item was given each value, (U, V)."""
    return np.array([np.bincount(values, minlength=num_values) for values in given], dtype=np.float64)


def resample_alpha(counts: Floats, level: str, draws: Counts, *, turned: Sequence[int] = ()) -> Floats:
    """Return alpha in each resample of the items, (num_resamples,); nan where all values are the same."""
    number, num_values = counts.shape
    pairs = counts[:, :, None] * counts[:, None, :] - np.eye(num_values) * counts[:, None, :]
    coincidences = pairs / (counts.sum(axis=1) - 1)[:, None, None]  # (U, V, V)
    if turned:
        coincidences = coincidences + coincidences[:, turned][:, :, turned]
    coincidences = coincidences.reshape(number, -1)
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


__all__ = [
    "NOMINAL",
    "ORDINAL",
    "PREFERENCE",
    "Judged",
    "collect_given",
    "count_values",
    "find_alpha",
    "measure_agreement",
    "measure_agreements",
    "resample_alpha",
]
