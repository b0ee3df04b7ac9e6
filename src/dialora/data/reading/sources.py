"""A source → splits of raw rows; what the columns mean is not decided here.

Takes a file or folder of csv, tsv, json, jsonl, ndjson or parquet, a hub id, or `bundled`. Gives a RawSource. Splits
are recognised by whole words in file names (`dialogsum.dev.jsonl`), in a JSON object's keys or in the hub's split
names. No row is lost silently: what belongs to no split stands in the notes, what cannot be read is a DataError.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from dialora.config import BUNDLED, DataConfig
from dialora.errors import DataError

Row = dict[str, Any]


Content = list[Row] | dict[str, list[Row]]


SPLITS = ("train", "validation", "test")


_SPLIT_WORDS = dict.fromkeys(("valid", "val", "dev", "eval"), "validation") | {split: split for split in SPLITS}


_NAMING = "a split is recognised by a whole word in its name: train, validation (valid, val, dev, eval) or test"


_OTHER_SUFFIXES = frozenset({".arrow", ".bz2", ".gz", ".txt", ".xls", ".xlsx", ".xml", ".yaml", ".yml", ".zip", ".zst"})


_FORMATS = "its suffix: .csv, .tsv, .json, .jsonl, .ndjson or .parquet"


@dataclass(frozen=True, slots=True)
class RawSource:
    """What a source holds, as it stands there; `unsplit` rows still have to be divided, and then `splits` is empty."""

    splits: dict[str, list[Row]]
    unsplit: list[Row]
    notes: tuple[str, ...] = ()


def read_source(config: DataConfig) -> RawSource:
    """Read every row of `config.source`. Raises DataError."""
    source = config.source.strip()
    path = Path(os.path.expanduser(source))
    try:
        if source == BUNDLED:
            with resources.as_file(resources.files("dialora") / "assets" / "dialogues") as folder:
                return _read_folder(folder)
        if source and path.exists():
            return _read_local(path)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror or error}.") from error
    if _looks_like_path(source):
        raise DataError(f"{source}: no such file or folder. Relative paths count from {Path.cwd()}.")
    return _read_hub(source, config.revision)


def find_split(name: str) -> str | None:
    """Return the split a file or split name stands for, or None where it names none or several."""
    found = {_SPLIT_WORDS[word] for word in re.split(r"[\W_]+", name.lower()) if word in _SPLIT_WORDS}
    return found.pop() if len(found) == 1 else None


def _looks_like_path(source: str) -> bool:
    suffix = Path(source).suffix.lower()
    is_hub_id = re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", source, re.ASCII)
    return not is_hub_id or suffix in _READERS or suffix in _OTHER_SUFFIXES


def _read_local(path: Path) -> RawSource:
    if path.is_dir():
        return _read_folder(path)
    split, content = find_split(path.name), _read_file(path)
    if isinstance(content, dict):
        return _name_splits(content, where=str(path))
    return RawSource({split: content}, []) if split else RawSource({}, content)


def _read_folder(folder: Path) -> RawSource:
    files = _list_files(folder)
    if not any(_is_split_file(file) for file in files) and (folder / "data").is_dir():
        files += _list_files(folder / "data")
    by_split: dict[str, list[Path]] = {}
    for file in filter(_is_split_file, files):
        by_split.setdefault(str(find_split(file.name)), []).append(file)
    readable = [file for file in files if file.suffix.lower() in _READERS]
    if not by_split and len(readable) == 1:
        return _read_local(readable[0])
    if not by_split:
        raise DataError(f"{folder}: no split found; {_NAMING}, the format by {_FORMATS}. Found: {_join(files)}.")
    left_out = [file for file in files if not _is_split_file(file) and (file in readable or find_split(file.name))]
    notes = [*_left_out(folder, left_out)]
    splits = {}
    for split in filter(by_split.__contains__, SPLITS):
        shards = _order_shards(by_split[split], split)
        splits[split] = [row for file in shards for row in read_file_rows(file)]
        if len(shards) > 1:
            notes.append(f"{split}: joined {len(shards)} files: {_join(shards)}.")
    return RawSource(splits, [], tuple(notes))


def _list_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _is_split_file(file: Path) -> bool:
    return file.suffix.lower() in _READERS and find_split(file.name) is not None


def _order_shards(files: list[Path], split: str) -> list[Path]:
    """Return one split's files in the order of their numbers. Raises DataError unless they are shards of one set."""
    names = _join(files)
    if len({file.suffix.lower() for file in files}) > 1:
        raise DataError(f"{split}: files of different formats for one split: {names}. Keep one of them.")
    if len({re.sub(r"\d+", "#", file.name) for file in files}) > 1:
        rule = "only shards, whose names differ in a number, are joined"
        raise DataError(f"{split}: several files for one split: {names}; {rule}. Keep one, or rename the others.")
    totals = {int(total) for file in files for total in re.findall(r"-of-(\d+)", file.name)}
    if totals and totals != {len(files)}:
        raise DataError(f"{split}: {len(files)} of {max(totals)} shards are there: {names}. Get the whole set.")
    return sorted(files, key=lambda file: [int(number) for number in re.findall(r"\d+", file.name)])


def read_file_rows(path: Path) -> list[Row]:
    """Read every row of one file that holds no splits. Raises DataError."""
    content = _read_file(path)
    if isinstance(content, dict):
        raise DataError(f"{path}: holds several splits ({', '.join(content)}); give this file itself as data.source.")
    return content


def _read_file(path: Path) -> Content:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: unknown format {path.suffix!r}; the format is recognised by {_FORMATS}.")
    content = reader(path)
    if not content:
        raise DataError(f"{path}: has no rows.")
    return content


def _read_text(path: Path) -> str:
    data = path.read_bytes()
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    try:
        text = data[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        offset = start + error.start
        line = data.count(b"\n", 0, offset) + 1
        got = f"byte {offset} (line {line}) is 0x{data[offset]:02x}, which is not UTF-8"
        raise DataError(f"{path}: {got}; UTF-8 is expected, save the file in that encoding.") from error
    if not text.strip():
        raise DataError(f"{path}: is empty.")
    return text


def _read_csv(path: Path) -> list[Row]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    csv.field_size_limit(2**31 - 1)
    # Strict: otherwise a quote that is never closed swallows the rest of the file without a word.
    reader = csv.reader(io.StringIO(_read_text(path), newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows = []
    line = 1
    try:
        for cells in reader:
            if cells and not header:
                header = [name.strip() for name in cells]
                twice = [name for name in header if name and header.count(name) > 1]
                if twice:
                    raise DataError(f"{path}: line {line}: two columns are called {twice[0]!r}; rename one.")
            elif cells:
                if len(cells) != len(header):
                    got = f"{len(cells)} cells where the header has {len(header)}"
                    raise DataError(
                        f"{path}: line {line}: {got}; quote a cell that holds {delimiter!r} or a line break."
                    )
                rows.append(dict(zip(header, cells, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: line {line}: is not valid CSV: {error}.") from error
    return rows


def _read_jsonl(path: Path) -> list[Row]:
    return _parse_lines(_read_text(path), path)


def _parse_lines(text: str, path: Path) -> list[Row]:
    # Not splitlines(): it also breaks at U+2028 and others, which JSON allows inside a string.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return _check_rows([(number, _parse_json(line, path, line=number)) for number, line in lines], path, unit="line")


def _parse_json(text: str, path: Path, *, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line += getattr(error, "lineno", 1) - 1
        raise DataError(f"{path}: line {line}: is not valid JSON: {getattr(error, 'msg', error)}.") from error


def _read_json(path: Path) -> Content:
    text = _read_text(path)
    try:
        values = _parse_json(text, path)
    except DataError:
        first = text.lstrip().split("\n", 1)[0].rstrip()
        if first.startswith("{") and first.endswith("}"):
            return _parse_lines(text, path)
        raise
    if isinstance(values, dict) and isinstance(values.get("data"), list | dict):
        values = values["data"]
    if isinstance(values, list):
        return _check_rows(enumerate(values, 1), path)
    named = values if isinstance(values, dict) else {}
    lists = {key: value for key, value in named.items() if isinstance(value, list)}
    if not any(map(find_split, lists)):
        got = f"an object with {_join(list(named))}" if named else type(values).__name__
        allowed = "a list of rows, JSON lines, or an object with a list per split or under 'data'"
        raise DataError(f"{path}: must be {allowed}; got {got}.")
    return {key: _check_rows(enumerate(rows, 1), path) if find_split(key) else rows for key, rows in lists.items()}


def _check_rows(numbered: Iterable[tuple[int, Any]], path: Path, *, unit: str = "row") -> list[Row]:
    rows = []
    for number, row in numbered:
        if not isinstance(row, dict):
            raise DataError(f"{path}: {unit} {number}: must be a JSON object, got {type(row).__name__}.")
        rows.append(row)
    return rows


def _read_parquet(path: Path) -> list[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.ParquetFile(path).read().to_pylist())
    except pyarrow.ArrowException as error:
        raise DataError(f"{path}: is not a readable Parquet file: {_first_line(error)}.") from error


def _read_hub(source: str, revision: str | None) -> RawSource:
    import datasets

    try:
        loaded = datasets.load_dataset(source, revision=revision)
        named = {str(name): [dict(row) for row in rows] for name, rows in loaded.items()}
    except Exception as error:  # the library and the network raise dozens of unrelated types
        got = f"{type(error).__name__}: {_first_line(error)}"
        raise DataError(
            f"{source}: no such file or folder here, nor a hub data set (revision {revision or 'main'}) that can be "
            f"loaded: {got}. Check the name and the connection, log in with `hf auth login` if it is gated, or "
            "download it and give its folder as data.source."
        ) from error
    return _name_splits(named, where=source)


def _name_splits(named: dict[str, list[Row]], *, where: str) -> RawSource:
    """Sort rows kept under split names into splits; a lone list under another name stays unsplit."""
    owners: dict[str, str] = {}
    for name in filter(find_split, named):
        split = str(find_split(name))
        if owners.setdefault(split, name) != name:
            raise DataError(f"{where}: {owners[split]!r} and {name!r} both name the {split} split; keep one of them.")
    if not owners and len(named) == 1:
        return RawSource({}, next(iter(named.values())))
    if not owners:
        raise DataError(f"{where}: no split found; {_NAMING}. Found: {_join(list(named))}.")
    splits = {split: named[owners[split]] for split in SPLITS if split in owners}
    return RawSource(splits, [], _left_out(where, [name for name in named if name not in owners.values()]))


def _left_out(where: str | Path, items: Sequence[str | Path]) -> tuple[str, ...]:
    return (f"{where}: left out what belongs to no split ({len(items)}): {_join(items)}.",) if items else ()


def _join(items: Sequence[str | Path], limit: int = 10) -> str:
    names = [item.name if isinstance(item, Path) else item for item in items[:limit]]
    more = [f"and {len(items) - limit} more"] if len(items) > limit else []
    return ", ".join(names + more) or "nothing"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")


_READERS: dict[str, Callable[[Path], Content]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
}


__all__ = ["SPLITS", "RawSource", "Row", "find_split", "read_file_rows", "read_source"]
