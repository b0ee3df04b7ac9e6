"""What has to be said beside a study's numbers: what was left out and what that changed, and how far they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialora.comparison.people import Preference, RatingDifference, StudyResult
from dialora.comparison.people_verdict import format_difference, format_share

MANY_CHOICES, ONE_SIDED = 10, 0.8
"""A rater who chose one side so often among so many is named."""

FEW_RATERS = 3
"""From so few, nothing tells well how a further one would judge."""


def write_notes(
    result: StudyResult,
    failing: Mapping[int, str],
    other: StudyResult | None,
    *,
    never_asked: Sequence[tuple[str, str]] = (),
    keep_all: bool = False,
) -> tuple[str, ...]:
    """Return the notes. `other` is the result with (without, if `keep_all`) the raters who failed."""
    notes = []
    if not result.num_judgements:
        notes.append("Nobody has judged anything yet." if not failing else "No judgement counts.")
    elif result.num_judgements < result.num_asked:
        notes.append(
            f"Unfinished: {result.num_judgements:,} of {result.num_asked:,} judgements are in. To look again and again "
            "and stop when something is clear finds differences that are not there; plan the size first "
            "(`dialora study power`)."
        )
    notes += _describe_failing(result, failing, other, keep_all=keep_all)
    notes += _describe_identical(result)
    notes += [
        f"{result.labels[a]} and {result.labels[b]} wrote the same for every dialogue: there was nothing to prefer."
        for a, b in never_asked
    ]
    if result.num_raters == 1:
        notes.append("One rater: intervals and tests speak of this rater on other dialogues, not of other raters.")
    elif 1 < result.num_raters <= FEW_RATERS:
        notes.append(
            f"{result.num_raters} raters: how far others may think otherwise is known only roughly; for people at "
            "large, more raters tell more than more dialogues."
        )
    notes += _describe_sides(result)
    return tuple(notes)


def describe_missing(source: str) -> str:
    """Return that a judged folder is not where it was, so that its report does not show the study."""
    return (
        f"{source} is not there: the report of the systems that lay in it does not show this study. Put the folder "
        "back and analyse again."
    )


def _describe_failing(
    result: StudyResult, failing: Mapping[int, str], other: StudyResult | None, *, keep_all: bool
) -> list[str]:
    if other is None:
        return []
    outcome = "counts because all were to be kept" if keep_all else "is left out (--keep-all keeps all)"
    notes = [f"Rater {sheet} {outcome}: {reason}." for sheet, reason in failing.items()]
    numbers = _describe_numbers(other)
    if numbers:
        numbers_here = "" if _describe_numbers(result) else " Without them nothing is left to say."
        notes.append(f"{'Without' if keep_all else 'With'} them: {'; '.join(numbers)}.{numbers_here}")
    return notes


def _describe_numbers(result: StudyResult) -> list[str]:
    """Return all numbers that are read first, each with its pair."""
    rows: list[Preference | RatingDifference] = [*result.preferences, *result.rating_differences]
    texts = []
    for row in rows:
        pair = f"{result.labels[row.a]} to {result.labels[row.b]}"
        if isinstance(row, Preference):
            texts.append(f"{pair} {format_share(row)}{_mark(row.is_clear)}")
        else:
            texts.append(f"{pair}, {result.criteria[row.criterion]}, {format_difference(row)}{_mark(row.is_clear)}")
    return texts


def _mark(is_clear: bool) -> str:
    return ", clear" if is_clear else ""


def _describe_identical(result: StudyResult) -> list[str]:
    pairs = [
        f"{result.labels[pair.a]} and {result.labels[pair.b]} ({pair.num_identical:,})"
        for pair in result.preferences
        if pair.num_identical
    ]
    if not pairs:
        return []
    return [f"Dialogues for which two systems wrote the same count as ties, without being asked: {', '.join(pairs)}."]


def _describe_sides(result: StudyResult) -> list[str]:
    notes = []
    position = result.position
    if position is not None and not position.ci_low <= 0.5 <= position.ci_high:
        notes.append(
            f"The text shown as A was chosen in {100 * position.share:.0f} % "
            f"[{100 * position.ci_low:.0f}, {100 * position.ci_high:.0f}] of {position.num_choices:,} choices. "
            "Positions are balanced and raters' leaning to a side is taken out, so this favours no system."
        )
    for rater in result.raters:
        share = rater.first_share
        if share is None or rater.excluded or rater.num_judged < MANY_CHOICES:
            continue
        if share >= ONE_SIDED or share <= 1 - ONE_SIDED:
            side, often = ("A", share) if share > 0.5 else ("B", 1 - share)
            notes.append(
                f"Rater {rater.sheet} chose {side} in {100 * often:.0f} % of the choices; what this rater says "
                "weighs on no side and hides differences."
            )
    return notes


__all__ = ["describe_missing", "write_notes"]
