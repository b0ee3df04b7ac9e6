"""The tables of what people judged, most asked-for first. Takes a StudyResult and gives Tables."""

from __future__ import annotations

from dialora.comparison.people import Agreement, MetricAgreement, RatedCriterion, StudyResult
from dialora.report import numbers
from dialora.report.tables import Cell, Row, Table, name_metric

_CLEAR = "Bold: the interval leaves out {} and the corrected p < 0.05."
_PREFERENCE = "Preference"
_MORE = (
    "More: judgements that would show a difference of this size four times in five (–: over 100,000, or raters differ "
    "too much for any number of dialogues)."
)
_INTERVALS = "95 % intervals over dialogues, and over raters where they differ."


def build_study_tables(study: StudyResult) -> list[Table]:
    """Return the tables of what the study asked; those that would be empty are left out."""
    tables = [
        _build_preferences(study),
        _build_ratings(study),
        _build_differences(study),
        _build_strengths(study),
        _build_metrics(study),
        _build_errors(study),
        _build_agreement(study),
        _build_raters(study),
    ]
    return [table for table in tables if table.rows]


def _build_preferences(study: StudyResult) -> Table:
    rows = []
    for pair in study.preferences:
        # Narrow enough for 80 columns: what belongs to a number stands below it.
        counts = f"{pair.wins:,} : {pair.losses:,}"
        ties = (f"{pair.ties:,} equal", f"{pair.both_bad:,} both bad")
        cells = (
            _pair_cell(study, pair.a, pair.b),
            Cell(
                numbers.format_share(pair.share), (_bounds(pair.ci_low, pair.ci_high, 100, 1),), is_strong=pair.is_clear
            ),
            Cell(counts, ties),
            Cell(f"{pair.num_dialogues:,}"),
            Cell(numbers.format_p_value(pair.p_adjusted)),
            Cell(_format_more(pair.num_more)),
        )
        rows.append(Row(cells))
    footnote = (
        "Share of the first one: ties and both bad are half a win; raters of a dialogue are averaged first, and their "
        "leaning to a side is taken out. "
        f"{_INTERVALS} p: sign flips over dialogues, after Holm's correction over the pairs. {_MORE} "
        f"{_CLEAR.format('50 %')}"
    )
    columns = ("Pair", "Preferred", "Won : lost", "Dialogues", "p", "More")
    return Table("people-preferences", "Preferred by people", columns, tuple(rows), footnote)


def _build_strengths(study: StudyResult) -> Table:
    rows = [
        Row(
            (
                Cell(study.labels[row.system]),
                Cell(_signed(row.log_strength), (_bounds(row.ci_low, row.ci_high, 1, 2),)),
            ),
            system=row.system,
        )
        for row in sorted(study.strengths, key=lambda row: -row.log_strength)
    ]
    footnote = (
        "Bradley and Terry's log strengths with Davidson's ties, from all pairs at once: their mean is 0, and a "
        "difference of d means odds of exp(d) to be preferred where no tie is given. 95 % score intervals over "
        "dialogues, and over raters where they differ."
    )
    return Table("people-strengths", "Strength", ("System", "Log strength"), tuple(rows), footnote)


def _build_ratings(study: StudyResult) -> Table:
    given = {(row.system, row.criterion): row for row in study.ratings}
    rows = [
        Row((Cell(label), *(_rating_cell(given.get((key, one))) for one in study.criteria)), system=key)
        for key, label in study.labels.items()
        if any(row.system == key for row in study.ratings)
    ]
    footnote = (
        "Mean ratings from 1 to 5. 95 % intervals over dialogues and raters, whose strictness widens them; the "
        "differences below are free of it."
    )
    return Table("people-ratings", "Rated by people", ("System", *study.criteria.values()), tuple(rows), footnote)


def _build_differences(study: StudyResult) -> Table:
    given = {(row.a, row.b, row.criterion): row for row in study.rating_differences}
    rows = []
    for a, b in dict.fromkeys((row.a, row.b) for row in study.rating_differences):
        cells = []
        for criterion in study.criteria:
            row = given.get((a, b, criterion))
            if row is None:
                cells.append(Cell(numbers.MISSING))
                continue
            details = (
                _bounds(row.ci_low, row.ci_high, 1, 2),
                f"p {numbers.format_p_value(row.p_adjusted)}",
                f"{_format_more(row.num_more)} more",
            )
            cells.append(Cell(_signed(row.difference), details[:2] if row.is_clear else details, row.is_clear))
        rows.append(Row((Cell(f"{study.labels[a]} {numbers.MINUS} {study.labels[b]}"), *cells)))
    footnote = (
        f"Over the same dialogues and raters. {_INTERVALS} p: sign flips over dialogues, after Holm's correction over "
        f"the pairs of a criterion. {_MORE} {_CLEAR.format('0')}"
    )
    columns = ("Difference", *study.criteria.values())
    return Table("people-differences", "Differences of ratings", columns, tuple(rows), footnote)


def _build_metrics(study: StudyResult) -> Table:
    said = list(dict.fromkeys(row.people for row in study.metrics))
    given = {(row.metric, row.level, row.people): row for row in study.metrics}
    rows = []
    for level, name in (("dialogue", "of a dialogue"), ("system", "between systems")):
        for metric in dict.fromkeys(row.metric for row in study.metrics):
            found = [given.get((metric, level, one)) for one in said]
            if any(row is not None and row.tau is not None for row in found):
                rows.append(Row((Cell(name_metric(metric), (name,)), *map(_tau_cell, found))))
    footnote = (
        "Kendall's tau-b: 1 where a metric orders summaries as people do, 0 where it tells nothing, over pairs of "
        "summaries of one dialogue and over pairs of systems (three at least). 95 % bootstrap intervals over dialogues."
    )
    columns = ("Metric", *(_name_said(study, one) for one in said))
    return Table("people-metrics", "Metrics and people", columns, tuple(rows), footnote)


def _build_errors(study: StudyResult) -> Table:
    kinds = {row.kind: row.label for row in study.errors}
    given = {(row.system, row.kind): row for row in study.errors}
    rows = []
    for key, label in study.labels.items():
        cells = []
        for kind in kinds:
            row = given.get((key, kind))
            if row is not None:
                count = f"{row.count:,} {'mark' if row.count == 1 else 'marks'}"
                cells.append(Cell(numbers.format_share(row.share), (_bounds(row.ci_low, row.ci_high, 100, 1), count)))
            else:
                cells.append(Cell(numbers.MISSING))
        if any(row.system == key for row in study.errors):
            rows.append(Row((Cell(label), *cells), system=key))
    footnote = f"Share of the rated summaries in which a rater marked such an error. {_INTERVALS}"
    return Table("people-errors", "Errors marked", ("System", *kinds.values()), tuple(rows), footnote)


def _build_agreement(study: StudyResult) -> Table:
    rows = [
        Row((Cell(_name_said(study, row.what)), _alpha_cell(row), Cell(f"{row.num_items:,}")))
        for row in study.agreements
    ]
    footnote = (
        "Krippendorff's alpha: 1 is full agreement, 0 is chance; nominal for preferences, each pair in either order, "
        "so that no system's lead counts as chance, and ordinal for ratings; checks and repeats left out. 95 % "
        "bootstrap intervals over what two or more judged."
    )
    columns = ("Judged", "Alpha", "Items")
    return Table("people-agreement", "Agreement of raters", columns, tuple(rows), footnote)


def _build_raters(study: StudyResult) -> Table:
    rows = []
    for rater in study.raters:
        checks = (
            f"{rater.attention_passed:,} of {rater.attention_asked:,}" if rater.attention_asked else numbers.MISSING
        )
        cells = (
            Cell(f"Rater {rater.sheet}", (f"left out: {rater.excluded}",) if rater.excluded else ()),
            Cell(f"{rater.num_judged:,} of {rater.num_asked:,}"),
            Cell(numbers.format_duration(rater.median_seconds)),
            Cell(checks),
            Cell(_percent(rater.self_agreement)),
            Cell(_percent(rater.first_share)),
            Cell(numbers.MISSING if rater.drift is None else _signed(rater.drift)),
            Cell(numbers.MISSING if rater.agreement_with_others is None else f"{rater.agreement_with_others:.2f}"),
        )
        rows.append(Row(cells))
    footnote = (
        "Time: median for an item. Checks: attention checks passed. Self: repeats answered alike, a tie and both bad "
        "being two answers. A: how often the text shown as A was chosen. Drift: mean rating of the second half less "
        "the first. Others: share of choices that most of the others share, or rank correlation with their ratings."
    )
    columns = ("Rater", "Judged", "Time", "Checks", "Self", "A", "Drift", "Others")
    return Table("people-raters", "Raters", columns, tuple(rows), footnote)


def _pair_cell(study: StudyResult, a: str, b: str) -> Cell:
    return Cell(f"{study.labels[a]} to {study.labels[b]}")


def _rating_cell(row: RatedCriterion | None) -> Cell:
    return Cell(numbers.MISSING) if row is None else Cell(f"{row.mean:.2f}", (_bounds(row.ci_low, row.ci_high, 1, 2),))


def _tau_cell(row: MetricAgreement | None) -> Cell:
    if row is None or row.tau is None:
        return Cell(numbers.MISSING)
    pairs = f"{row.num_pairs:,} pairs"
    bounds = () if row.ci_low is None or row.ci_high is None else (_bounds(row.ci_low, row.ci_high, 1, 2),)
    return Cell(_signed(row.tau), (*bounds, pairs))


def _alpha_cell(row: Agreement) -> Cell:
    if row.alpha is None:
        return Cell(numbers.MISSING)
    text = _format(row.alpha)
    bounds = () if row.ci_low is None or row.ci_high is None else (_bounds(row.ci_low, row.ci_high, 1, 2),)
    return Cell(text, bounds)


def _name_said(study: StudyResult, what: str) -> str:
    return study.criteria.get(what, _PREFERENCE)


def _format_more(more: int | None) -> str:
    return numbers.MISSING if more is None else f"{more:,}"


def _percent(share: float | None) -> str:
    return numbers.MISSING if share is None else f"{100 * share:.0f} %"


def _bounds(low: float, high: float, scale: float, digits: int) -> str:
    return f"[{_format(scale * low, digits)}, {_format(scale * high, digits)}]"


def _format(value: float, digits: int = 2) -> str:
    # Adding 0 makes a negative zero a plain one.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", numbers.MINUS)


def _signed(value: float) -> str:
    text = _format(value)
    return f"+{text}" if round(value, 2) > 0 else text


__all__ = ["build_study_tables"]
