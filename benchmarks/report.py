"""Write the pages from the raw measurements: `python -m benchmarks.report [--quick]`. Nothing is measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.document import build_document
from benchmarks.figures import draw_scaling, draw_story
from benchmarks.markdown import render_page
from benchmarks.settings import FULL, QUICK, Settings
from benchmarks.story_page import WAYS, render_story
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="of the quick run")
    parser.add_argument("--output", type=Path, help="folder of the pages (default: docs, or beside a quick run)")
    options = parser.parse_args(arguments)
    settings = QUICK if options.quick else FULL
    if not (settings.folder / "raw").is_dir():
        print(f"No measurements in {settings.folder}; run python -m benchmarks first.", file=sys.stderr)
        return 2
    for path in write_report(settings, options.output):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["main", "write_report"]
