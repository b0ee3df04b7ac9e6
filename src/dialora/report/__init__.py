"""The report: what stands on disk gathered into one document, and that shown in the terminal, Markdown and HTML.

`assembly` makes a ReportDocument of finished stages, with what `notes` and `accounting` say of them; what shows it
takes that document, or a table of it, and never reads a run folder. `methods` is the page of methods. Guarantees that
every number is written in one place (`numbers`), that text from data is shown and never run, and that the same document
gives the same bytes. Loads none of torch, rich, jinja2 and matplotlib on import.
"""

from __future__ import annotations

from pathlib import Path

from dialora.printable import clean_all
from dialora.report import stamp
from dialora.report.document import LossCurve, ReportDocument, ReportedExample
from dialora.report.terminal import print_report
from dialora.store import names, save_text

HALF_CHARACTERS = "replace"
"""Dialogues from the wild hold lone surrogates, which have no UTF-8 form."""


def render_report(document: ReportDocument, folder: Path) -> None:
    """Write `report.md`, its `figures/`, and `report.html` into the folder, which is made where it is missing.

    A report of the same document that stands there untouched is left as it is.
    """
    key = stamp.build_key(document)
    if stamp.is_current(folder, key):
        return
    document = clean_all(document)
    from dialora.report.figures import FIGURE_NAMES, render_figures
    from dialora.report.html import render_html
    from dialora.report.markdown import render_markdown

    figures = render_figures(document)
    drawn = {figure.name: figure.svg for figure in figures}
    markdown, page = folder / names.REPORT_MARKDOWN, folder / names.REPORT_HTML
    written = [markdown, page]
    (folder / names.FIGURES).mkdir(parents=True, exist_ok=True)
    for name in FIGURE_NAMES:
        path = folder / names.FIGURES / names.figure(name)
        if name in drawn:
            save_text(drawn[name], path, errors=HALF_CHARACTERS)
            written.append(path)
        else:
            # A figure of an earlier rendering would outlive its facts.
            path.unlink(missing_ok=True)
    save_text(render_markdown(document, figures), markdown, errors=HALF_CHARACTERS)
    save_text(render_html(document, figures), page, errors=HALF_CHARACTERS)
    stamp.stamp_report(folder, key, written)


__all__ = ["LossCurve", "ReportDocument", "ReportedExample", "print_report", "render_report"]
