"""Write the pages from the raw measurements. Nothing is measured."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pages.document import build_document
from benchmarks.pages.figures import draw_scaling, draw_story
from benchmarks.pages.markdown import render_page
from benchmarks.pages.story_page import WAYS, render_story
from benchmarks.settings import Settings
from dialora.store import save_json, save_text


def write_report(settings: Settings, output: Path | None = None) -> list[Path]:
    """Write the document, its page, the figures and the story where there is one; return the files.

    Parts that were not measured here stay as the settings' own pages have them.
    """
    folder = output or settings.output
    document = build_document(settings, earlier=settings.output / "benchmarks.json")
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    files = [folder / "benchmarks.json", folder / "benchmarks.md"]
    save_json(document, files[0])
    save_text(render_page(document), files[1])
    if document["scaling"] is not None:
        files.append(folder / "figures" / "scaling.svg")
        draw_scaling(document["scaling"], files[-1])
    if document["story"] is not None:
        files += [folder / "figures" / "notebook-recipe.svg", folder / "notebook-recipe.md"]
        draw_story(document["story"], WAYS, files[-2])
        save_text(render_story(document["story"]), files[-1])
    return files


__all__ = ["write_report"]
