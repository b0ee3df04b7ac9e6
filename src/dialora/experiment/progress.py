"""What a person sees while an experiment runs: one bar for the stage under way, one line for each that is done."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dialora.printable import clean
from dialora.store import names

FILE_WIDTH = 100
"""Columns of the answer where it goes to a file or a pipe."""
STAGES = {
    "data": "reading the data",
    "check": "checking the experiment",
    "table": "reading the table",
    "tokens": "tokenizing",
    "start": "loading the model",
    "encoding": "running the frozen encoder once",
    "training": "training",
    "generation": "summarizing",
    "scoring": "scoring",
    "yardsticks": "scoring people and floors",
    "report": "writing the report",
}


def build_console(*, quiet: bool = False) -> Console:
    """Build the console that answers go to."""
    console = Console(quiet=quiet)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    return console


class ProgressDisplay:
    """An observer that draws; on a terminal a live bar, in a log file a line per stage."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        # Progress goes to standard error, so that standard output holds the answer alone.
        self.console = console or Console(stderr=True, quiet=quiet)
        self.answer = build_console(quiet=quiet)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal or quiet,
        )
        self.current: tuple[str, str] | None = None
        self.started = time.monotonic()
        self.first = 0
        self.document: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self._close()
        self.progress.stop()
        if error is None and self.document is not None:
            self._print_answer()

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind = event["event"]
        if kind in ("stage", "progress"):
            self._show(event)
        elif kind in ("warning", "note"):
            self.console.print(f"[yellow]{kind}:[/] {_escape(event['message'])}", highlight=False)
        elif kind == "interrupting":
            self.console.print("[yellow]stopping:[/] saving a checkpoint first (Ctrl-C again stops at once)")
        elif kind == "reported":
            self.document = event

    def _show(self, event: dict[str, Any]) -> None:
        stage = (event["stage"], event["run"])
        if stage != self.current:
            self._close()
            self.current, self.started, self.first = stage, time.monotonic(), event.get("done", 0)
            self.progress.add_task(self._describe(), total=event.get("total"), completed=0, note="")
        if event["event"] == "progress" and self.progress.task_ids:
            note = f"loss {event['loss']:.3f}" if "loss" in event else self._rate(event)
            task = self.progress.task_ids[-1]
            self.progress.update(task, completed=event["done"], total=event["total"], note=note)

    def _rate(self, event: dict[str, Any]) -> str:
        """Return how many are done in a second, counted from the first event: what was there before took no time."""
        seconds = time.monotonic() - self.started
        done = event["done"] - self.first
        return f"{done / seconds:.1f}/s" if event["stage"] == "generation" and done > 0 and seconds > 0 else ""

    def _close(self) -> None:
        """Leave a line for the stage that has ended."""
        if self.current is None:
            return
        for task in self.progress.task_ids:
            self.progress.remove_task(task)
        seconds = time.monotonic() - self.started
        self.console.print(f"[green]✓[/] {self._describe():<44} {seconds:7.1f} s", highlight=False)
        self.current = None

    def _describe(self) -> str:
        assert self.current is not None
        stage, run = self.current
        of = "" if stage in ("data", "check", "tokens", "yardsticks", "report") else f" {run}"
        return f"{STAGES.get(stage, stage)}{of}"

    def _print_answer(self) -> None:
        from dialora.report import print_report

        assert self.document is not None
        print_report(self.document["document"], self.answer)
        folder = self.document["folder"]
        page, markdown = (_escape(f"{folder}/{name}") for name in (names.REPORT_HTML, names.REPORT_MARKDOWN))
        self.answer.print(f"\nReport: [bold]{page}[/]  ·  {markdown}", soft_wrap=True)


def _escape(text: str) -> str:
    return clean(text).replace("[", r"\[")


__all__ = ["ProgressDisplay", "build_console"]
