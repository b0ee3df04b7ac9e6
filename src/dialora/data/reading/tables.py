"""A table of dialogues → its dialogues one after the other, in constant memory.

Takes a file of csv, tsv, json, jsonl, ndjson or parquet, or a txt file or folder of them, one dialogue each. Columns
are recognised as everywhere. Nothing is skipped: what cannot be read is a DataError with its place, and an empty
dialogue is given as it is. A single JSON document alone is read whole.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dialora.config import DataConfig
from dialora.data.reading.columns import ID_COLUMNS, find_dialogue_column, find_optional
from dialora.data.reading.rows import read_dialogue, read_label
from dialora.data.reading.sources import Row, read_file_rows
from dialora.errors import DataError

FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt")


HEAD = 100
"""Rows whose columns are looked at before the first is given; a JSON line may leave a column out."""


@dataclass(frozen=True, slots=True)
class StreamedDialogue:
    """One dialogue of a table."""

    number: int
    """Its row, counted from 1."""
    id: str
    """What the table calls it, or its number."""
    dialogue: str


def stream_dialogues(path: Path, config: DataConfig) -> Iterator[StreamedDialogue]:
    """Give the dialogues of a table in its order. Raises DataError.

    `config` may name columns; one that is not there is recognised like any other.
    """
    rows = _stream_rows(path)
    head = list(islice(rows, HEAD))
    if not head:
        raise DataError(f"{path}: has no rows.")
    present = list(dict.fromkeys(name for _, row in head for name in row))
    if config.dialogue_column not in present:
        config = config.model_copy(update={"dialogue_column": None})
    column = find_dialogue_column(present, config, str(path), [])
    id_column = find_optional(present, config.id_column, ID_COLUMNS) or find_optional(present, None, ID_COLUMNS)
    for number, (place, row) in enumerate(chain(head, rows), start=1):
        dialogue = read_dialogue(row.get(column), f"{path}: {place}")
        yield StreamedDialogue(number, read_label(row, id_column) or str(number), dialogue)


def fingerprint_table(path: Path) -> str:
    """Return the SHA-256 of a table's bytes, or of all a folder's texts with their names."""
    digest = hashlib.sha256()
    for file in _list_texts(path) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            digest.update(f"{file.name}\n{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _stream_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Give every row with its place in words."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder. Relative paths count from {Path.cwd()}.")
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            for file in _list_texts(path):
                yield file.name, {"id": file.stem, "dialogue": _read_text(file)}
        elif suffix == ".txt":
            yield "the text", {"id": path.stem, "dialogue": _read_text(path)}
        elif suffix in (".csv", ".tsv"):
            yield from _stream_csv(path, "\t" if suffix == ".tsv" else ",")
        elif suffix in (".jsonl", ".ndjson"):
            yield from _stream_lines(path)
        elif suffix == ".parquet":
            yield from _stream_parquet(path)
        elif suffix == ".json":
            yield from _stream_json(path)
        else:
            raise DataError(f"{path}: unknown format {path.suffix!r}; allowed: {', '.join(FORMATS)}, a folder of .txt.")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error


def _list_texts(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".txt" and not file.name.startswith("."))
    if not files:
        raise DataError(f"{folder}: holds no .txt files; give a folder of texts, one dialogue each, or a table.")
    return files


def _read_text(path: Path) -> str:
    return "".join(line for _, line in _decode_lines(path))


def _decode_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give each line with its number, split at line feeds alone. Raises DataError where it is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield (
                    number,
                    line.removeprefix(b"\xef\xbb\xbf").decode("utf-8") if number == 1 else line.decode("utf-8"),
                )
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}: line {number}: is not UTF-8 (byte {error.start} of the line); save the file in that "
                    f"encoding."
                ) from error


def _stream_csv(path: Path, delimiter: str) -> Iterator[tuple[str, Row]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader((line for _, line in _decode_lines(path)), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            if cells and not header:
                header = [name.strip() for name in cells]
            elif cells:
                if len(cells) != len(header):
                    got = f"{len(cells)} cells where the header has {len(header)}"
                    raise DataError(
                        f"{path}: line {line}: {got}; quote a cell that holds {delimiter!r} or a line break."
                    )
                yield f"line {line}", dict(zip(header, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: line {line}: is not valid CSV: {error}.") from error


def _stream_lines(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in _decode_lines(path):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number}: is not valid JSON: {getattr(error, 'msg', error)}.") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number}: must be a JSON object, got {type(row).__name__}.")
        yield f"line {number}", row


def _stream_json(path: Path) -> Iterator[tuple[str, Row]]:
    first = next((line.strip() for _, line in _decode_lines(path) if line.strip()), "")
    if first.startswith("{") and first.endswith("}") and first != "{}":
        yield from _stream_lines(path)
        return
    for number, row in enumerate(read_file_rows(path), start=1):
        yield f"row {number}", row


def _stream_parquet(path: Path) -> Iterator[tuple[str, Row]]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pyarrow.ArrowException as error:
        text = (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
        raise DataError(f"{path}: is not a readable Parquet file: {text}.") from error


__all__ = ["FORMATS", "StreamedDialogue", "fingerprint_table", "stream_dialogues"]
