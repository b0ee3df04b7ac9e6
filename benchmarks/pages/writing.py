"""Write the pages from the recorded runs. Nothing is measured."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measured.bench import BenchmarkError
from benchmarks.pages.figures import draw_scaling, draw_story
from benchmarks.pages.markdown import render_page
from benchmarks.pages.readme import renew_readme
from benchmarks.pages.story_page import WAYS, render_story
from benchmarks.recorded.medians import combine_runs
from benchmarks.recorded.runs import FILE, load_runs
from dialora.store import save_text


def write_pages(folder: Path) -> list[Path]:
    """Write the page, the figures and the story where there is one, and the README beside the folder; return the files.

    Raises BenchmarkError where the folder has no runs.
    """
    runs = load_runs(folder)
    if not runs:
        raise BenchmarkError(f"{folder / FILE}: no runs; run python -m benchmarks first")
    document = combine_runs(runs)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    files = [folder / "benchmarks.md"]
    save_text(render_page(document), files[0])
    if document["scaling"]:
        files.append(folder / "figures" / "scaling.svg")
        draw_scaling(document["scaling"], files[-1])
    if document["story"]:
        files += [folder / "figures" / "notebook-recipe.svg", folder / "notebook-recipe.md"]
        draw_story(document["story"], WAYS, files[-2])
        save_text(render_story(document["story"]), files[-1])
    readme = folder.parent / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        save_text(renew_readme(text, document), readme)
        files.append(readme)
    return files


__all__ = ["write_pages"]
