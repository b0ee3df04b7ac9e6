"""What all figures are drawn on: a matplotlib canvas in one style, which becomes the same SVG every time.

Backgrounds are transparent and INK reads on white and on near-black. matplotlib is imported on the first drawing and
its global state is left as it was.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

INK = "#7a828d"
WIDTH = 8.6  # inches; 826 px at the CSS resolution, about the width of the report's column
_STYLE: Any = {
    "svg.hashsalt": "dialora",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.22,
    "grid.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Set the figures' style for a while; a glyph that the measuring font lacks is the viewer's font's to draw."""
    import matplotlib

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def build_canvas(height: float, *, columns: int, rows: int = 1, **options: Any) -> tuple[Canvas, list[Axes]]:
    """Build an empty canvas of a height in inches, and its axes, row by row."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    canvas = Canvas(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.05))
    canvas.patch.set_alpha(0)
    axes = list(canvas.subplots(rows, columns, squeeze=False, **options).flat)
    for axis in axes:
        axis.patch.set_alpha(0)
    return canvas, axes


def to_svg(canvas: Canvas) -> str:
    """Return what was drawn as SVG, the same bytes every time."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", buffer.getvalue(), flags=re.DOTALL)
    svg = re.sub(r"<!DOCTYPE.*?>\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", svg)


__all__ = ["INK", "WIDTH", "build_canvas", "drawing", "to_svg"]
