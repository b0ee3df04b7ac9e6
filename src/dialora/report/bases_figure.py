"""Quality across base models: what each gives for its size, the memory it trains in and the time it writes in.

Takes a Comparison whose systems stand on several bases and draws on axes that `figures` gives. A colour is a base, a
marker a method (`palette`); the name of a base stands over its systems in the first panel and over them in the legend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dialora.comparison import METRICS, Comparison, System
from dialora.report.canvas import INK
from dialora.report.palette import SystemStyle, describe_markers, has_color_per_base, is_trained
from dialora.report.tradeoff import CostPanel, draw_front, scale_costs, shorten_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MAX_COLUMNS = 3
"""Of the legend."""
LINE = 0.062
"""Height of a line of text, as a share of a panel's."""
CHARACTER = 0.034
"""Width of a bold letter, as a share of a panel's width where there are three; on the safe side."""
MAX_NAME = 26
FLOORS = ("lead-2", "longest-2")
_Box = tuple[float, float, float, float]


def build_base_panels(comparison: Comparison) -> list[CostPanel]:
    """Return a panel each for size, memory and time, where they are known and can be compared.

    None of one base, nor of more bases than there are colours to tell them apart.
    """
    if not has_color_per_base(comparison.systems):
        return []
    scored = [system for system in _list_systems(comparison.systems) if METRICS[0] in system.scores]
    if len({system.base for system in scored}) < 2:
        return []
    panels = []
    for title, unit, is_training, read in _COSTS:
        if is_training is None or comparison.comparable_costs:
            found = [(system, read(system)) for system in scored if is_trained(system) or not is_training]
            points = tuple((system, value) for system, value in found if value is not None)
            if len({system.base for system, _ in points}) > 1:
                panels.append(CostPanel(title, unit, points, bool(is_training)))
    return panels


def _read_moment(system: System) -> float | None:
    seconds = system.ledger.seconds_per_1000_summaries
    return None if seconds is None else seconds / 1000


_COSTS: tuple[tuple[str, str, bool | None, Callable[[System], float | None]], ...] = (
    ("Parameters in use", "count", None, lambda system: system.total_params),
    ("Memory of training", "bytes", True, lambda system: system.peak_memory_bytes),
    ("Time per summary", "moment", False, _read_moment),
)
"""Title, unit, whether it is a cost of training (None where it is the same on every machine), and where it stands."""


def draw_base_panel(
    axis: Axes, panel: CostPanel, comparison: Comparison, styles: dict[str, SystemStyle], *, is_first: bool
) -> None:
    """Draw one panel: systems with their intervals, those of a base joined; the first names the bases."""
    low, high = scale_costs(axis, [value for _, value in panel.points], panel.unit)
    draw_front(axis, panel, high)
    for group in _group(panel.points):
        color = styles[group[0][0].key].color
        joined = sorted((system.scores[METRICS[0]].mean, value) for system, value in group)
        axis.plot([x for _, x in joined], [y for y, _ in joined], color=color, linewidth=1.2, alpha=0.6, zorder=2)
        for system, value in group:
            score = system.scores[METRICS[0]]
            axis.plot([value, value], [score.ci_low, score.ci_high], color=color, linewidth=1.6, alpha=0.55, zorder=3)
            axis.plot([value], [score.mean], styles[system.key].marker, color=color, markersize=7, zorder=4)
    axis.set_xlim(low, high)
    axis.set_title(panel.title)
    _draw_floor(axis, comparison, is_named=is_first)
    if is_first:
        _name_bases(axis, panel, styles)


def _draw_floor(axis: Axes, comparison: Comparison, *, is_named: bool) -> None:
    """Draw the best of what takes nothing to make as a dotted line."""
    floors = [s for s in comparison.systems if s.yardstick and s.key in FLOORS and METRICS[0] in s.scores]
    if not floors:
        return
    best = max(floors, key=lambda system: system.scores[METRICS[0]].mean)
    mean = best.scores[METRICS[0]].mean
    axis.axhline(mean, color=INK, linewidth=1, linestyle=":", zorder=1)
    if is_named:
        name = shorten_label(best.label)
        axis.annotate(name, (0.02, mean), (0, 2), axis.get_yaxis_transform(), "offset points", fontsize=7.5)


def _name_bases(axis: Axes, panel: CostPanel, styles: dict[str, SystemStyle]) -> None:
    """Write each base's name over its systems, higher where it would touch a system, a line or another name."""
    groups = sorted(_group(panel.points), key=lambda group: group[0][1])
    low, top = axis.get_ylim()
    for rows in range(1, len(groups) + 2):
        axis.set_ylim(low, low + (top - low) / (1 - LINE * rows))
        places = _find_places(axis, groups)
        if all(box[3] < 1 for box in places):
            break
    for group, box in zip(groups, places, strict=True):
        name, color = shorten_label(group[0][0].base or "", MAX_NAME), styles[group[0][0].key].color
        options: Any = {"transform": axis.transAxes, "ha": "left", "va": "bottom", "fontsize": 8.5}
        axis.text(box[0], box[1] + 0.01, name, color=color, fontweight="bold", zorder=5, **options)


def _find_places(axis: Axes, groups: Sequence[Sequence[tuple[System, float]]]) -> list[_Box]:
    """Return the box of each group's name, in shares of the panel: left, bottom, right, top."""
    taken: list[_Box] = [
        (0.0, y - 0.01, 1.0, y + LINE) for y in (_locate(axis, y=line)[1] for line in _list_lines(axis))
    ]
    boxes = {}
    for at, group in enumerate(groups):
        scores = [(value, system.scores[METRICS[0]]) for system, value in group]
        ends = [(_locate(axis, x, s.ci_low), _locate(axis, x, s.ci_high)) for x, s in scores]
        boxes[at] = [(x - 0.03, low - 0.02, x + 0.03, high + 0.02) for (x, low), (_, high) in ends]
        taken += boxes[at]
    places = []
    for at, group in enumerate(groups):
        width = CHARACTER * len(shorten_label(group[0][0].base or "", MAX_NAME))
        middle = sum(box[0] + box[2] for box in boxes[at]) / (2 * len(boxes[at]))
        left = min(max(middle - width / 2, 0.01), max(0.01, 0.99 - width))
        bottom = max(box[3] for box in boxes[at])
        while any(_touch((left, bottom, left + width, bottom + LINE), box) for box in taken):
            bottom += LINE / 4
        places.append((left, bottom, left + width, bottom + LINE))
        taken.append(places[-1])
    return places


def _touch(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _list_lines(axis: Axes) -> list[float]:
    """Return the height of the lines over the whole panel."""
    heights: list[Any] = [line.get_ydata() for line in axis.get_lines() if line.get_linestyle() == ":"]
    return [float(height[0]) for height in heights]


def _locate(axis: Axes, x: float | None = None, y: float = 0.0) -> tuple[float, float]:
    """Return where a cost and a score stand on a panel, in shares of it."""
    point = axis.transData.transform((axis.get_xlim()[0] if x is None else x, y))
    found = axis.transAxes.inverted().transform(point)
    return float(found[0]), float(found[1])


def place_legend(canvas: Canvas, systems: Sequence[System], styles: dict[str, SystemStyle]) -> None:
    """Write the legend below: each base's name in a column, with its colour if it has one, and under it its systems."""
    columns, entries = _list_entries(systems, styles)
    options: Any = {"frameon": False, "labelcolor": INK, "columnspacing": 2.2}
    legend = canvas.legend(handles=entries, loc="outside lower left", ncols=columns, **options)
    for handle, text in zip(entries, legend.get_texts(), strict=True):
        text.set_fontweight("bold" if handle.get_linestyle() == "-" else "normal")


def measure_legend(systems: Sequence[System], styles: dict[str, SystemStyle]) -> float:
    """Return the height of the legend, in inches."""
    columns, entries = _list_entries(systems, styles)
    return 0.19 * len(entries) / columns


def _list_entries(systems: Sequence[System], styles: dict[str, SystemStyle]) -> tuple[int, list[Any]]:
    """Return the legend's number of columns and its entries, column by column."""
    from matplotlib.lines import Line2D

    groups = _group([(system, 0.0) for system in _list_systems(systems) if METRICS[0] in system.scores])
    width = 4 if has_color_per_base(systems) else 0
    num = min(len(groups), MAX_COLUMNS)
    columns: list[list[Any]] = [[] for _ in range(num)]
    for at, group in enumerate(groups):
        name, color = shorten_label(group[0][0].base or "", MAX_NAME), styles[group[0][0].key].color
        columns[at % num].append(Line2D([], [], color=color, linewidth=width, label=name))
        for system, _ in group:
            style, label = styles[system.key], shorten_label(system.label)
            columns[at % num].append(Line2D([], [], linestyle="", marker=style.marker, color=style.color, label=label))
    longest = max(map(len, columns))
    blank = Line2D([], [], linestyle="", label=" ")
    return num, [entry for column in columns for entry in (*column, *[blank] * (longest - len(column)))]


def describe_base_panels(comparison: Comparison, styles: dict[str, SystemStyle]) -> str:
    """Return the figure's caption: how it is read."""
    markers = describe_markers(comparison.systems, styles)
    text = (
        f"ROUGE-1 with its 95 % interval; a colour is a base model, {markers}, and a coloured line joins the systems "
        "of one base. Up and to the left is better: the steps join the systems that none scores above at the same cost "
        "or less."
    )
    if any(system.key in FLOORS for system in comparison.systems):
        text += " Dotted: what the best of the floors scores, which takes no model."
    if not comparison.comparable_costs:
        text += " Memory and time are left out, since systems were made on different machines."
    return text


def _list_systems(systems: Sequence[System]) -> list[System]:
    return [system for system in systems if not system.yardstick]


def _group(points: Sequence[tuple[System, float]]) -> list[list[tuple[System, float]]]:
    """Return the points of each base."""
    groups: dict[str | None, list[tuple[System, float]]] = {}
    for system, value in points:
        groups.setdefault(system.base, []).append((system, value))
    return list(groups.values())


__all__ = ["build_base_panels", "describe_base_panels", "draw_base_panel", "measure_legend", "place_legend"]
