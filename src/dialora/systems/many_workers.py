"""An output that several workers make: cut into shards, done by the jobs of a launcher, put in order here.

Here the inputs are read, once, and rows are appended as soon as those before them are there; workers see neither.
Whoever is killed, the same command goes on: with the shards that are done, and the batches of those under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from dialora.config.launch import Launch
from dialora.errors import ConfigError, Interrupted, StageError
from dialora.experiment.launchers.launcher import Launcher
from dialora.records import Observer
from dialora.systems import beside
from dialora.systems.items import Item
from dialora.systems.kinds.system import System
from dialora.systems.options import SummaryOptions
from dialora.systems.output import SummariesFile
from dialora.systems.shard_job import SHARD, ShardsJob
from dialora.systems.shards import Plan, Shards

PASSED_ON = ("note", "interrupting")
"""Events of jobs that are told as they come."""


def append_shards(
    system: System,
    chunks: Iterable[Sequence[Item]],
    output: SummariesFile,
    options: SummaryOptions,
    observer: Observer,
    launch: Launch,
    notes: list[str],
) -> int:
    """Write what is missing of all chunks behind the rows that are there, and return how many rows there are.

    `notes` has what reading the chunks made of the inputs once they are read. Raises DialoraError.
    """
    if system.asked_for is None:
        raise ConfigError("workers: find a system by its name or folder; give that, or use one worker.")
    shards = Shards(beside.shards(output.path))
    plan = shards.load_plan(output.key)
    if plan is None or plan.find_shard(output.num_rows) is None:
        start = output.num_rows
        sizes = shards.cut(chunks, start=start)
        plan = Plan(output.key, start, tuple(sizes), tuple(notes))
        shards.save_plan(plan)
    notes[:] = plan.notes
    merging = _Merging(system, shards, plan, output, observer)
    merging.merge()
    if output.num_rows < plan.total:
        observer({"event": "stage", "stage": "start", "run": system.name, "key": system.key})
        num_missing = len(shards.list_missing())
        with launch.open(shards.folder) as launcher:
            merging.launcher = launcher
            jobs = [
                ShardsJob(
                    system.config, system.asked_for, system.identity, options, output.key, output.suffix,
                    shards.folder, f"worker-{number}",
                )
                for number in range(1, min(launch.workers, num_missing) + 1)
            ]  # fmt: skip
            try:
                launcher.run_all([partial(launcher.run, job) for job in jobs], merging)
            except Interrupted:
                merging.merge()
                if output.num_rows < plan.total:
                    raise
        merging.merge()
        if output.num_rows < plan.total:
            raise StageError(f"{output.path}: {plan.total - output.num_rows:,} rows are missing; the same command goes "
                             f"on from here.")  # fmt: skip
    return plan.total


class _Merging:
    """Follows the workers' events: appends what is done, in order, and tells how far all of it is."""

    def __init__(self, system: System, shards: Shards, plan: Plan, output: SummariesFile, observer: Observer) -> None:
        self.system, self.shards, self.plan, self.output, self.observer = system, shards, plan, output, observer
        self.launcher: Launcher | None = None
        at = plan.find_shard(output.num_rows)
        assert at is not None
        for number in range(at):
            shards.drop(number)  # a kill may have come between the output and this
        self._next = at
        self._done = set(range(len(plan.sizes))) - set(shards.list_missing()) - set(range(at))
        self._under_way: dict[str, int] = {}
        self._warned: set[str] = set()

    def __call__(self, event: dict[str, Any]) -> None:
        """Take one event of a job."""
        kind = event["event"]
        if kind == SHARD:
            self._done.add(event["number"])
            self._under_way.pop(event["run"], None)
            self.merge()
        elif kind == "progress":
            self._under_way[event["run"]] = event["done"]
        elif kind == "warning" and event["message"] not in self._warned:
            self._warned.add(event["message"])  # every worker has the same to say of the system
            self.observer({"event": "warning", "message": event["message"]})
        elif kind in PASSED_ON:
            self.observer(event)
        if kind in (SHARD, "progress"):
            self._tell()

    def merge(self) -> None:
        """Append the shards that are done, as far as none is missing before them."""
        sizes = self.plan.sizes
        while self._next < len(sizes) and (content := self.shards.load_rows(self._next)) is not None:
            self.output.append(content, sizes[self._next])
            self.shards.drop(self._next)
            self._done.discard(self._next)
            self._next += 1
        if self._next == len(sizes) and self.launcher is not None:
            # Nothing is left to do for those that wait for their turn.
            self.launcher.interrupt()

    def _tell(self) -> None:
        done = self.output.num_rows + sum(self.plan.sizes[number] for number in self._done)
        about = {"run": self.system.name, "key": self.system.key, "total": self.plan.total}
        count = done + sum(self._under_way.values())
        self.observer({"event": "progress", "stage": "generation", "done": min(count, self.plan.total), **about})


__all__ = ["append_shards"]
