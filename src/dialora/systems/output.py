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
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from dialora.errors import ConfigError
from dialora.printable import clean_cell, escape_json
from dialora.store import hash_file, load_json, locked, replacing, save_json
from dialora.systems import beside
from dialora.systems.items import Item
from dialora.systems.summary import Summary

COLUMNS = ("row", "source", "id", "summary", "finish_reason", "num_parts", "truncated", "unsupported_names")
SCHEMA_VERSION = 4
APPENDED = (".jsonl", ".csv")
"""What is written chunk by chunk."""


class SummariesFile:
    """An output that is open; what it holds is as it was written."""

    def __init__(self, path: Path, key: str, run: str) -> None:
        self.path, self.suffix, self.key = path, path.suffix.lower(), key
        self.num_rows = 0
        """Dialogues whose summaries are there."""
        self.partial, self.appended = beside.partial(path), beside.appended(path)
        self._manifest = beside.manifest(path)
        self._values: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "key": key, "run": run, "chunks": []}

    def append(self, items: Sequence[Item], summaries: Sequence[Summary]) -> None:
        """Add a chunk; it is on disk before this returns."""
        self.append_rows(render_rows(items, summaries, self.suffix), len(items))

    def append_rows(self, content: bytes, num_rows: int) -> None:
        """Add a chunk, as `render_rows` gives it; it is on disk before this returns."""
        if not self._values["chunks"] and self.suffix == ".csv":
            content = _csv_line(COLUMNS) + content
        with replacing(self.appended) as temporary:
            temporary.write_bytes(content)
        with self.path.open("ab") as file:
            if file.tell() != self._end:  # before anything stands behind what is not ours
                raise self._refuse("was changed while it was written")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        self._values["chunks"].append({"end": end, "sha256": sha256(content).hexdigest()})
        self.save_manifest()
        self.num_rows += num_rows
        self.appended.unlink()

    @property
    def _end(self) -> int:
        """Where the chunks end that are there."""
        return int(self._values["chunks"][-1]["end"]) if self._values["chunks"] else 0

    def require_as_written(self) -> None:
        """Raise ConfigError where something else has changed the file since it was opened."""
        with self.path.open("rb") if self._values["chunks"] else io.BytesIO() as file:
            is_as_written = all(_count_lines(file, chunk) is not None for chunk in self._values["chunks"])
            if not is_as_written or file.read(1):
                raise self._refuse("was changed while it was written")

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
            raise _refuse_other(self.path)
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
    with _alone(path):
        output = SummariesFile(path, key, run)
        output.resume()
        output.save_manifest()  # before the first row: what a kill leaves must be known for one's own
        try:
            yield output
            output.require_as_written()
        except BaseException:
            if not path.exists():  # nothing was written, so there is nothing to go on with
                beside.manifest(path).unlink(missing_ok=True)
            raise
        for left in (output.partial, output.appended):
            left.unlink(missing_ok=True)
        shutil.rmtree(beside.shards(path), ignore_errors=True)


class FinishedFile:
    """An output that is made in one go of finished rows; its manifest says what from, and its digest."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.rows = beside.rows(path)

    @property
    def is_whole(self) -> bool:
        """It is there as it was written. Raises ConfigError where something else is."""
        if not self.path.exists():
            return False
        try:
            found = load_json(beside.manifest(self.path))
            is_same = found["key"] == self.key and found["sha256"] == hash_file(self.path)
        except (OSError, ValueError, KeyError, TypeError):
            is_same = False
        if not is_same:
            raise _refuse_other(self.path)
        return True

    def render(self, write: Callable[[Path, Path], None]) -> None:
        """Make the file of its rows; `write` takes these and a path."""
        with replacing(self.path) as temporary:
            write(self.rows, temporary)
            # Before the file takes its place: whatever lies there is then known for one's own.
            values = {"schema_version": SCHEMA_VERSION, "key": self.key, "sha256": hash_file(temporary)}
            save_json(values, beside.manifest(self.path))


@contextmanager
def open_finished(path: Path, *, key: str) -> Iterator[FinishedFile]:
    """Open such an output for one process alone; once it is whole, its rows are removed. Raises StageError."""
    with _alone(path):
        output = FinishedFile(path, key)
        yield output
        if output.is_whole:
            # The rows last, for they tell that something is left to remove.
            for left in (beside.lock(output.rows), beside.manifest(output.rows), output.rows):
                left.unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other dialoras away from an output, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    refusal = f"--output {path}: another dialora is writing it; wait for it, or give another name."
    with locked(beside.lock(path), refusal):
        yield


def _refuse_other(path: Path) -> ConfigError:
    return ConfigError(
        f"--output {path}: is there already, and another system, setting or input made it, or an earlier version; "
        f"remove it or give another name."
    )


def _count_lines(file: BinaryIO, chunk: dict[str, Any]) -> int | None:
    """Read a chunk and return its number of lines; None where it is not as it was written."""
    try:
        size = int(chunk["end"]) - file.tell()
        content = file.read(size) if size > 0 else b""
        is_as_written = len(content) == size and sha256(content).hexdigest() == chunk["sha256"]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return content.count(b"\n") if is_as_written else None


def render_rows(items: Sequence[Item], summaries: Sequence[Summary], suffix: str) -> bytes:
    """Return one line per item, which holds no other line break, for a file of that suffix."""
    return b"".join(_lines(items, summaries, suffix))


def _lines(items: Sequence[Item], summaries: Sequence[Summary], suffix: str) -> Iterator[bytes]:
    for item, made in zip(items, summaries, strict=True):
        row = list_cells(item, made)
        if suffix == ".csv":
            # A line break in a cell would make the lines more than the rows.
            yield _csv_line(map(_as_cell, row.values()))
        else:
            yield escape_json(json.dumps(row, ensure_ascii=False)).encode() + b"\n"


def list_cells(item: Item, summary: Summary) -> dict[str, Any]:
    """Return the cells of an item's row by their columns."""
    values = (
        item.number, item.source, item.id, summary.text, summary.finish_reason, summary.num_parts, summary.truncated,
        list(summary.unsupported_names),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _as_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return clean_cell("; ".join(value))
    return clean_cell(value) if isinstance(value, str) else value


def _csv_line(cells: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


__all__ = [
    "APPENDED",
    "COLUMNS",
    "FinishedFile",
    "SummariesFile",
    "list_cells",
    "open_finished",
    "open_output",
    "render_rows",
]
