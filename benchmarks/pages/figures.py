"""The pages' figures as SVG: growth with the number of dialogues, and the notebook's recipe beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.settings import METHOD_NAMES
from dialora.report.palette import COLORS, GREY

STYLE: Any = {"svg.hashsalt": "dialora", "svg.fonttype": "none", "font.size": 9}
STYLE |= {"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
METHOD_COLORS = {"full": COLORS[0], "lora": COLORS[1]}


def draw_scaling(scaling: Mapping[str, Any], path: Path) -> None:
    """Plot seconds with their straight line, and peak memory where it is known, against the number of dialogues."""
    has_memory = scaling["memory_growth"] is not None

    def draw(axes: Sequence[Any]) -> None:
        sizes = [point["dialogues"] for point in scaling["points"]]
        line = [scaling["offset_seconds"] + scaling["seconds_per_dialogue"] * size for size in sizes]
        axes[0].plot(sizes, line, color=GREY, linewidth=1, label="straight line")
        axes[0].plot(sizes, [point["seconds"] for point in scaling["points"]], "o", color=COLORS[0], label="measured")
        axes[0].set(xlabel="dialogues", ylabel="seconds of training", xlim=(0, None), ylim=(0, None))
        axes[0].legend()
        if not has_memory:
            return
        memory = [point["peak_memory_bytes"] / 2**30 for point in scaling["points"]]
        axes[1].plot(sizes, memory, "o-", color=COLORS[1])
        axes[1].set(xlabel="dialogues", ylabel="peak memory, GiB", xlim=(0, None), ylim=(0, max(memory) * 1.3))

    _draw(draw, path, columns=1 + has_memory, size=(4.1 * (1 + has_memory), 3.2))


def draw_story(story: Mapping[str, Any], ways: Mapping[str, str], path: Path) -> None:
    """Plot each way's ROUGE-1 with its interval, one mark for each method, the untrained model as a line."""

    def draw(axes: Sequence[Any]) -> None:
        shown = [way for way in ways if any(f"{method}/{way}" in story["systems"] for method in METHOD_NAMES)]
        for method, shift in (("full", -0.12), ("lora", 0.12)):
            found = [(row, story["systems"].get(f"{method}/{way}")) for row, way in enumerate(shown)]
            points = [(row + shift, system["rouge1"]) for row, system in found if system is not None]
            axes[0].errorbar(
                [score["mean"] for _, score in points],
                [row for row, _ in points],
                xerr=[
                    [score["mean"] - score["ci_low"] for _, score in points],
                    [score["ci_high"] - score["mean"] for _, score in points],
                ],
                fmt="o",
                color=METHOD_COLORS[method],
                label=METHOD_NAMES[method],
            )
        untrained = story["systems"].get("zero_shot")
        if untrained is not None:
            axes[0].axvline(untrained["rouge1"]["mean"], color=GREY, linestyle=":", label="untrained")
        axes[0].set_yticks(range(len(shown)), [ways[way] for way in shown])
        axes[0].invert_yaxis()
        axes[0].set_xlabel("ROUGE-1, mean and 95 % interval over dialogues")
        axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)

    _draw(draw, path, columns=1, size=(8.2, 4.2))


def _draw(draw: Any, path: Path, *, columns: int, size: tuple[float, float]) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(list(figure.subplots(1, columns, squeeze=False).flat))
        figure.savefig(path, metadata={"Date": None})


__all__ = ["draw_scaling", "draw_story"]
