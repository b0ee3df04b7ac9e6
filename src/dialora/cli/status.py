"""`dialora status`: how an experiment stands, once or followed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialora.cli.app import app
from dialora.cli.options import Json
from dialora.cli.printing import print_json
from dialora.printable import clean

if TYPE_CHECKING:
    from rich.table import Table

    from dialora.experiment.status import ExperimentStatus, JobStatus

WATCH_SECONDS = 2.0
"""From one look to the next."""
COLORS = {"done": "green", "running": "cyan", "stopped": "yellow", "failed": "red", "waiting": "dim"}


@app.command()
def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An experiment's folder, as runs/bundled.")],
    watch: Annotated[bool, typer.Option("--watch", help="Follow until nothing is left to do; Ctrl-C ends it.")] = False,
    json: Json = False,
) -> None:
    """Tell what of an experiment is done, running (where, how far), stopped, failed (why) and waiting.

    Reads its folder alone, so it may be asked from any machine that sees it, whatever started the jobs. A job whose
    owner has given no sign of life for a minute, or whose process is gone, counts as stopped.
    """
    from dialora import api

    if watch and not json:
        _follow(folder)
        return
    while True:
        found = api.status(folder)
        print_json(found.to_json()) if json else _print(found)
        if not watch or _is_over(found):
            return
        time.sleep(WATCH_SECONDS)


def _follow(folder: Path) -> None:
    from rich.live import Live

    from dialora import api
    from dialora.experiment.progress import build_console

    console = build_console()
    found = api.status(folder)
    with Live(_build_table(found), console=console, auto_refresh=False) as live:
        while not _is_over(found):
            time.sleep(WATCH_SECONDS)
            found = api.status(folder)
            live.update(_build_table(found), refresh=True)


def _print(found: ExperimentStatus) -> None:
    from dialora.experiment.progress import build_console

    build_console().print(_build_table(found))


def _is_over(found: ExperimentStatus) -> bool:
    return found.is_reported and found.count("done") == len(found.jobs)


def _build_table(found: ExperimentStatus) -> Table:
    from rich.table import Table
    from rich.text import Text

    counts = ", ".join(f"{number} {state}" for state in COLORS if (number := found.count(state)))
    title = f"{found.experiment}: {counts or 'nothing has begun'}{'; reported' if found.is_reported else ''}"
    table = Table(title=Text(clean(title)), title_justify="left")
    rows = [(job.job, job.state, _tell_progress(job), job.host, _tell_since(job), job.message) for job in found.jobs]
    columns = ("job", "state", "progress", "where", "since", "what happened")
    shown = [at for at in range(len(columns)) if at < 2 or any(row[at] for row in rows)]
    for at in shown:
        table.add_column(columns[at], overflow="fold", no_wrap=at == 0)
    for row in rows:
        cells = [Text(clean(row[at]), style=COLORS.get(row[1], "") if at == 1 else "") for at in shown]
        table.add_row(*cells)
    return table


def _tell_progress(job: JobStatus) -> str:
    if job.state == "done" or not job.stage or job.done is None:
        return ""
    loss = "" if job.loss is None else f", loss {job.loss:.3f}"
    return f"{job.stage} {job.done:,} of {job.total:,}{loss}"


def _tell_since(job: JobStatus) -> str:
    if job.begun is None or job.beat is None or job.state != "running":
        return ""
    minutes, seconds = divmod(max(0, int(job.beat - job.begun)), 60)  # by one clock: another's may differ
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


__all__ = ["status"]
