"""The file that summaries are written to: chunk after chunk, each with its digest, by one process at a time.

Beside it lies `<output>.manifest.json`: what made it, and where each chunk ends with the SHA-256 of its bytes. Whatever
lies behind the last chunk that is as it was written is cut and made again.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from dialora.data.reading.tables import StreamedDialogue
from dialora.errors import ConfigError
from dialora.printable import clean_cell, escape_json
from dialora.records import Prediction
from dialora.store import load_json, locked, save_json, tell_damage

COLUMNS = ("row", "id", "summary", "truncated")
OUTPUTS = (".jsonl", ".csv")


class SummariesFile:
    """An output that is open; what it holds is as it was written."""

    def __init__(self, path: Path, key: str, run: str) -> None:
        self.path, self.suffix = path, path.suffix.lower()
        self._manifest = _manifest(path)
        self._values: dict[str, Any] = {"schema_version": 2, "key": key, "run": run, "chunks": []}

    @property
    def num_rows(self) -> int:
        """Dialogues whose summaries are there."""
        chunks = self._values["chunks"]
        return int(chunks[-1]["rows"]) if chunks else 0

    @property
    def partial(self) -> Path:
        """Where the batches of the chunk under way are kept."""
        return self.path.with_name(f"{self.path.name}.partial")

    def append(self, items: Sequence[StreamedDialogue], predictions: Sequence[Prediction]) -> None:
        """Add a chunk; it is on disk before this returns."""
        is_first = not self._values["chunks"]
        header = _csv_line(COLUMNS) if is_first and self.suffix == ".csv" else b""
        content = header + b"".join(_lines(items, predictions, self.suffix))
        with self.path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        chunk = {"rows": self.num_rows + len(items), "end": end, "sha256": sha256(content).hexdigest()}
        self._values["chunks"].append(chunk)
        self.save_manifest()

    def save_manifest(self) -> None:
        """Write down what made the file, and its chunks."""
        save_json(self._values, self._manifest)

    def resume(self) -> None:
        """Keep the chunks that are there as they were written, and cut the rest. Raises ConfigError.

        A file that something else made is left as it is, and refused.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return
        try:
            found = load_json(self._manifest)
            same = found["key"] == self._values["key"] and isinstance(found.get("chunks", []), list)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            same = False
        if not same:
            raise ConfigError(
                f"--output {self.path}: is there already, and another system, setting or table made it; remove it or "
                f"give another name."
            )
        with self.path.open("r+b") as file:
            self._values["chunks"] = list(_read_chunks(file, found.get("chunks", [])))
            chunks = self._values["chunks"]
            file.truncate(chunks[-1]["end"] if chunks else 0)
        if len(chunks) < len(found.get("chunks", [])):
            tell_damage(
                f"{self.path}: behind row {self.num_rows} it is not what was written there; what follows is made again."
            )


@contextmanager
def open_output(path: Path, *, key: str, run: str) -> Iterator[SummariesFile]:
    """Open an output for one process alone, and go on where it is. Raises ConfigError, StageError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.resolve()
    refusal = f"--output {path}: another dialora is writing it; wait for it, or give another name."
    with locked(place.with_name(f".{place.name}.lock"), refusal):
        output = SummariesFile(path, key, run)
        output.resume()
        output.save_manifest()  # before the first row: what a kill leaves must be known for one's own
        yield output
        output.partial.unlink(missing_ok=True)


def _read_chunks(file: BinaryIO, chunks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give the chunks from the first on, up to one that is not as it was written."""
    start = 0
    for chunk in chunks:
        try:
            content = file.read(int(chunk["end"]) - start)
            if sha256(content).hexdigest() != chunk["sha256"] or int(chunk["rows"]) < 1:
                return
        except (KeyError, TypeError, ValueError):
            return
        start = chunk["end"]
        yield chunk


def _lines(items: Sequence[StreamedDialogue], predictions: Sequence[Prediction], suffix: str) -> Iterator[bytes]:
    """Give one line per dialogue, which holds no other line break."""
    for item, made in zip(items, predictions, strict=True):
        if suffix == ".csv":
            # A line break in a cell would make the lines more than the rows.
            yield _csv_line((item.number, clean_cell(item.id), clean_cell(made.summary), str(made.truncated).lower()))
        else:
            values = (item.number, item.id, made.summary, made.truncated)
            yield escape_json(json.dumps(dict(zip(COLUMNS, values, strict=True)), ensure_ascii=False)).encode() + b"\n"


def _csv_line(cells: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _manifest(output: Path) -> Path:
    return output.with_name(f"{output.name}.manifest.json")


__all__ = ["OUTPUTS", "SummariesFile", "open_output"]
