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
    with launch.open(shards.folder) as launcher:
        plan = _cut(shards, chunks, output, notes)
        merging = _Merging(system, shards, plan, output, observer, launcher)
        merging.merge()
        if not merging.is_done:
            observer({"event": "stage", "stage": "start", "run": system.name, "key": system.key})
            num_workers, identity = min(launch.workers, len(shards.list_missing())), system.identity
            jobs = [
                ShardsJob(
                    config=system.config,
                    asked_for=system.asked_for,
                    identity=identity,
                    options=options,
                    key=output.key,
                    suffix=output.suffix,
                    folder=shards.folder,
                    worker=f"worker-{number}",
                )
                for number in range(1, num_workers + 1)
            ]
            try:
                launcher.run_all([partial(launcher.run, job) for job in jobs], merging)
            except Interrupted:
                if not merging.is_done:  # otherwise it was not asked for by the user
                    raise
            merging.merge()
        if not merging.is_done:
            raise StageError(f"{output.path}: some rows are missing; the same command goes on from here.")
    return plan.total


def _cut(shards: Shards, chunks: Iterable[Sequence[Item]], output: SummariesFile, notes: list[str]) -> Plan:
    """Return how the output is cut, by an earlier command or now; `notes` has what reading made of the inputs."""
    plan = shards.load_plan(output.key)
    first = None if plan is None else plan.find_shard(output.num_rows)
    if plan is None or first is None or not shards.is_whole(plan, first):
        sizes = shards.cut(chunks, start=output.num_rows)
        plan = Plan(output.key, output.num_rows, tuple(sizes), tuple(notes))
        shards.save_plan(plan)
    notes[:] = plan.notes
    return plan


class _Merging:
    """Follows the workers' events: appends what is done, in order, and tells how far all of it is."""

    def __init__(
        self,
        system: System,
        shards: Shards,
        plan: Plan,
        output: SummariesFile,
        observer: Observer,
        launcher: Launcher,
    ) -> None:
        self.system, self.shards, self.plan, self.output = system, shards, plan, output
        self.observer, self.launcher = observer, launcher
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

    @property
    def is_done(self) -> bool:
        """All rows are in the output."""
        return self.output.num_rows == self.plan.total

    def merge(self) -> None:
        """Append the shards that are done, as far as none is missing before them."""
        sizes = self.plan.sizes
        while self._next < len(sizes) and (content := self.shards.load_rows(self._next)) is not None:
            self.output.append_rows(content, sizes[self._next])
            self.shards.drop(self._next)
            self._done.discard(self._next)
            self._next += 1
        if self.is_done:
            self.launcher.interrupt()  # those that wait for their turn have nothing to do any more

    def _tell(self) -> None:
        done = self.output.num_rows + sum(self.plan.sizes[number] for number in self._done)
        about = {"run": self.system.name, "key": self.system.key, "total": self.plan.total}
        count = done + sum(self._under_way.values())
        self.observer({"event": "progress", "stage": "generation", "done": min(count, self.plan.total), **about})


__all__ = ["append_shards"]
