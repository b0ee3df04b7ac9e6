"""The report's figures as SVG: scores with intervals, base models, loss curves, quality against cost.

Takes a ReportDocument and gives standalone SVG text, the same bytes every time. Every colour reads on white and on
near-black; `embed_svg` makes one fit to stand inline in a themed HTML page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dialora.comparison import METRICS, Comparison, System
from dialora.report import numbers
from dialora.report.bases_figure import (
    build_base_panels,
    describe_base_panels,
    draw_base_panel,
    measure_legend,
    place_legend,
)
from dialora.report.canvas import INK, build_canvas, drawing, to_svg
from dialora.report.document import LossCurve, ReportDocument
from dialora.report.palette import GREY, SystemStyle, build_styles, find_system, is_trained
from dialora.report.people_figure import count_rows, draw_preferences, draw_ratings
from dialora.report.tables import METRIC_NAMES, name_metric
from dialora.report.tradeoff import build_panels, draw_panel, shorten_label
from dialora.report.tuning import FIGURE, draw_learning_rates
from dialora.store import save_text

MAX_RAW_POINTS = 1500
MAX_RAW_CURVES = 6
"""With more curves than this, only smoothed ones are drawn."""
OWN_TOKENS = " A loss is that of a base's own tokens: compare it within a base."
FIGURE_NAMES = ("scores", "bases", "people", "loss", "tradeoff", FIGURE)


@dataclass(frozen=True, slots=True, repr=False)
class ReportFigure:
    """A drawn figure: its file name without suffix, what it shows, and the SVG."""

    name: str
    title: str
    caption: str
    svg: str

    def save(self, path: str | Path) -> None:
        """Write the SVG into a file, whose folder is made where it is missing."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_text(self.svg, path, errors="replace")

    def __repr__(self) -> str:
        return f"{self.title}: {self.caption}"

    def _repr_svg_(self) -> str:
        return self.svg


def render_figures(document: ReportDocument, *, only: str | None = None) -> tuple[ReportFigure, ...]:
    """Draw every figure the document has facts for, or `only` the one of that name."""
    comparison = document.comparison
    styles = build_styles(comparison.systems)
    drawers: dict[str, Callable[[], ReportFigure | None]] = {
        "scores": lambda: _draw_scores(comparison, styles),
        "bases": lambda: _draw_bases(comparison, styles),
        "people": lambda: _draw_people(document, styles),
        "loss": lambda: _draw_loss(document.curves, comparison, styles),
        "tradeoff": lambda: _draw_tradeoff(comparison, styles),
        FIGURE: lambda: _draw_searches(document, styles),
    }
    with drawing():
        figures = [drawn() for name, drawn in drawers.items() if only in (None, name)]
    return tuple(figure for figure in figures if figure is not None)


def embed_svg(figure: ReportFigure) -> str:
    """Return the SVG to stand inline: ids unique in the page, ink and fonts those of the page."""
    svg = figure.svg[figure.svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{figure.name}-', svg)
    svg = re.sub(r'href="#', f'href="#{figure.name}-', svg).replace("url(#", f"url(#{figure.name}-")
    svg = svg.replace(INK, "var(--figure-ink)")
    return svg.replace("<svg ", f'<svg role="img" aria-labelledby="figure-{figure.name}-title" ', 1)


def _draw_scores(comparison: Comparison, styles: dict[str, SystemStyle]) -> ReportFigure:
    systems, metrics = comparison.systems, comparison.metrics
    columns = len(METRICS)
    rows = -(-len(metrics) // columns)
    has_bases = _has_bases(systems)
    height = 0.95 + (0.38 if has_bases else 0.3) * len(systems)
    canvas, axes = build_canvas(height * rows, columns=columns, rows=rows, sharey=True)
    for axis in axes[len(metrics) :]:
        axis.set_visible(False)
    for axis, metric in zip(axes, metrics, strict=False):
        axis.set_title(name_metric(metric))
        axis.grid(visible=False, axis="y")
        axis.spines["left"].set_visible(False)
        axis.locator_params(axis="x", nbins=4)
        for row, system in enumerate(systems):
            score, style = system.scores.get(metric), styles[system.key]
            if score is None:
                continue
            if row == 0 and not is_trained(system) and not has_bases:
                axis.axvline(score.mean, color=style.color, linewidth=0.9, linestyle=(0, (3, 3)), alpha=0.7)
            axis.plot([score.ci_low, score.ci_high], [row, row], color=style.color, linewidth=2, alpha=0.55)
            axis.plot([score.mean], [row], style.marker, color=style.color, markersize=6)
        axis.margins(x=0.12)
    axes[0].set_yticks(range(len(systems)), [_name_row(system) for system in systems])
    axes[0].set_ylim(len(systems) - 0.4, -0.6)
    what = "F-measure" if metrics == METRICS else "score"
    caption = f"Mean {what} over the test dialogues (dot) and its 95 % bootstrap interval (whisker)."
    if not is_trained(systems[0]) and not has_bases:
        caption += f" The dashed line is {systems[0].label}."
    return ReportFigure("scores", "Scores", caption, to_svg(canvas))


def _has_bases(systems: Sequence[System]) -> bool:
    return any(system.base is not None for system in systems)


def _name_row(system: System) -> str:
    """Return a system's label, over its base where there are several."""
    return shorten_label(system.label) + (f"\n{shorten_label(system.base)}" if system.base else "")


def _draw_bases(comparison: Comparison, styles: dict[str, SystemStyle]) -> ReportFigure | None:
    """Draw what each base model gives for its size, memory and time; None where all systems stand on one."""
    panels = build_base_panels(comparison)
    if not panels:
        return None
    height = 3.3 + measure_legend(comparison.systems, styles)
    canvas, axes = build_canvas(height, columns=len(panels), sharey=True)
    for axis, panel in zip(axes, panels, strict=True):
        draw_base_panel(axis, panel, comparison, styles, is_first=panel is panels[0])
    axes[0].set_ylabel(METRIC_NAMES[METRICS[0]])
    place_legend(canvas, comparison.systems, styles)
    return ReportFigure("bases", "Quality across base models", describe_base_panels(comparison, styles), to_svg(canvas))


def _draw_people(document: ReportDocument, styles: dict[str, SystemStyle]) -> ReportFigure | None:
    """Draw what the newest study found: a panel of preferences, one of ratings, or both."""
    shown = [study for study in document.studies if study.preferences or study.ratings]
    if not shown:
        return None
    study = shown[-1]
    panels = [draw for draw, has in ((draw_preferences, study.preferences), (draw_ratings, study.ratings)) if has]
    canvas, axes = build_canvas(0.9 + 0.34 * count_rows(study), columns=len(panels))
    captions = [draw(axis, study, styles) for axis, draw in zip(axes, panels, strict=True)]
    return ReportFigure("people", "What people judged", " ".join(captions), to_svg(canvas))


def _draw_loss(
    curves: tuple[LossCurve, ...], comparison: Comparison, styles: dict[str, SystemStyle]
) -> ReportFigure | None:
    curves = tuple(curve for curve in curves if curve.train or curve.validation)
    if not curves:
        return None
    canvas, (axis,) = build_canvas(3.6, columns=1)
    tops, named = [], set()
    shows_raw = len(curves) <= MAX_RAW_CURVES
    for curve in curves:
        system = find_system(curve.label, comparison.systems)
        style = styles[system.key] if system else SystemStyle(GREY, "o")
        # The runs of one system share its colour and its line in the legend.
        name = system.label if system else curve.label
        label = None if name in named else shorten_label(name)
        named.add(name)
        smooth = smooth_losses(curve.train)
        steps = np.arange(1, len(smooth) + 1)
        thin = slice(None, None, max(1, len(smooth) // MAX_RAW_POINTS))
        if shows_raw:
            raw = np.asarray(curve.train, dtype=float)[thin]
            axis.plot(steps[thin], raw, color=style.color, linewidth=0.6, alpha=0.22)
        axis.plot(steps[thin], smooth[thin], color=style.color, linestyle=style.line, linewidth=1.6, label=label)
        at, losses = [step for step, _ in curve.validation], [loss for _, loss in curve.validation]
        label = None if curve.train else label
        axis.plot(at, losses, style.marker, color=style.color, markersize=6, markeredgecolor=INK, label=label)
        tops.extend([*smooth, *losses])
    finite = [value for value in tops if np.isfinite(value)]
    if finite:
        low, high = min(finite), max(finite)
        pad = 0.06 * (high - low or 1)
        axis.set_ylim(low - pad, high + pad)
    axis.set_xlabel("optimizer step")
    axis.set_ylabel("loss")
    canvas.legend(loc="outside right upper", frameon=False, labelcolor=INK)
    caption = f"Training loss per optimizer step{' (faint) and' if shows_raw else ','} smoothed (line)."
    if any(curve.validation for curve in curves):
        caption += " Markers are the validation loss."
    if _has_bases(comparison.systems):
        caption += OWN_TOKENS
    return ReportFigure("loss", "Loss", caption, to_svg(canvas))


def smooth_losses(losses: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the exponential mean of losses, corrected for its start; its memory is about 4 % of the steps."""
    weight = 2 / (max(1, len(losses) / 25) + 1)
    mean, mass, smooth = 0.0, 0.0, []
    for loss in losses:
        if np.isfinite(loss):
            mean, mass = mean + weight * (loss - mean), mass + weight * (1 - mass)
        smooth.append(mean / mass if mass else np.nan)
    return np.array(smooth, dtype=np.float64)


def _draw_tradeoff(comparison: Comparison, styles: dict[str, SystemStyle]) -> ReportFigure | None:
    panels = build_panels(comparison)
    if not panels:
        return None
    columns = len(panels) if len(panels) <= 3 else 2 if len(panels) == 4 else 3
    rows = -(-len(panels) // columns)
    has_bases = _has_bases(comparison.systems)
    below = measure_legend(comparison.systems, styles) if has_bases else 0.0
    canvas, axes = build_canvas(0.6 + 2.8 * rows + below, columns=columns, rows=rows, sharey=True)
    handles: dict[str, Any] = {}
    for axis, panel in zip(axes, panels, strict=False):
        # Of several bases, what trains nothing stands in the figure across them.
        draw_panel(axis, panel, () if has_bases else comparison.systems, styles)
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[::columns]:
        axis.set_ylabel(METRIC_NAMES[METRICS[0]])
    if has_bases:
        place_legend(canvas, comparison.systems, styles)
    else:
        canvas.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False, labelcolor=INK)
    caption = (
        "ROUGE-1 with its 95 % interval against every cost that was measured; up and to the left is better. The line "
        "joins the systems that none scores above at the same cost or less."
    )
    if not has_bases and any(not is_trained(system) for system in comparison.systems):
        caption += " Dashed with a band: systems that train nothing."
    return ReportFigure("tradeoff", "Quality against cost", caption, to_svg(canvas))


def _draw_searches(document: ReportDocument, styles: dict[str, SystemStyle]) -> ReportFigure | None:
    if not document.searches:
        return None
    canvas, (axis,) = build_canvas(3.6, columns=1)
    caption = draw_learning_rates(axis, document.searches, styles)
    if document.searches[0].metric != "rouge1" and _has_bases(document.comparison.systems):
        caption += OWN_TOKENS
    low, high = axis.get_xlim()
    ticks = [float(f"{digit}e{power}") for power in range(-12, 3) for digit in (1, 3)]
    axis.set_xticks([tick for tick in ticks if low <= tick <= high], minor=False)
    axis.set_xticklabels([numbers.format_rate(tick) for tick in ticks if low <= tick <= high])
    axis.set_xticks([], minor=True)
    for system in document.comparison.systems:
        if any(search.key == system.key for search in document.searches):
            style = styles[system.key]
            axis.plot([], [], f"-{style.marker}", color=style.color, label=shorten_label(system.label))
    canvas.legend(loc="outside right upper", frameon=False, labelcolor=INK)
    return ReportFigure(FIGURE, "Learning rates", caption, to_svg(canvas))


__all__ = ["FIGURE_NAMES", "ReportFigure", "embed_svg", "render_figures", "smooth_losses"]
