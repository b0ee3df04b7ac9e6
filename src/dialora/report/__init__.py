"""The report of an experiment: terminal, Markdown and one self-contained HTML page.

Takes a ReportDocument and nothing else; never reads a run folder. Importing this package loads none of rich, jinja2
and matplotlib.
"""

from __future__ import annotations

from pathlib import Path

from dialora.report import kept
from dialora.report.document import LossCurve, ReportDocument, ReportedExample
from dialora.report.terminal import print_report


def render_report(document: ReportDocument, folder: Path) -> None:
    """Write `report.md`, its `figures/`, and `report.html` into the folder, which is made where it is missing.

    A report of the same document that stands there untouched is left as it is.
    """
    key = kept.build_key(document)
    if kept.is_current(folder, key):
        return
    from dialora.report.figures import FIGURE_NAMES, render_figures
    from dialora.report.html import render_html
    from dialora.report.markdown import render_markdown

    figures = render_figures(document)
    drawn = {figure.name: figure.svg for figure in figures}
    written = [folder / "report.md", folder / "report.html"]
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name in FIGURE_NAMES:
        path = folder / "figures" / f"{name}.svg"
        if name in drawn:
            _write(path, drawn[name])
            written.append(path)
        else:
            # A figure of an earlier rendering would outlive its facts.
            path.unlink(missing_ok=True)
    _write(folder / "report.md", render_markdown(document, figures))
    _write(folder / "report.html", render_html(document, figures))
    kept.keep(folder, key, written)


def _write(path: Path, text: str) -> None:
    # Dialogues from the wild hold lone surrogates, which have no UTF-8 form.
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")


__all__ = ["LossCurve", "ReportDocument", "ReportedExample", "print_report", "render_report"]
