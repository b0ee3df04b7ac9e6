"""Measure dialora against the alternatives and record it as a run: `python -m benchmarks [--quick] [--parts A,B]`.

Raw measurements stay in build/bench/ until all parts of the run are whole; so an interrupted run goes on where it was
when the same command is given again, and only a whole one comes into docs/benchmarks.json and the pages.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.measured.bench import Bench
from benchmarks.measured.parts import PARTS, QUICK_PARTS, make_run
from benchmarks.measured.samples import load_corpus
from benchmarks.pages.writing import write_pages
from benchmarks.recorded.run import build_run
from benchmarks.recorded.runs import check_same, load_runs, record_run, save_runs
from benchmarks.settings import FULL, QUICK, Settings
from dialora.errors import DialoraError


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the run lacks, record it and write the pages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; pages go to build/bench/quick")
    parser.add_argument("--parts", type=_read_parts, metavar="A,B", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--output", type=Path, help="folder of the pages and of the runs recorded before")
    options = parser.parse_args(arguments)
    if options.quick and options.output:
        parser.error("--output is for whole runs: a quick one replaces the one before in build/bench/quick")
    settings = QUICK if options.quick else FULL
    bench = Bench(settings, options.parts or (QUICK_PARTS if options.quick else tuple(PARTS)))
    console = Console(stderr=True)
    try:
        return _run(bench, options.output or settings.output, console)
    except DialoraError as error:
        console.print(f"[red]benchmarks[/red]: {error}", highlight=False, soft_wrap=True)
        return error.exit_code


def _read_parts(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no such part. There are {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in names)


def _run(bench: Bench, output: Path, console: Console) -> int:
    settings = bench.settings
    if settings is not QUICK:
        check_same(load_runs(output), _foresee(settings))
    failures = _measure(bench, console)
    for part, error in failures.items():
        console.print(f"[red]{part}[/red]: {error}", highlight=False, soft_wrap=True)
    if failures:
        console.print("Nothing was recorded; the same command goes on where it was.", highlight=False)
        return 1
    run = build_run(bench)
    if settings is QUICK:
        save_runs([run], output)  # shows that all parts work; its numbers are nobody's
    else:
        record_run(run, output)
    bench.clear()
    for path in write_pages(output):
        console.print(f"[dim]wrote[/dim] {path}", soft_wrap=True)
    return 0


def _foresee(settings: Settings) -> dict[str, object]:
    """Return what can be said of the run before hours are spent on it."""
    corpus = load_corpus()
    data = {"name": corpus.name, "dialogues": len(corpus.examples)}
    sizes: dict[str, object] = {"num_layers": settings.num_layers, "quality_epochs": settings.quality_epochs}
    return sizes | {"benchmark": settings.name, "data": data}


def _measure(bench: Bench, console: Console) -> dict[str, str]:
    """Make the run's measurements and say which; return what failed."""
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
        return make_run(bench)


if __name__ == "__main__":
    # A run that is terminated ends its probe too, which would else work on beside the next one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on where it was.", file=sys.stderr)
        sys.exit(130)
