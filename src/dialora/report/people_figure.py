"""What people judged, drawn: how often one system was preferred to another, and mean ratings by criterion.

Takes matplotlib axes and a StudyResult; `figures` gives the canvas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialora.comparison.people import StudyResult
from dialora.report.palette import GREY, SystemStyle
from dialora.report.tradeoff import shorten_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PAIRS = 12
"""More pairs are in the table."""


def count_rows(study: StudyResult) -> int:
    """Return how many lines the tallest panel needs."""
    systems = len({rating.system for rating in study.ratings})
    return max(2, min(MOST_PAIRS, len(study.preferences)), len(study.criteria) * min(systems, 3))


def draw_preferences(axis: Axes, study: StudyResult, styles: dict[str, SystemStyle]) -> str:
    """Draw each pair's share of preferences with its interval; return the caption."""
    pairs = study.preferences[:MOST_PAIRS]
    axis.axvline(50, color=GREY, linewidth=0.9, linestyle=(0, (3, 3)))
    for row, pair in enumerate(pairs):
        # A clear winner's colour; grey where nobody is ahead for sure.
        winner = pair.a if pair.share > 0.5 else pair.b
        color = styles[winner].color if pair.is_clear and winner in styles else GREY
        axis.plot([100 * pair.ci_low, 100 * pair.ci_high], [row, row], color=color, linewidth=2, alpha=0.55)
        axis.plot([100 * pair.share], [row], "o", color=color, markersize=6)
    names = [f"{_name(study, pair.a)} to {_name(study, pair.b)}" for pair in pairs]
    axis.set_yticks(range(len(pairs)), names)
    axis.set_ylim(len(pairs) - 0.4, -0.6)
    axis.set_xlim(0, 100)
    axis.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50 %", "75", "100"])
    axis.set_title("Preferred")
    _clear_rows(axis)
    return (
        "How often people preferred the first system to the second (dot), ties as half, with the 95 % interval; grey "
        "where it could be chance."
    )


def draw_ratings(axis: Axes, study: StudyResult, styles: dict[str, SystemStyle]) -> str:
    """Draw each system's mean rating by criterion with its interval; return the caption."""
    systems = list(dict.fromkeys(rating.system for rating in study.ratings))
    criteria = [key for key in study.criteria if any(rating.criterion == key for rating in study.ratings)]
    step = min(0.2, 0.7 / len(systems))
    for rating in study.ratings:
        place = systems.index(rating.system)
        row = criteria.index(rating.criterion) + step * (place - (len(systems) - 1) / 2)
        style = styles.get(rating.system, SystemStyle(GREY, "o"))
        first = rating.criterion == criteria[0]
        axis.plot([rating.ci_low, rating.ci_high], [row, row], color=style.color, linewidth=2, alpha=0.55)
        label = _name(study, rating.system) if first else None
        axis.plot([rating.mean], [row], style.marker, color=style.color, markersize=6, label=label)
    axis.set_yticks(range(len(criteria)), [shorten_label(study.criteria[key]) for key in criteria])
    axis.set_ylim(len(criteria) - 0.4, -0.6)
    axis.set_xlim(0.9, 5.1)
    axis.set_xticks([1, 2, 3, 4, 5])
    axis.set_title("Rated from 1 to 5")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False, ncols=min(3, len(systems)))
    _clear_rows(axis)
    return "Mean ratings with their 95 % intervals over dialogues."


def _name(study: StudyResult, key: str) -> str:
    return shorten_label(study.labels.get(key, key), 18)


def _clear_rows(axis: Axes) -> None:
    axis.grid(visible=False, axis="y")
    axis.spines["left"].set_visible(False)


__all__ = ["count_rows", "draw_preferences", "draw_ratings"]
