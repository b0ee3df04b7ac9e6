"""What a person sees while an experiment runs: a bar for each stage under way, one line for each that is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

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
OF_JOBS = frozenset({"tokens", "start", "encoding", "training", "generation"})
"""Stages of jobs, several of which may be under way; any other stage is the only one."""
OF_ALL = frozenset({"data", "check", "tokens", "yardsticks", "report"})
"""Stages that are not one run's."""


@dataclass(slots=True)
class ShownStage:
    """A stage under way."""

    stage: str
    run: str
    started: float
    """When it was first heard of, by the monotonic clock."""
    first: int
    """How much of it had been done before."""
    task: TaskID

    def describe(self) -> str:
        """Say what it is, in a few words."""
        return f"{STAGES.get(self.stage, self.stage)}{'' if self.stage in OF_ALL else f' {self.run}'}"

    def describe_rate(self, done: int) -> str:
        """Say how many are done in a second, counted from the first event: what was there before took no time."""
        seconds, done = time.monotonic() - self.started, done - self.first
        return f"{done / seconds:.1f}/s" if self.stage == "generation" and done > 0 and seconds > 0 else ""


def build_console(*, quiet: bool = False) -> Console:
    """Build the console that answers go to."""
    console = Console(quiet=quiet)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    return console


class ProgressDisplay:
    """An observer that draws; on a terminal live bars, in a log file a line per stage."""

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
        self.shown: dict[str, ShownStage] = {}
        """What is under way, by its run."""
        self.document: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for run in list(self.shown) if error is None else ():
            self._close(run)
        self.progress.stop()
        if error is None and self.document is not None:
            self._print_answer()

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind = event["event"]
        if kind in ("stage", "progress"):
            self._show(event)
        elif kind in ("done", "error", "crash") and event.get("run") in self.shown:
            self._close(event["run"], is_done=kind == "done")
            if kind != "done" and self.shown:  # the error itself comes at the end; until then the others save
                self.console.print(f"[red]✗[/] {_escape(event['run'])}: {_escape(event['message'])}", highlight=False)
        elif kind in ("warning", "note"):
            self.console.print(f"[yellow]{kind}:[/] {_escape(event['message'])}", highlight=False)
        elif kind == "interrupting":
            self.console.print("[yellow]stopping:[/] saving a checkpoint first (Ctrl-C again stops at once)")
        elif kind == "reported":
            self.document = event

    def _show(self, event: dict[str, Any]) -> None:
        stage, run = event["stage"], event["run"]
        shown = self.shown.get(run)
        if shown is None or shown.stage != stage:
            for other in [
                other for other in self.shown.values() if other.run == run or not self._may_go_on(other, stage)
            ]:
                self._close(other.run)
            task = self.progress.add_task("", total=event.get("total"), completed=0, note="")
            shown = self.shown[run] = ShownStage(stage, run, time.monotonic(), event.get("done", 0), task)
            self.progress.update(task, description=shown.describe())
        if event["event"] == "progress":
            note = f"loss {event['loss']:.3f}" if "loss" in event else shown.describe_rate(event["done"])
            self.progress.update(shown.task, completed=event["done"], total=event["total"], note=note)

    def _may_go_on(self, other: ShownStage, stage: str) -> bool:
        """Whether a stage goes on while another one begins: both are of jobs."""
        return other.stage in OF_JOBS and stage in OF_JOBS

    def _close(self, run: str, *, is_done: bool = True) -> None:
        """Take away a stage's bar, and leave a line for it if it is done."""
        shown = self.shown.pop(run)
        self.progress.remove_task(shown.task)
        if is_done:
            seconds = time.monotonic() - shown.started
            self.console.print(f"[green]✓[/] {_escape(shown.describe()):<44} {seconds:7.1f} s", highlight=False)

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
