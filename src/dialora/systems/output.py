"""The file that summaries are written to: chunk after chunk, each with its digest, by one process at a time.

Beside it lies `<output>.manifest.json`: what made it, and where each chunk ends with the SHA-256 of its bytes. A chunk
is kept apart until the manifest names it, so what a kill leaves of it is known, cut and made again. An output that
anything else has changed is refused as it is.
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
from dialora.store import load_json, locked, replacing, save_json

COLUMNS = ("row", "id", "summary", "truncated")
OUTPUTS = (".jsonl", ".csv")


class SummariesFile:
    """An output that is open; what it holds is as it was written."""

    def __init__(self, path: Path, key: str, run: str) -> None:
        self.path, self.suffix = path, path.suffix.lower()
        self.num_rows = 0
        """Dialogues whose summaries are there."""
        self._manifest = _manifest(path)
        self._values: dict[str, Any] = {"schema_version": 3, "key": key, "run": run, "chunks": []}

    @property
    def partial(self) -> Path:
        """Where the batches of the chunk under way are kept."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def appended(self) -> Path:
        """Where the chunk that is being appended is kept whole."""
        return self.path.with_name(f"{self.path.name}.appended")

    def append(self, items: Sequence[StreamedDialogue], predictions: Sequence[Prediction]) -> None:
        """Add a chunk; it is on disk before this returns."""
        is_first = not self._values["chunks"]
        header = _csv_line(COLUMNS) if is_first and self.suffix == ".csv" else b""
        content = header + b"".join(_lines(items, predictions, self.suffix))
        with replacing(self.appended) as temporary:
            temporary.write_bytes(content)
        with self.path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        self._values["chunks"].append({"end": end, "sha256": sha256(content).hexdigest()})
        self.save_manifest()
        self.num_rows += len(items)
        self.appended.unlink()

    def save_manifest(self) -> None:
        """Write down what made the file, and its chunks."""
        save_json(self._values, self._manifest)

    def resume(self) -> None:
        """Keep the chunks that are there, and cut what a kill left behind them. Raises ConfigError.

        A file that something else made or changed is left as it is, and refused.
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
                f"--output {self.path}: is there already, and another system, setting or table made it, or an earlier "
                f"version; remove it or give another name."
            )
        with self.path.open("r+b") as file:
            for chunk in found.get("chunks", []):
                num_lines = _count_lines(file, chunk)
                if num_lines is None:
                    raise self._refuse("is not what was written there")
                # A line is a row, whatever else says how many there are.
                is_first = not self._values["chunks"]
                self.num_rows += num_lines - (is_first and self.suffix == ".csv")
                self._values["chunks"].append(chunk)
            end = file.tell()
            known = self.appended.read_bytes() if self.appended.is_file() else b""
            if not known.startswith(file.read(len(known) + 1)):
                raise self._refuse("holds more than what was written there")
            file.truncate(end)

    def _refuse(self, problem: str) -> ConfigError:
        behind = f" behind row {self.num_rows}" if self.num_rows else ""
        return ConfigError(
            f"--output {self.path}: {problem}{behind}. What was changed is not overwritten: move the file away, or "
            f"give another --output."
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
        for path in (output.partial, output.appended):
            path.unlink(missing_ok=True)


def _count_lines(file: BinaryIO, chunk: dict[str, Any]) -> int | None:
    """Read a chunk and return its number of lines; None where it is not as it was written."""
    try:
        size = int(chunk["end"]) - file.tell()
        content = file.read(size) if size > 0 else b""
        is_as_written = len(content) == size and sha256(content).hexdigest() == chunk["sha256"]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return content.count(b"\n") if is_as_written else None


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
