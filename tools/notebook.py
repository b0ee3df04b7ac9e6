"""The notebook of a text pair, executed: `python -m tools.notebook` writes the outputs that are committed.

Takes `notebooks/*.py` in jupytext's percent format and gives the `.ipynb` beside it, or in another folder. What
differs from machine to machine and says nothing is left out: times of execution, versions, random ids of cells.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TIMEOUT = 3600
"""Seconds of one cell."""


LOADED = 'load_experiment("bundled")'
"""Where a notebook names its experiment."""


def execute(source: Path, settings: Sequence[str] = ()) -> Any:
    """Execute a text notebook in an empty folder, and return it with its outputs. Raises CellExecutionError.

    `settings` change its experiment, as `training.max_steps=8`.
    """
    import jupytext
    from nbclient import NotebookClient

    text = source.read_text(encoding="utf-8")
    if settings:
        assert LOADED in text
        text = text.replace(LOADED, f'load_experiment("bundled", {list(settings)})')
    notebook = jupytext.reads(text, fmt="py:percent")
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    return tidy(notebook)


def tidy(notebook: Any) -> Any:
    """Return the notebook without what differs from machine to machine."""
    notebook.metadata.pop("language_info", None)
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number:02}"
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).clear()
    return notebook


def main(arguments: list[str] | None = None) -> None:
    """Execute every text notebook."""
    import nbformat

    parser = argparse.ArgumentParser(prog="python -m tools.notebook", description=__doc__)
    parser.add_argument("--output", type=Path, default=NOTEBOOKS, help="where to [default: beside the sources]")
    parser.add_argument("--set", action="append", default=[], help="a setting of its experiment, to look at it sooner")
    options = parser.parse_args(arguments)
    folder = options.output
    for source in sorted(NOTEBOOKS.glob("*.py")):
        notebook = execute(source, options.set)
        nbformat.validate(notebook)
        nbformat.write(notebook, folder / f"{source.stem}.ipynb")


if __name__ == "__main__":
    main()
