"""Files and folders → splits: which of a folder's files belong to which split.

Files count by their names, then those in a sub-folder `data`, then all files in sub-folders named like splits. Several
files of one split are joined where they are shards; everything else that is unclear is a DataError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dialora.data.reading.files import shorten_path
from dialora.data.reading.formats import FORMATS, find_format, find_suffix, list_suffixes
from dialora.data.reading.raw import Content, RawSource, Row
from dialora.data.reading.splits import (
    NAMING,
    SPLITS,
    find_distinct_splits,
    find_numbered_split,
    find_split,
    join_names,
    note_left_out,
    require_one_table,
    sort_into_splits,
    split_name,
)
from dialora.errors import DataError

_METADATA_FILES = frozenset({"dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"})
"""What `datasets` writes beside data."""
_METADATA_WORDS = frozenset({"info", "infos", "meta", "metadata", "schema", "statistics", "stats"})
_CHOOSE = "name the files: data.files: {train: …, validation: …, test: …}"


def read_single_file(path: Path) -> RawSource:
    """Read a file, which is a split where its name says so or holds several. Raises DataError."""
    split, content = find_split(path.name), _read_content(path)
    notes = find_format(path).describe(path)
    if isinstance(content, dict):
        raw = sort_into_splits(content, where=str(path))
        return RawSource(raw.splits, raw.unsplit, (*notes, *raw.notes))
    return RawSource({split: content}, [], notes) if split else RawSource({}, content, notes)


def read_named_files(folder: Path, files: Mapping[Any, Sequence[str]]) -> RawSource:
    """Read the files that are named for each split, by their paths in a folder. Raises DataError."""
    if not folder.is_dir():
        raise DataError(f"data.files: data.source must be the folder they lie in; {shorten_path(folder)} is none.")
    named = {split: [folder / name for name in names] for split, names in files.items()}
    for path in (path for paths in named.values() for path in paths):
        if not path.is_file():
            raise DataError(f"data.files: {shorten_path(path)}: no such file. Found: {join_names(_list(folder))}.")
    return _read_splits(named, [])


def read_folder(folder: Path, *, but: Collection[Path] = ()) -> RawSource:
    """Read a folder's files, leaving out those of `but`. Raises DataError."""
    files = [path for path in _list(folder, but) if path.is_file()]
    if not any(_is_readable(file) and find_split(file.name) for file in files) and (folder / "data").is_dir():
        files += [path for path in _list(folder / "data", but) if path.is_file()]
    metadata = [file for file in files if file.name in _METADATA_FILES]
    files = [file for file in files if file not in metadata]
    readable = [file for file in files if _is_readable(file) and file.with_suffix("") not in files]
    by_split = _sort_files(readable) or _sort_folders(folder, but)
    if not by_split and len(readable) == 1:
        return read_single_file(readable[0])
    if not by_split and readable and _are_shards(readable):
        rows = [row for file in _order_shards(readable, str(folder)) for row in _read_table(file)]
        return RawSource({}, rows, (f"Joined {len(readable)} files: {join_names(readable)}.",))
    if not by_split:
        raise DataError(_describe_nothing(folder))
    used = {file for one in by_split.values() for file in one}
    companions = {suffix for file in used for suffix in find_format(file).companions}
    left_out = [file for file in files if file not in used and find_suffix(file) not in companions]
    left_out = [file for file in left_out if file in readable or find_split(file.name)]
    return _read_splits(by_split, [*note_left_out(folder, left_out)])


def _sort_files(readable: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files of each split by their names."""
    distinct = find_distinct_splits([file.name for file in readable])
    by_split: dict[str, list[Path]] = {}
    unclear = any(find_split(file.name) is None for file in readable)
    find: Callable[[str], str | None] = distinct.get if distinct and unclear else find_split
    for file in readable:
        if split := find(file.name):
            by_split.setdefault(split, []).append(file)
    for split, files in by_split.items():
        data = [file for file in files if not _METADATA_WORDS & set(split_name(file.stem))]
        by_split[split] = data or files
    for split in (name for name in SPLITS if name not in by_split):
        numbered = [file for file in readable if find_numbered_split(file.name) == split]
        if len(numbered) > 1:
            raise DataError(f"{split}: several files could be this split: {join_names(numbered)}; {_CHOOSE}.")
        if numbered:
            by_split[split] = numbered
    return by_split


def _sort_folders(folder: Path, but: Collection[Path]) -> dict[str, list[Path]]:
    """Return the files of each split that lie in a sub-folder of its name. Raises DataError where two name one."""
    by_split: dict[str, list[Path]] = {}
    folders = [path for path in _list(folder) if path.is_dir() and find_split(path.name)]
    for path in folders:
        files = [file for file in _list(path, but) if _is_readable(file) and file.name not in _METADATA_FILES]
        if files and by_split.setdefault(str(find_split(path.name)), files) is not files:
            raise DataError(f"{folder}: several folders name one split: {join_names(folders)}; {_CHOOSE}.")
    return by_split


def _read_splits(by_split: Mapping[str, Sequence[Path]], notes: list[str]) -> RawSource:
    splits: dict[str, list[Row]] = {}
    for split in filter(by_split.__contains__, SPLITS):
        shards = _order_shards(by_split[split], split)
        splits[split] = [row for file in shards for row in _read_table(file)]
        notes += [note for file in shards for note in find_format(file).describe(file)]
        if len(shards) > 1:
            notes.append(f"{split}: joined {len(shards)} files: {join_names(shards)}.")
    return RawSource(splits, [], tuple(notes))


def _list(folder: Path, but: Collection[Path] = ()) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path not in but)


def _is_readable(file: Path) -> bool:
    found = FORMATS.get(find_suffix(file))
    return found is not None and found.has_summaries and not file.is_dir()


def _are_shards(files: Sequence[Path]) -> bool:
    return len({re.sub(r"\d+", "#", file.name) for file in files}) == 1


def _order_shards(files: Sequence[Path], split: str) -> list[Path]:
    """Return one split's files in the order of their numbers. Raises DataError unless they are shards of one set."""
    names = join_names(files)
    if len({find_suffix(file) for file in files}) > 1:
        raise DataError(f"{split}: files of different formats for one split: {names}. Keep one of them, or {_CHOOSE}.")
    if not _are_shards(files):
        rule = "only shards, whose names differ in a number, are joined"
        raise DataError(f"{split}: several files for one split: {names}; {rule}. Keep one, or {_CHOOSE}.")
    totals = {int(total) for file in files for total in re.findall(r"-of-(\d+)", file.name)}
    if totals and totals != {len(files)}:
        raise DataError(f"{split}: {len(files)} of {max(totals)} shards are there: {names}. Get the whole set.")
    return sorted(files, key=lambda file: [int(number) for number in re.findall(r"\d+", file.name)])


def _read_table(file: Path) -> list[Row]:
    return require_one_table(_read_content(file), file)


def _read_content(path: Path) -> Content:
    content = find_format(path).read(path)
    if not content:
        raise DataError(f"{path}: has no rows.")
    return content


def _describe_nothing(folder: Path) -> str:
    found = _list(folder)
    texts = [path for path in found if path.suffix.lower() == ".txt"]
    if texts and len(texts) == len(found):
        return (
            f"{folder}: holds texts alone, as {join_names(texts, 3)}. They can be summarized; to train or score on "
            "them, put them in a table with summaries, a row each: data.csv with the columns id, dialogue, summary."
        )
    hint = " A folder of texts can be summarized; to train or score on them, put them in a table with summaries."
    return (
        f"{folder}: no split found; {NAMING}, the format by its suffix: {list_suffixes()}; or {_CHOOSE}. Found: "
        f"{join_names(found)}.{hint if texts else ''}"
    )


__all__ = ["read_folder", "read_named_files", "read_single_file"]
