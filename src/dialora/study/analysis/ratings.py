"""What each system was given in each criterion, and how systems differ in it, over the same dialogues and raters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from dialora.comparison.people import RatedCriterion, RatingDifference
from dialora.comparison.statistics import holm, sign_flip_p_values
from dialora.study.analysis.intervals import Judged, align, collect, estimate_mean
from dialora.study.analysis.more import count_more
from dialora.study.analysis.preferences import NUM_RESAMPLES
from dialora.study.analysis.unblind import Unblinded
from dialora.study.records import HIGHEST, LOWEST

WIDTH = HIGHEST - LOWEST
Scores = dict[tuple[str, int], float]
"""By dialogue and rater."""


def collect_scores(unblinded: Unblinded, criterion: str) -> dict[str, Scores]:
    """Return what each system was given in a criterion."""
    scores: dict[str, Scores] = defaultdict(dict)
    for row in unblinded.rated:
        if criterion in row.scores:
            scores[row.system][row.dialogue, row.rater] = float(row.scores[criterion])
    return dict(scores)


def average_ratings(
    unblinded: Unblinded, systems: Sequence[str], criteria: Sequence[str]
) -> tuple[RatedCriterion, ...]:
    """Return each system's mean in each criterion with its interval, which raters' strictness widens."""
    found = []
    for criterion in criteria:
        scores = collect_scores(unblinded, criterion)
        for system in systems:
            if system not in scores:
                continue
            estimate = estimate_mean(_collect(scores[system]), lowest=LOWEST, highest=HIGHEST, raters_differ=True)
            found.append(
                RatedCriterion(system, criterion, estimate.mean, estimate.ci_low, estimate.ci_high, len(scores[system]))
            )
    return tuple(found)


def compare_ratings(
    unblinded: Unblinded, criteria: Sequence[str], *, seed: int = 0, num_resamples: int = NUM_RESAMPLES
) -> tuple[RatingDifference, ...]:
    """Return each pair's difference in each criterion: a rater's ratings of one dialogue are compared with each other.

    Strictness falls out of that. Corrected over the pairs within a criterion.
    """
    found: list[RatingDifference] = []
    for criterion in criteria:
        scores = collect_scores(unblinded, criterion)
        pairs = []
        for a, b in unblinded.pairs:
            given, other = scores.get(a, {}), scores.get(b, {})
            differences = {place: given[place] - other[place] for place in given if place in other}
            if differences:
                pairs.append((a, b, _collect(differences)))
        if not pairs:
            continue
        p_values = sign_flip_p_values(
            align([judged for *_, judged in pairs]),
            num_resamples=num_resamples,
            seed=seed,
            num_compared=len(pairs),
        )
        for (a, b, judged), p_value, adjusted in zip(pairs, p_values, holm(p_values), strict=True):
            found.append(_describe(a, b, criterion, judged, (p_value, adjusted), len(pairs)))
    return tuple(found)


def _describe(
    a: str, b: str, criterion: str, judged: Judged, p_values: tuple[float, float], num_compared: int
) -> RatingDifference:
    estimate = estimate_mean(judged, lowest=-WIDTH, highest=WIDTH)
    found = RatingDifference(
        a, b, criterion, estimate.mean, estimate.ci_low, estimate.ci_high, *p_values, num_more=None
    )
    more = count_more(
        estimate,
        estimate.mean,
        is_clear=found.is_clear,
        # Two ratings make a difference.
        raters_per_dialogue=2 * len(judged.values) / judged.num_dialogues,
        num_compared=num_compared,
    )
    return replace(found, num_more=more)


def _collect(scores: Scores) -> Judged:
    return collect((dialogue, rater, value) for (dialogue, rater), value in scores.items())


__all__ = ["average_ratings", "collect_scores", "compare_ratings"]
