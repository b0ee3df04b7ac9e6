"""A source → splits of raw rows; what the columns mean is not decided here.

Takes a file or folder of any format (see `formats`), a hub id, or `bundled`. Gives a RawSource. Splits are recognised
by whole words in file names (`dialogsum.dev.jsonl`), in a JSON object's keys or in the hub's split names. No row is
lost silently: what belongs to no split stands in the notes, what cannot be read is a DataError.
"""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path

from dialora.config import BUNDLED, DataConfig
from dialora.data.reading.formats import FORMATS, find_format, list_suffixes
from dialora.data.reading.hub import read_hub
from dialora.data.reading.raw import Content, RawSource
from dialora.data.reading.splits import (
    NAMING,
    SPLITS,
    find_split,
    join_names,
    note_left_out,
    require_one_table,
    sort_into_splits,
)
from dialora.data.reading.text import reading_explained
from dialora.errors import DataError

_OTHER_SUFFIXES = frozenset({".arrow", ".bz2", ".gz", ".xls", ".xlsx", ".xml", ".yaml", ".yml", ".zip", ".zst"})


def read_source(config: DataConfig) -> RawSource:
    """Read every row of `config.source`. Raises DataError."""
    source = config.source.strip()
    path = Path(os.path.expanduser(source))
    with reading_explained(path):
        if source == BUNDLED:
            with resources.as_file(resources.files("dialora") / "assets" / "dialogues") as folder:
                return _read_folder(folder)
        if source and path.exists():
            return _read_folder(path) if path.is_dir() else _read_file(path)
    if _looks_like_path(source):
        raise DataError(f"{source}: no such file or folder. Relative paths count from {Path.cwd()}.")
    return read_hub(source, config.revision)


def _looks_like_path(source: str) -> bool:
    suffix = Path(source).suffix.lower()
    is_hub_id = re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", source, re.ASCII)
    return not is_hub_id or suffix in FORMATS or suffix in _OTHER_SUFFIXES


def _read_file(path: Path) -> RawSource:
    split, content = find_split(path.name), _read_content(path)
    if isinstance(content, dict):
        return sort_into_splits(content, where=str(path))
    return RawSource({split: content}, []) if split else RawSource({}, content)


def _read_folder(folder: Path) -> RawSource:
    files = _list_files(folder)
    if not any(_is_split_file(file) for file in files) and (folder / "data").is_dir():
        files += _list_files(folder / "data")
    by_split: dict[str, list[Path]] = {}
    for file in filter(_is_split_file, files):
        by_split.setdefault(str(find_split(file.name)), []).append(file)
    readable = [file for file in files if _is_readable(file)]
    if not by_split and len(readable) == 1:
        return _read_file(readable[0])
    if not by_split:
        found = join_names(files)
        raise DataError(
            f"{folder}: no split found; {NAMING}, the format by its suffix: {list_suffixes()}. Found: {found}."
        )
    left_out = [file for file in files if not _is_split_file(file) and (file in readable or find_split(file.name))]
    notes = [*note_left_out(folder, left_out)]
    splits = {}
    for split in filter(by_split.__contains__, SPLITS):
        shards = _order_shards(by_split[split], split)
        splits[split] = [row for file in shards for row in require_one_table(_read_content(file), file)]
        if len(shards) > 1:
            notes.append(f"{split}: joined {len(shards)} files: {join_names(shards)}.")
    return RawSource(splits, [], tuple(notes))


def _list_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _is_readable(file: Path) -> bool:
    found = FORMATS.get(file.suffix.lower())
    return found is not None and found.has_summaries


def _is_split_file(file: Path) -> bool:
    return _is_readable(file) and find_split(file.name) is not None


def _order_shards(files: list[Path], split: str) -> list[Path]:
    """Return one split's files in the order of their numbers. Raises DataError unless they are shards of one set."""
    names = join_names(files)
    if len({file.suffix.lower() for file in files}) > 1:
        raise DataError(f"{split}: files of different formats for one split: {names}. Keep one of them.")
    if len({re.sub(r"\d+", "#", file.name) for file in files}) > 1:
        rule = "only shards, whose names differ in a number, are joined"
        raise DataError(f"{split}: several files for one split: {names}; {rule}. Keep one, or rename the others.")
    totals = {int(total) for file in files for total in re.findall(r"-of-(\d+)", file.name)}
    if totals and totals != {len(files)}:
        raise DataError(f"{split}: {len(files)} of {max(totals)} shards are there: {names}. Get the whole set.")
    return sorted(files, key=lambda file: [int(number) for number in re.findall(r"\d+", file.name)])


def _read_content(path: Path) -> Content:
    content = find_format(path).read(path)
    if not content:
        raise DataError(f"{path}: has no rows.")
    return content


__all__ = ["read_source"]
