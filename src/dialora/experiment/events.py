"""What a worker tells its parent: {"event": name, …}, one JSON line each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

BEGUN = "begun"
"""Sent when a job's process takes signals: from then on an interrupt lets it save what it has."""
EVENT_SECONDS = 0.2
"""Progress is sent at most so often."""
OnProgress = Callable[[str, int, int, dict[str, Any]], None]
"""Called with a stage, how much of it is done, of how much, and what else there is to say."""


def _ignore(stage: str, done: int, total: int, values: dict[str, Any]) -> None: ...


class Events:
    """Events for the parent about one run or trial, progress not too often."""

    def __init__(self, stream: Any, *, name: str, key: str) -> None:
        self.stream, self.about, self.last = stream, {"run": name, "key": key}, 0.0
        self.on_progress: OnProgress = _ignore
        """Told all progress, however often it comes."""

    def send(self, event: str, **values: Any) -> None:
        """Send one event. A parent that is gone is noticed by the watch on standard input, not here."""
        with suppress(BrokenPipeError):
            self.stream.write(json.dumps({"event": event, **self.about, **values}) + "\n")
            self.stream.flush()

    def progress(self, stage: str, done: int, total: int, **values: Any) -> None:
        """Send how far a stage is; the first and the last are always sent."""
        self.on_progress(stage, done, total, values)
        now = time.monotonic()
        if done in (1, total) or now - self.last >= EVENT_SECONDS:
            self.last = now
            self.send("progress", stage=stage, done=done, total=total, **values)


__all__ = ["BEGUN", "Events"]
