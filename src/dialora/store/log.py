"""Results of a stage under way, batch by batch, each with the seconds it took."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """One batch of results."""

    rows: list[dict[str, Any]]
    seconds: float
    """What making it took, when it was made."""


@dataclass(frozen=True, slots=True)
class PartialLog:
    """Results of a stage under way, appended batch by batch, so that an interrupted one goes on where it was."""

    path: Path
    key: str

    def load(self) -> dict[int, LoggedBatch]:
        """Return each whole batch by its number; a last line cut by a crash is left out."""
        if not self.path.is_file():
            return {}
        batches = {}
        for line in self.path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            # Logs of earlier versions hold no seconds: their batches are made again.
            if entry.get("key") == self.key and "seconds" in entry:
                batches[entry["batch"]] = LoggedBatch(entry["rows"], entry["seconds"])
        return batches

    def append(self, batch: int, rows: list[dict[str, Any]], *, seconds: float) -> None:
        """Add one batch, on disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The newline in front closes a line that a crash left open.
        line = json.dumps({"key": self.key, "batch": batch, "rows": rows, "seconds": seconds}, ensure_ascii=False)
        with self.path.open("ab") as file:
            file.write(f"\n{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())


__all__ = ["LoggedBatch", "PartialLog"]
