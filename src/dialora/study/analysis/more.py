"""How many more judgements would settle a difference that is not clear yet."""

from __future__ import annotations

import math
from statistics import NormalDist

from dialora.comparison.statistics import CONFIDENCE, POWER
from dialora.study.analysis.intervals import Estimate

HOPELESS = 100_000
"""Judgements that nobody will make."""


def count_more(
    estimate: Estimate, difference: float, *, is_clear: bool, raters_per_dialogue: float, num_compared: int
) -> int | None:
    """Return how many more judgements would find a difference of this size four times in five; 0 where it is clear.

    At the design's number of raters per dialogue, for the first step of Holm's correction over `num_compared` pairs, by
    the normal approximation. What raters differ by does not shrink with more dialogues: None where that alone, or more
    than `HOPELESS` judgements, stands in the way.
    """
    if is_clear:
        return 0
    normal = NormalDist()
    errors = normal.inv_cdf(1 - (1 - CONFIDENCE) / num_compared / 2) + normal.inv_cdf(POWER)
    allowed = (difference / errors) ** 2 - estimate.rater_variance
    if allowed <= 0 or estimate.dialogue_variance <= 0:
        return None
    needed = estimate.dialogue_variance / allowed
    more = math.ceil(max(1.0, needed - estimate.num_dialogues) * max(1.0, raters_per_dialogue))
    return more if more <= HOPELESS else None


__all__ = ["HOPELESS", "count_more"]
