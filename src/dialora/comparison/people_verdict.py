"""What a study found, in plain words. Takes a StudyResult, gives sentences; none calls clear what is not."""

from __future__ import annotations

from collections.abc import Sequence

from dialora.comparison.people import Preference, RatingDifference, StudyResult
from dialora.printable import join_words

EVENED_OUT = 0.005
"""A share so far from that of the counts beside it is said to be no count."""
MOST_PAIRS = 3
"""So many pairs get a sentence each; of more, those that are clear are listed."""


def describe_study(result: StudyResult) -> str:
    """Return what people preferred and how they rated, with intervals, and that a study is unfinished."""
    if not result.num_judgements:
        return _describe_none(result)
    sentences = [*_describe_preferences(result), *_describe_ratings(result)]
    if not sentences:
        sentences.append(f"The judgements of the study {result.name} compare no two systems yet.")
    if result.num_judgements < result.num_asked:
        sentences.append(
            f"The study is unfinished: {result.num_judgements:,} of {result.num_asked:,} judgements are in."
        )
    return " ".join(sentences)


def describe_studies(results: Sequence[StudyResult]) -> list[str]:
    """Return what each study found, of those in which something counts; several are named."""
    told = [result for result in results if result.num_judgements]
    if len(told) < 2:
        return [describe_study(result) for result in told]
    return [f"Study {result.name}: {describe_study(result)}" for result in told]


def _describe_none(result: StudyResult) -> str:
    left_out = [rater for rater in result.raters if rater.excluded and rater.num_judged]
    if not left_out:
        return f"Nobody has judged anything in the study {result.name} yet."
    reasons = "; ".join(f"rater {rater.sheet} {rater.excluded}" for rater in left_out)
    number = sum(rater.num_judged for rater in left_out)
    judgements = f"{number:,} {'judgement' if number == 1 else 'judgements'}"
    return (
        f"No judgement of the study {result.name} counts: {judgements} by raters who are left out ({reasons}); "
        "--keep-all counts them."
    )


def format_share(pair: Preference) -> str:
    """Return a share with its interval in percent, as in 54 % [47, 61]."""
    return f"{100 * pair.share:.0f} % [{100 * pair.ci_low:.0f}, {100 * pair.ci_high:.0f}]"


def format_difference(row: RatingDifference) -> str:
    """Return a difference of ratings with its interval, as in +0.42 [0.11, 0.73], of a scale from 1 to 5."""
    text = f"{row.difference:+.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}]".replace("-0.00", "0.00")
    # A minus as in the tables, not a hyphen, at which lines are broken.
    return text.replace("-", "−")


def _describe_preferences(result: StudyResult) -> list[str]:
    pairs = result.preferences
    if len(pairs) <= MOST_PAIRS:
        return [_describe_pair(result, pair) for pair in pairs]
    clear = [_turn(pair) for pair in pairs if pair.is_clear]
    if not clear:
        return [f"No preference of people is clear among {len(pairs)} pairs."]
    listed = ", ".join(f"{result.labels[pair.a]} to {result.labels[pair.b]} ({format_share(pair)})" for pair in clear)
    unclear = len(pairs) - len(clear)
    rest = f"; the other {unclear} of {len(pairs)} pairs are not told apart" if unclear else ""
    return [f"People clearly preferred {listed}{rest}."]


def _describe_pair(result: StudyResult, pair: Preference) -> str:
    pair = _turn(pair)
    a, b = result.labels[pair.a], result.labels[pair.b]
    if pair.share == 0.5:
        return f"People preferred neither of {a} and {b}: {_describe_counts(pair)}; no clear difference."
    text = f"People preferred {a} to {b} in {_describe_counts(pair)}"
    return f"{text}; {'a clear' if pair.is_clear else 'no clear'} difference."


def _describe_counts(pair: Preference) -> str:
    """Return the share, and the judgements that it comes from: it is no count of them, since ties are halves."""
    judgements = f"{pair.num_judgements:,} {'judgement' if pair.num_judgements == 1 else 'judgements'}"
    ties = pair.num_judgements - pair.wins - pair.losses
    raw = (pair.wins + (pair.ties + pair.both_bad) / 2) / max(1, pair.num_judgements + pair.num_identical)
    evened = ", evened out over dialogues and sides" if abs(raw - pair.share) >= EVENED_OUT else ""
    return (
        f"{format_share(pair)} ({judgements}: {pair.wins:,} for, {pair.losses:,} against, {ties:,} for neither, "
        f"counted as halves{evened})"
    )


def _turn(pair: Preference) -> Preference:
    """Return the pair with the one ahead first; equal ones as they are."""
    if pair.share >= 0.5:
        return pair
    return Preference(
        a=pair.b,
        b=pair.a,
        wins=pair.losses,
        losses=pair.wins,
        ties=pair.ties,
        both_bad=pair.both_bad,
        num_dialogues=pair.num_dialogues,
        share=1 - pair.share,
        ci_low=1 - pair.ci_high,
        ci_high=1 - pair.ci_low,
        p_value=pair.p_value,
        p_adjusted=pair.p_adjusted,
        num_more=pair.num_more,
        num_identical=pair.num_identical,
    )


def _describe_ratings(result: StudyResult) -> list[str]:
    """Return a sentence for each pair, or, of many pairs, one with what is clear."""
    rows = result.rating_differences
    if not rows:
        return []
    pairs = list(dict.fromkeys((row.a, row.b) for row in rows))
    if len(pairs) > MOST_PAIRS:
        clear = [row for row in rows if row.is_clear]
        if not clear:
            return [f"No rating tells any of {len(pairs)} pairs apart."]
        largest = sorted(clear, key=lambda row: -abs(row.difference))[:MOST_PAIRS]
        more = f"; {len(clear) - len(largest)} more are in the table" if len(clear) > len(largest) else ""
        return [f"Ratings from 1 to 5 differ clearly: {'; '.join(_name(result, row) for row in largest)}{more}."]
    return [_describe_rated(result, [row for row in rows if (row.a, row.b) == pair]) for pair in pairs]


def _describe_rated(result: StudyResult, rows: Sequence[RatingDifference]) -> str:
    a, b = result.labels[rows[0].a], result.labels[rows[0].b]
    clear = [row for row in rows if row.is_clear]
    criteria = {row.criterion: result.criteria[row.criterion].lower() for row in rows}
    if not clear:
        return f"Ratings of {a} and {b} do not differ clearly in {join_words(list(criteria.values()))}."
    parts = [
        f"{'higher' if row.difference > 0 else 'lower'} in {criteria[row.criterion]} ({format_difference(row)})"
        for row in clear
    ]
    others = [criteria[row.criterion] for row in rows if not row.is_clear]
    rest = f"; no clear difference in {join_words(others)}" if others else ""
    return f"From 1 to 5, {a} was rated {join_words(parts)} than {b}{rest}."


def _name(result: StudyResult, row: RatingDifference) -> str:
    criterion = result.criteria[row.criterion].lower()
    return f"{result.labels[row.a]} from {result.labels[row.b]} in {criterion} ({format_difference(row)})"


__all__ = ["describe_studies", "describe_study", "format_difference", "format_share"]
