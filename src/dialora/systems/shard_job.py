"""What a worker does of an output that several make: shard after shard, with one engine, until none is missing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.config import ExperimentConfig, build_experiment, dump_experiment
from dialora.errors import Interrupted, ModelError
from dialora.experiment.events import Events
from dialora.experiment.job import OtherJob
from dialora.store import PartialLog
from dialora.store.work import WorkPlace
from dialora.systems.kinds.finding import find_system
from dialora.systems.kinds.system import AskedFor
from dialora.systems.options import SummaryOptions
from dialora.systems.output import render_rows
from dialora.systems.shards import Shards
from dialora.systems.writing import SummaryWriter

SHARD = "shard"
"""The event of a shard that is done."""
WAIT_SECONDS = 0.5
"""Until it is looked again whether a shard of others has to be taken over."""


@dataclass(frozen=True)
class ShardsJob(OtherJob):
    """Summarize shards of a folder that no other worker does."""

    config: ExperimentConfig
    asked_for: AskedFor
    """The system."""
    identity: str
    """What the system has to be."""
    options: SummaryOptions
    key: str
    """Of the output."""
    suffix: str
    """Of the output."""
    folder: Path
    worker: str
    """Its own name, of which there is one at a time."""

    @property
    def place(self) -> WorkPlace:
        """Where it says that it is alive."""
        return WorkPlace(self.worker, self.key, self.folder, self.folder / self.worker)

    def dump(self) -> dict[str, Any]:
        """Return the job as plain values."""
        return {
            "config": dump_experiment(self.config),
            "asked_for": self.asked_for.to_json(),
            "identity": self.identity,
            "options": self.options.to_json(),
            "key": self.key,
            "suffix": self.suffix,
            "folder": str(self.folder),
            "worker": self.worker,
        }

    def load_libraries(self) -> None:
        """Import what loads and writes."""
        import peft  # noqa: F401
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, T5ForConditionalGeneration  # noqa: F401

        import dialora.generation
        import dialora.models.adapters  # noqa: F401

    def do(self, events: Events, stop: threading.Event) -> None:
        """Summarize what is missing. Raises DialoraError; Interrupted after a batch when it is asked to stop."""
        asked, shards = self.asked_for, Shards(self.folder)
        system = find_system(asked.name, method=asked.method, base=asked.base, set=asked.set)
        if system.identity != self.identity:
            raise ModelError(f"--system {asked.name}: is another where a worker looks than where it was asked for.")
        writer = SummaryWriter(system, self.options, lambda message: events.send("warning", message=message))
        for at, number in enumerate(self._claim_all(shards, stop)):
            if not at:
                writer.open(shards.load_sample())
            items = shards.load_items(number)

            def tell(done: int, total: int = len(items)) -> None:
                if stop.is_set():
                    raise Interrupted(f"stopped after {done} of {total} summaries of a part.")
                events.progress("generation", done, total)

            tell(0)
            log = PartialLog(shards.find_partial(number), f"{self.key}-{items[0].number - 1}")
            made = writer.write(items, log=log, on_progress=tell)
            shards.save_rows(number, render_rows(items, made, self.suffix))
            events.send(SHARD, number=number)

    def _claim_all(self, shards: Shards, stop: threading.Event) -> Iterator[int]:
        """Give one missing shard after the other that is this worker's now, until there is none, nor others' work."""
        while missing := shards.list_missing():
            mine = next((number for number in missing if shards.claim(number, self.worker)), None)
            if mine is not None:
                yield mine
            elif stop.wait(WAIT_SECONDS):
                raise Interrupted("stopped; it had nothing to do.")


def load_job(values: dict[str, Any]) -> ShardsJob:
    """Build the job from its plain values."""
    built = {
        "config": build_experiment(values["config"]),
        "asked_for": AskedFor.from_json(values["asked_for"]),
        "options": SummaryOptions.from_json(values["options"]),
        "folder": Path(values["folder"]),
    }
    return ShardsJob(**values | built)


__all__ = ["SHARD", "ShardsJob", "load_job"]
