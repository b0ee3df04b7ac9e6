"""Measure dialora against the alternatives and write the pages: `python -m benchmarks [--quick] [--only PART ...]`.

Raw measurements stay in build/bench/, so an interrupted run goes on where it was; a finished one is made anew. With
--only, the other parts stay as the pages have them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.measured.bench import Bench, load_states
from benchmarks.measured.parts import PARTS, QUICK_PARTS
from benchmarks.pages.writing import write_report
from benchmarks.settings import FULL, QUICK
from dialora.errors import DialoraError


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing and write the pages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; pages go to build/bench/quick")
    parser.add_argument("--only", nargs="+", choices=[*PARTS], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--keep", action="store_true", help="leave finished parts as they are")
    parser.add_argument("--output", type=Path, help="folder of the pages")
    options = parser.parse_args(arguments)
    settings = QUICK if options.quick else FULL
    parts = options.only or (QUICK_PARTS if options.quick else tuple(PARTS))
    if "machine" not in load_states(settings.folder):
        # What is measured on another machine than the pages' does not stand beside their numbers.
        parts = ["machine", *(part for part in parts if part != "machine")]
    console = Console(stderr=True)
    failures = _measure(Bench(settings), parts, console, keeps=options.keep)
    for path in write_report(settings, options.output):
        console.print(f"[dim]wrote[/dim] {path}", soft_wrap=True)
    return 1 if failures else 0


def _measure(bench: Bench, parts: Sequence[str], console: Console, *, keeps: bool) -> list[str]:
    """Make every part's measurements; a part that fails does not stop the others. Return what failed."""
    failures = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")

        def start(label: str) -> None:
            progress.reset(task, description=label)

        def end(label: str, seconds: float, was_kept: bool) -> None:
            progress.console.print(
                f"[dim]{'kept' if was_kept else f'{seconds:4.0f} s'}[/dim]  {label}", highlight=False
            )

        bench.on_start, bench.on_end = start, end
        for part in parts:
            try:
                if bench.open_part(part, keeps=keeps):
                    PARTS[part](bench)
                    bench.close_part(part)
            except DialoraError as error:
                failures.append(part)
                progress.console.print(f"[red]{part}[/red]: {error}", highlight=False, soft_wrap=True)
    return failures


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on where it was.", file=sys.stderr)
        sys.exit(130)
