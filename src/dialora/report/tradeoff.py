"""Quality against every cost that was measured: one panel per cost, with its Pareto front.

Takes matplotlib axes and a Comparison's systems; `figures` gives the canvas. A system on the front has no other that
scores higher at the same cost or less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialora.comparison import METRICS, Comparison, System
from dialora.report import numbers
from dialora.report.canvas import INK
from dialora.report.palette import SystemStyle, is_trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, *(3600 * n for n in (1, 2, 4, 6, 12, 24, 48, 120, 240))]
_CLOCK = [0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800, 36_000, 86_400, 345_600, 864_000, 1e7]
WIDE = 24.0
"""Costs whose largest is more than so many times the smallest get a log scale."""


@dataclass(frozen=True, slots=True)
class CostPanel:
    """One cost: its title, its unit, and the systems that have it."""

    title: str
    unit: str
    """count, time, moment (of less than a second), bytes or energy."""
    points: tuple[tuple[System, float], ...]
    is_training: bool
    """A system that trains nothing has none of it, and is drawn as a line over the whole panel."""


def build_panels(comparison: Comparison) -> list[CostPanel]:
    """Return one panel per cost that some trained system was measured by, and by which they can be compared."""
    scored = [system for system in comparison.systems if METRICS[0] in system.scores]
    panels = []
    for title, unit, is_training, read in _COSTS:
        if not comparison.comparable_costs and title not in _ANYWHERE:
            continue
        found = [(system, read(system)) for system in scored if is_trained(system) or not is_training]
        points = tuple((system, value) for system, value in found if value is not None)
        if any(is_trained(system) for system, _ in points):
            panels.append(CostPanel(title, unit, points, is_training))
    return panels


_COSTS: tuple[tuple[str, str, bool, Callable[[System], float | None]], ...] = (
    ("Trainable parameters", "count", True, lambda system: system.trainable_params),
    ("Training time", "time", True, lambda system: system.training_seconds),
    ("Peak memory", "bytes", True, lambda system: system.peak_memory_bytes),
    ("Weights on disk", "bytes", True, lambda system: system.ledger.weights_bytes),
    ("Time for 1,000 summaries", "time", False, lambda system: system.ledger.seconds_per_1000_summaries),
    ("Energy of training", "energy", True, lambda system: system.ledger.energy_kwh),
)
"""Title, unit, whether it is a cost of training, and where it stands."""
_ANYWHERE = frozenset({"Trainable parameters", "Weights on disk"})
"""Costs that are the same on every machine."""


def find_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the (cost, score) pairs that no other beats, by rising cost."""
    front: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or score > front[-1][1]:
            front.append((cost, score))
    return front


def draw_panel(axis: Axes, panel: CostPanel, systems: Sequence[System], styles: dict[str, SystemStyle]) -> None:
    """Draw one panel: every system's mean and interval over its cost, and the front."""
    shown = {system.key for system, _ in panel.points}
    for system in systems:
        if panel.is_training and not is_trained(system) and METRICS[0] in system.scores and system.key not in shown:
            _draw_reference(axis, system, styles[system.key])
    low, high = scale_costs(axis, [value for _, value in panel.points], panel.unit)
    draw_front(axis, panel, high)
    for system, value in panel.points:
        _draw_point(axis, system, value, styles[system.key])
    axis.set_xlim(low, high)
    axis.set_xlabel(panel.title.lower())


def draw_front(axis: Axes, panel: CostPanel, high: float) -> None:
    """Draw the Pareto front as steps, up to the axis's end."""
    front = find_front([(value, system.scores[METRICS[0]].mean) for system, value in panel.points])
    if len(panel.points) > 1:
        costs, scores = zip(*front, (high, front[-1][1]), strict=True)
        axis.plot(costs, scores, drawstyle="steps-post", color=INK, linewidth=1, alpha=0.6, zorder=1)


def _draw_reference(axis: Axes, system: System, style: SystemStyle) -> None:
    score = system.scores[METRICS[0]]
    axis.axhspan(score.ci_low, score.ci_high, color=style.color, alpha=0.16, linewidth=0)
    axis.axhline(score.mean, color=style.color, linewidth=1, linestyle=(0, (4, 3)), label=shorten_label(system.label))


def _draw_point(axis: Axes, system: System, x: float, style: SystemStyle) -> None:
    score = system.scores[METRICS[0]]
    axis.plot([x, x], [score.ci_low, score.ci_high], color=style.color, linewidth=2, alpha=0.55)
    axis.plot([x], [score.mean], style.marker, color=style.color, markersize=7, label=shorten_label(system.label))


def scale_costs(axis: Axes, values: Sequence[float], unit: str) -> tuple[float, float]:
    """Set ticks of a cost's unit, and a log scale for counts and for costs far apart; return the limits."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive) / 2.5, max(positive) * 2.5
    if unit == "count" or max(positive) > WIDE * min(positive):
        axis.set_xscale("log")
        ticks = _choose_ticks(low, high, _LOG_SCALES[unit])
    else:
        low, high = 0.0, 1.15 * max(positive)
        ticks = _choose_ticks(low, high, [[step * i for i in range(7)] for step in _LINEAR_STEPS[unit]])
    axis.set_xticks(ticks, [_WRITE[unit](tick) for tick in ticks])
    axis.set_xticks([], minor=True)
    return low, high


def _spread(*digits: float, first: int = 0) -> list[float]:
    return [digit * 10.0**power for power in range(first, 13) for digit in digits]


_BYTES = [size * unit for unit in (1, 2**10, 2**20, 2**30, 2**40) for size in (1, 10, 100)]
_LOG_SCALES: dict[str, list[list[float]]] = {
    "count": [_spread(1, 2, 5), _spread(1, 3), _spread(1), _spread(1)[::2]],
    "time": [_CLOCK, _CLOCK[::2], _CLOCK[::4]],
    "moment": [_spread(1, 3, first=-6), _spread(1, first=-6), _spread(1, first=-6)[::2]],
    "bytes": [[float(size) for size in _BYTES[::step]] for step in (1, 2, 3)],
    "energy": [_spread(1, 3, first=-9), _spread(1, first=-9), _spread(1, first=-9)[::2]],
}
_LINEAR_STEPS: dict[str, list[float]] = {
    "time": [0.1, 0.5, *_STEPS],
    "moment": _spread(1, 2, 5, first=-6),
    "bytes": [float(size * unit) for unit in (1, 2**10, 2**20, 2**30) for size in (1, 2, 5, 10, 20, 50, 100, 200, 500)],
    "energy": _spread(1, 2, 5, first=-9),
}


def _choose_ticks(low: float, high: float, scales: list[list[float]]) -> list[float]:
    """Return the ticks in range of the densest scale that has at most four there, and more beyond."""
    for scale in scales:
        ticks = [tick for tick in scale if low <= tick <= high]
        if len(ticks) <= 4 and scale[-1] > high:
            return ticks
    return [low, high]


def _short_count(value: float) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def _short_time(seconds: float) -> str:
    return "0" if seconds == 0 else numbers.format_duration(seconds)


def _short_moment(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if 0 < seconds < 1 else f"{seconds:.3g} s" if seconds else "0"


def _short_bytes(value: float) -> str:
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= size:
            return f"{value / size:,.4g} {unit}"
    return f"{value:.3g}"


def _short_energy(kilowatt_hours: float) -> str:
    if kilowatt_hours == 0:
        return "0"
    return f"{kilowatt_hours:.3g} kWh" if kilowatt_hours >= 1 else f"{1000 * kilowatt_hours:.3g} Wh"


_WRITE: dict[str, Callable[[float], str]] = {
    "count": _short_count,
    "time": _short_time,
    "moment": _short_moment,
    "bytes": _short_bytes,
    "energy": _short_energy,
}


def shorten_label(label: str, length: int = 28) -> str:
    """Return a label as a legend can show it."""
    # A leading underscore hides an artist from matplotlib's legend.
    label = " ".join(label.split()).lstrip("_") or numbers.MISSING
    return label if len(label) <= length else label[: length - 1] + "…"


__all__ = ["CostPanel", "build_panels", "draw_front", "draw_panel", "find_front", "scale_costs", "shorten_label"]
