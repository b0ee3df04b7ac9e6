"""The figure across base models: what it draws, how it is told apart, and that no name touches another."""

from __future__ import annotations

import dataclasses
from itertools import combinations
from typing import Any

import pytest

from dialora.comparison import METRICS, Comparison, System
from dialora.records import Ledger
from dialora.report.bases_figure import _list_entries, build_base_panels, draw_base_panel
from dialora.report.canvas import build_canvas, drawing
from dialora.report.figures import render_figures
from dialora.report.palette import COLORS, build_styles
from tests.report.test_report import build_comparison, build_document

SIZES = {
    "flan-t5-small": 77e6,
    "SmolLM2-135M-Instruct": 135e6,
    "flan-t5-base": 248e6,
    "bart-large-cnn": 406e6,
    "Qwen3-0.6B": 596e6,
}


def build_several(bases: dict[str, float], step: float = 0.03) -> Comparison:
    """The mock comparison's three systems on each of these bases, by their sizes."""
    comparison = build_comparison()
    made: list[System] = []
    for at, (base, size) in enumerate(bases.items()):
        for system in comparison.systems:
            scores = {
                name: dataclasses.replace(
                    score,
                    mean=score.mean + step * at,
                    ci_low=score.ci_low + step * at,
                    ci_high=score.ci_high + step * at,
                )
                for name, score in system.scores.items()
            }
            changes: dict[str, Any] = {"key": f"{system.key}{at}", "label": f"{system.label} ({at})", "base": base}
            costs = {"total_params": int(size), "ledger": Ledger(seconds_per_1000_summaries=size / 1e6)}
            made.append(dataclasses.replace(system, scores=scores, **changes, **costs))
    return dataclasses.replace(comparison, systems=tuple(made))


def test_a_panel_for_size_memory_and_time_where_there_are_several_bases() -> None:
    comparison = build_several(SIZES)
    panels = build_base_panels(comparison)
    assert [panel.title for panel in panels] == ["Parameters in use", "Memory of training", "Time per summary"]
    assert [len(panel.points) for panel in panels] == [15, 10, 15]  # zero-shot trains nothing
    assert panels[2].points[0][1] == pytest.approx(0.077)
    apart = dataclasses.replace(comparison, comparable_costs=False)
    assert [panel.title for panel in build_base_panels(apart)] == ["Parameters in use"]
    assert build_base_panels(build_comparison()) == []


def test_a_colour_is_a_base_and_a_marker_a_method() -> None:
    comparison = build_several(SIZES)
    styles = build_styles(comparison.systems)
    assert len({(style.color, style.marker) for style in styles.values()}) == len(comparison.systems)
    for one, other in combinations(comparison.systems, 2):
        assert (styles[one.key].color == styles[other.key].color) == (one.base == other.base)
        assert (styles[one.key].marker == styles[other.key].marker) == (one.method == other.method)


def test_a_method_twice_on_a_base_is_still_told_apart() -> None:
    comparison = build_several(SIZES)
    twice = dataclasses.replace(comparison.systems[1], key="again")
    styles = build_styles([*comparison.systems, twice])
    assert len({(style.color, style.marker) for style in styles.values()}) == len(comparison.systems) + 1


@pytest.mark.parametrize(
    "bases",
    [
        SIZES,
        {"a-base-with-a-long-name-v1": 100e6, "a-base-with-a-long-name-v2": 110e6, "c": 1e9},
        {"a": 4e4, "b": 7e12},
    ],
    ids=["published", "side by side", "far apart"],
)
@pytest.mark.parametrize("step", [0.0, 0.03])
def test_names_of_bases_touch_neither_each_other_nor_a_system(bases: dict[str, float], step: float) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    comparison = build_several(bases, step)
    panel, *others = build_base_panels(comparison)
    with drawing():
        canvas, axes = build_canvas(4.0, columns=1 + len(others), sharey=True)
        draw_base_panel(axes[0], panel, comparison, build_styles(comparison.systems), is_first=True)
        for axis, other in zip(axes[1:], others, strict=True):
            draw_base_panel(axis, other, comparison, build_styles(comparison.systems), is_first=False)
        agg = FigureCanvasAgg(canvas)
        agg.draw()
    boxes = {text.get_text(): text.get_window_extent() for text in axes[0].texts}
    assert boxes.keys() == bases.keys()
    panel_box = axes[0].get_window_extent()
    for box in boxes.values():
        assert panel_box.x0 <= box.x0
        assert box.x1 <= panel_box.x1
        assert box.y1 <= panel_box.y1
    assert not [pair for pair in combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]
    for system, value in panel.points:
        x, y = axes[0].transData.transform((value, system.scores[METRICS[0]].mean))
        assert not [name for name, box in boxes.items() if box.x0 < x < box.x1 and box.y0 < y < box.y1]


def build_methods(names: list[str], bases: dict[str, float]) -> Comparison:
    """One system of each method on each of these bases."""
    comparison = build_several(bases)
    firsts = comparison.systems[:: len(comparison.systems) // len(bases)]
    systems = [
        dataclasses.replace(first, key=f"{name}{at}{first.key}", label=f"{name} {at} ({first.base})", method=name)
        for first in firsts
        for at, name in enumerate(names)
    ]
    return dataclasses.replace(comparison, systems=tuple(systems))


def draw_captions(comparison: Comparison) -> dict[str, str]:
    """The figures of a report of this comparison, by name, and their captions."""
    return {figure.name: figure.caption for figure in render_figures(build_document(comparison=comparison))}


METHODS = ["zero_shot", "full", "lora", "dora", "bitfit", "ia3", "head"]
TWO = {"flan-t5-small": 77e6, "flan-t5-base": 248e6}


def test_of_more_methods_than_markers_a_colour_is_still_a_base() -> None:
    comparison = build_methods(METHODS, TWO)
    styles = build_styles(comparison.systems)
    for one, other in combinations(comparison.systems, 2):
        assert (styles[one.key].color == styles[other.key].color) == (one.base == other.base)
    shared = [s for s in comparison.systems if styles[s.key].marker == styles[comparison.systems[0].key].marker]
    assert [system.method for system in shared] == ["zero_shot", "head"] * 2
    caption = draw_captions(comparison)["bases"]
    assert "a colour is a base model, and a base with more than 6 systems has some that share a marker, and" in caption
    assert "a marker a method" not in caption


def test_methods_that_share_a_marker_are_told_apart_on_a_base_that_has_markers_left() -> None:
    comparison = build_methods(METHODS, TWO)
    few = [s for s in comparison.systems if s.base == "flan-t5-base" or s.method in ("lora", "zero_shot", "head")]
    styles = build_styles(few)
    small = [styles[system.key] for system in few if system.base == "flan-t5-small"]
    assert len({style.marker for style in small}) == 3
    assert len({style.color for style in small}) == 1


def test_the_caption_says_of_a_marker_what_is_true() -> None:
    comparison = build_several(SIZES)
    assert "a colour is a base model, a marker a method, and" in draw_captions(comparison)["bases"]
    every = build_methods(["full", "lora", "lora", "head"], TWO)
    left_out = {("flan-t5-small", 3), ("flan-t5-base", 2)}  # no `head` on one base, and `lora` once on the other
    kept = [s for at, s in enumerate(every.systems) if (s.base, at % 4) not in left_out]
    mixed = dataclasses.replace(every, systems=tuple(kept))
    styles = build_styles(kept)
    assert len({styles[system.key] for system in kept}) == len(kept) == 6
    caption = draw_captions(mixed)["bases"]
    assert "a colour is a base model, a marker tells its systems apart, and" in caption


@pytest.mark.parametrize("number", [len(COLORS), len(COLORS) + 1, 9])
def test_no_figure_says_that_a_colour_is_a_base_where_there_are_too_few(number: int) -> None:
    bases = {f"base-{at}": 1e8 * (at + 1) for at in range(number)}
    comparison = build_several(bases)
    captions, styles = draw_captions(comparison), build_styles(comparison.systems)
    assert len({styles[system.key] for system in comparison.systems}) == len(comparison.systems)
    has_colors = number <= len(COLORS)
    assert ("bases" in captions) == has_colors
    assert "tradeoff" in captions
    _, entries = _list_entries(comparison.systems, styles)
    names = [entry for entry in entries if entry.get_label() in bases]
    assert len(names) == number
    assert {entry.get_linewidth() > 0 for entry in names} == {has_colors}


def test_the_report_has_the_figure_and_the_bases_stand_in_it() -> None:
    found = {figure.name: figure for figure in render_figures(build_document(comparison=build_several(SIZES)))}
    assert list(found)[:2] == ["scores", "bases"]
    for base in SIZES:
        assert base in found["bases"].svg
        assert base in found["scores"].svg
    assert "within a base" in found["loss"].caption
    one = {figure.name: figure for figure in render_figures(build_document())}
    assert "bases" not in one
    assert "within a base" not in one["loss"].caption
