"""The searches for learning rates: their table, their figure, and what is to be said about them.

Takes the SearchOutcomes of a ReportDocument and gives a Table, a ReportFigure and notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dialora.report import numbers
from dialora.report.palette import SystemStyle
from dialora.report.tables import METRIC_NAMES, Cell, Row, Table
from dialora.tuning.rules import DIVERGED, STOPPED, SearchOutcome, Trial

FIGURE = "learning_rates"
HEADROOM = 3.0
"""The figure shows losses up to so many times the chosen ones' distance from the median above the median."""


def build_tuning_table(searches: Sequence[SearchOutcome], labels: Mapping[str, str]) -> Table | None:
    """Return one row per method: the rate that was chosen, all that were tried, and the cost; None without searches.

    `labels` are the systems' names by key.
    """
    if not searches:
        return None
    metric = _name_metric(searches[0])
    rows = []
    for search in searches:
        tried = tuple(
            _describe_trial(trial, search) for trial in sorted(search.trials, key=lambda trial: trial.learning_rate)
        )
        cells = (
            Cell(labels.get(search.key, search.key)),
            Cell(numbers.format_rate(search.chosen.learning_rate), is_strong=True),
            Cell(_format_value(search.chosen.value, search.metric)),
            Cell(f"{len(search.trials)} rates", tried),
            Cell(numbers.format_count(search.num_steps)),
            Cell(numbers.format_duration(search.train_seconds)),
        )
        rows.append(Row(cells, system=search.key))
    footnote = (
        "Chosen on the validation split; each method has the same number of trials, of at most as many steps as a run. "
        "Time is that of optimizer steps, all trials together; it is not part of a run's training time."
    )
    if any(trial.outcome == STOPPED for search in searches for trial in search.trials):
        footnote += " Stopped: in the worse half of the trials that had come as far."
    columns = ("System", "Chosen rate", metric, "Tried", "Steps", "Time")
    return Table("tuning", "Learning rates", columns, tuple(rows), footnote, text_columns=("Tried",))


def build_tuning_notes(searches: Sequence[SearchOutcome], labels: Mapping[str, str]) -> list[str]:
    """Return a warning for each search whose best rate has nothing tried on its other side."""
    return [
        f"{labels.get(search.key, search.key)}: the learning rate chosen, "
        f"{numbers.format_rate(search.chosen.learning_rate)}, is the {search.edge} that was tried, so a better one may "
        f"lie beyond it; try more with tuning.trials, or a wider range with tuning.factor."
        for search in searches
        if search.edge is not None
    ]


def draw_learning_rates(axis: Any, searches: Sequence[SearchOutcome], styles: Mapping[str, SystemStyle]) -> str:
    """Draw validation loss, or ROUGE-1, against the learning rate on a matplotlib axis; return the caption.

    Trials that were stopped have no ROUGE-1, and are left out where that is the metric.
    """
    by_loss = searches[0].metric != "rouge1"
    shown = {search.key: _list_points(search, by_loss=by_loss) for search in searches}
    ceiling = _find_ceiling(searches, shown) if by_loss else None
    for search in searches:
        style, points = styles[search.key], shown[search.key]
        points = [(trial, value if ceiling is None else min(value, ceiling)) for trial, value in points]
        ended = [(trial.learning_rate, value) for trial, value in points if trial.outcome != STOPPED]
        axis.plot(*zip(*ended, strict=True), color=style.color, linewidth=1.3, alpha=0.6)
        for trial, value in points:
            fill = "none" if trial.outcome == STOPPED else style.color
            axis.plot([trial.learning_rate], [value], style.marker, color=style.color, markerfacecolor=fill)
        best = search.chosen
        axis.plot([best.learning_rate], [best.value], "o", color=style.color, markerfacecolor="none", markersize=13)
    axis.set_xscale("log")
    rates = [trial.learning_rate for search in searches for trial in search.trials]
    axis.set_xlim(min(rates) / 1.6, max(rates) * 1.6)
    axis.set_xlabel("learning rate")
    axis.set_ylabel(_name_metric(searches[0]).lower() if by_loss else _name_metric(searches[0]))
    caption = "On the validation split; the ring is the rate that was chosen."
    if any(trial.outcome == STOPPED for points in shown.values() for trial, _ in points):
        caption += " Hollow: stopped on the way, at a loss that more training would have lowered."
    if ceiling is not None and any(value > ceiling for points in shown.values() for _, value in points):
        caption += " Losses above the top are drawn at it."
    if any(trial.outcome == DIVERGED for search in searches for trial in search.trials):
        caption += " Rates at which the loss was not finite are left out."
    return caption


def _list_points(search: SearchOutcome, *, by_loss: bool) -> list[tuple[Trial, float]]:
    """Return what each trial came to, by rate: its value, or the loss at which it was stopped."""
    points = [
        (trial, trial.validation[-1][1] if trial.value is None else trial.value)
        for trial in search.trials
        if trial.value is not None or (by_loss and trial.validation)
    ]
    return sorted(points, key=lambda point: point[0].learning_rate)


def _find_ceiling(searches: Sequence[SearchOutcome], shown: Mapping[str, list[tuple[Trial, float]]]) -> float:
    """Return the highest loss worth room: one rate far too high would flatten all that is to be seen."""
    values = sorted(value for points in shown.values() for _, value in points)
    median = values[len(values) // 2]
    lowest = min(search.chosen.value for search in searches if search.chosen.value is not None)
    return min(values[-1], median + HEADROOM * (median - lowest)) if median > lowest else values[-1]


def _describe_trial(trial: Trial, search: SearchOutcome) -> str:
    rate = numbers.format_rate(trial.learning_rate)
    if trial.outcome == STOPPED:
        step, loss = trial.validation[-1]
        return f"{rate}: stopped after {step:,} steps, loss {loss:.4f}"
    if trial.outcome == DIVERGED:
        return f"{rate}: diverged after {trial.num_steps:,} steps"
    return f"{rate}: {_format_value(trial.value, search.metric)}"


def _format_value(value: float | None, metric: str) -> str:
    return numbers.format_score(value) if metric == "rouge1" else f"{value:.4f}"


def _name_metric(search: SearchOutcome) -> str:
    return METRIC_NAMES["rouge1"] if search.metric == "rouge1" else "Validation loss"


__all__ = ["FIGURE", "build_tuning_notes", "build_tuning_table", "draw_learning_rates"]
