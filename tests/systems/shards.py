"""Workers in threads of the test's own process, and what lies in a folder of shards."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

from dialora.experiment.events import Events
from dialora.experiment.launchers.launcher import Launcher
from dialora.records import Observer
from dialora.store.work import own_work
from dialora.systems import System
from dialora.systems.items import open_inputs
from dialora.systems.options import SummaryOptions
from dialora.systems.summaries import summarize_inputs

NUM_ROWS = 23
CHUNK = 5


class Here(Launcher):
    """Does jobs in threads of this process, so that a test sees their engines."""

    def __init__(self, workers: int) -> None:
        self.slots, self.stop = workers, threading.Event()

    def do(self, job: Any, observer: Observer) -> None:
        class Stream(io.StringIO):
            def write(self, line: str) -> int:
                observer(json.loads(line))
                return len(line)

        events = Events(Stream(), name=job.place.name, key=job.place.key)
        with own_work(job.place.work, job.place.name):
            job.do(events, self.stop)
        events.send("done")

    def interrupt(self) -> bool:
        self.stop.set()
        return True

    def kill(self) -> None:
        self.stop.set()

    def close(self) -> None:
        return None


class HereLaunch:
    """As `launch:` would be."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def open(self, folder: Path) -> Here:
        return Here(self.workers)


def summarize(system: System, source: Path, output: Path, *, workers: int = 2, **options: Any) -> int:
    launch: Any = HereLaunch(workers)
    observer = options.pop("observer", lambda event: None)
    with open_inputs([source], output=output) as inputs:
        return summarize_inputs(
            system, inputs, output, options=SummaryOptions(), observer=observer, launch=launch, chunk=CHUNK, **options
        )


def write_table(path: Path, size: int) -> Path:
    turns = "#Person1#: Number {n}.\n#Person2#: {more}Yes\u2028, 'so'; it \"is\"."
    rows = [{"id": f"d{n}", "dialogue": turns.format(n=n, more="Well. " * (n * 7 % 5))} for n in range(size)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def list_left(folder: Path, output: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {
        output.name, f"{output.name}.manifest.json", f".{output.name}.lock", "table.jsonl"
    }  # fmt: skip


def watch(folder: Path, done: set[int]) -> None:
    """See which parts are done, each once and for all."""
    found = list_done(folder)
    if found is not None and not done <= found:  # a part may have been removed while the folder was listed
        time.sleep(0.05)
        found = list_done(folder)
    if found is not None:
        assert done <= found, "made twice"
        done |= found


def list_done(folder: Path) -> set[int] | None:
    """Return the parts that are made, or in the output already; None where there is no folder."""
    try:
        found = {path.name for path in folder.iterdir()}
        sizes = json.loads((folder / "plan.json").read_text(encoding="utf-8").partition("\n")[2])["sizes"]
    except FileNotFoundError:
        return None
    return {n for n in range(len(sizes)) if f"{n:06}.rows" in found or f"{n:06}.items" not in found}
