"""Figures of a document on their own, or all together, that a notebook shows and that are saved as SVG."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialora.config.problems import show, suggest
from dialora.errors import ConfigError
from dialora.printable import clean_all
from dialora.report.document import ReportDocument
from dialora.report.figures import FIGURE_NAMES, ReportFigure, render_figures
from dialora.store import names


@dataclass(frozen=True, slots=True)
class DrawnFigures:
    """The figures that a report has facts for."""

    figures: tuple[ReportFigure, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What `plot` takes."""
        return tuple(figure.name for figure in self.figures)

    def save(self, folder: str | Path) -> None:
        """Write every figure into a folder, as `<name>.svg`."""
        for figure in self.figures:
            figure.save(Path(folder) / names.figure(figure.name))

    def __iter__(self) -> Iterator[ReportFigure]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def __repr__(self) -> str:
        return f"Figures: {', '.join(self.names)}"

    def _repr_html_(self) -> str:
        # As images: ids of two inline SVGs would be each other's.
        return "".join(
            f'<figure><img alt="{html.escape(figure.title)}" style="max-width: 100%" '
            f'src="data:image/svg+xml;base64,{base64.b64encode(figure.svg.encode()).decode()}">'
            f"<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
            for figure in self.figures
        )


def draw(document: ReportDocument, name: str) -> ReportFigure:
    """Draw one figure. Raises ConfigError where there is none of that name, or no facts for it."""
    if name not in FIGURE_NAMES:
        raise ConfigError(f"plot: {show(name)} is no figure{suggest(name, FIGURE_NAMES)}")
    found = render_figures(clean_all(document), only=name)
    if not found:
        there = ", ".join(draw_all(document).names)
        raise ConfigError(
            f"plot: there are no facts for {name!r} here: nothing was trained, searched or judged, or the comparison "
            f"was loaded from its folder, which keeps no losses and searches; `dialora.compare(...)` gives all. There "
            f"are: {there}."
        )
    return found[0]


def draw_all(document: ReportDocument) -> DrawnFigures:
    """Draw every figure that there are facts for."""
    return DrawnFigures(render_figures(clean_all(document)))


__all__ = ["DrawnFigures", "draw", "draw_all"]
