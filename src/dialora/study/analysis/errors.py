"""Which kinds of errors raters marked in whose summaries. Takes unblinded ratings, gives ErrorShares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dialora.comparison.people import ErrorShare
from dialora.study.analysis.intervals import collect, estimate_mean
from dialora.study.analysis.unblind import Rated, Unblinded
from dialora.study.records import ErrorKind


def count_errors(unblinded: Unblinded, systems: Sequence[str], kinds: Sequence[ErrorKind]) -> tuple[ErrorShare, ...]:
    """Return for each system and kind how many of its rated summaries have such an error, by the rater's marks."""
    rated: dict[str, list[Rated]] = defaultdict(list)
    for row in unblinded.rated:
        rated[row.system].append(row)
    found = []
    for system in systems:
        for kind in kinds:
            marks = [sum(error.kind == kind.key for error in row.errors) for row in rated[system]]
            if not marks:
                continue
            rows = (
                (row.dialogue, row.rater, float(count > 0)) for row, count in zip(rated[system], marks, strict=True)
            )
            estimate = estimate_mean(collect(rows), lowest=0, highest=1)
            found.append(
                ErrorShare(system, kind.key, kind.label, sum(marks), estimate.mean, estimate.ci_low, estimate.ci_high)
            )
    return tuple(found)


__all__ = ["count_errors"]
