"""Results of a stage under way, batch by batch: a line each, of its digest and JSON, with the seconds it took."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.store import names
from dialora.store.damage import tell_damage


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """One batch of results."""

    rows: list[dict[str, Any]]
    seconds: float
    """What making it took, when it was made."""
    rank: int = 0
    """Of the process that made it, where several did."""


@dataclass(frozen=True, slots=True)
class PartialLog:
    """Results of a stage under way, appended batch by batch, so that an interrupted one goes on where it was."""

    path: Path
    key: str

    def load(self) -> dict[int, LoggedBatch]:
        """Return each whole batch by its number; a line that a crash cut, or that was changed since, is left out."""
        return self._read(self.path)

    def _read(self, path: Path, rank: int = 0) -> dict[int, LoggedBatch]:
        if not path.is_file():
            return {}
        batches = {}
        for line in filter(None, path.read_bytes().split(b"\n")):
            digest, _, content = line.partition(b" ")
            if digest.decode(errors="replace") != _digest(content):
                tell_damage(f"{path}: a line is cut short or was changed; what stood there is made again.")
                continue
            entry = json.loads(content)
            if entry["key"] == self.key:
                batches[entry["batch"]] = LoggedBatch(entry["rows"], entry["seconds"], rank)
        return batches

    def append(self, batch: int, rows: list[dict[str, Any]], *, seconds: float) -> None:
        """Add one batch, on disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"key": self.key, "batch": batch, "rows": rows, "seconds": seconds}).encode()
        with self.path.open("ab") as file:
            # The newline in front closes a line that a crash left open.
            file.write(b"\n%s %s\n" % (_digest(content).encode(), content))
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class SharedLog(PartialLog):
    """A log that several processes keep, a file each: that of `rank` 0 is at `path`, the others' beside it.

    However many there are now, what others wrote before is found.
    """

    rank: int = 0

    def load(self) -> dict[int, LoggedBatch]:
        """Return each whole batch by its number, whoever wrote it."""
        batches = self._read(self.path)
        for path in self.path.parent.glob(names.shared_log(self.path.name, "*")):
            rank = path.stem.rpartition("-")[2]
            batches |= self._read(path, int(rank)) if rank.isdecimal() else {}
        return batches

    def append(self, batch: int, rows: list[dict[str, Any]], *, seconds: float) -> None:
        """Add one batch to this process's file, on disk before this returns."""
        PartialLog(self._own, self.key).append(batch, rows, seconds=seconds)

    @property
    def _own(self) -> Path:
        return self.path.with_name(names.shared_log(self.path.name, self.rank)) if self.rank else self.path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


__all__ = ["LoggedBatch", "PartialLog", "SharedLog"]
