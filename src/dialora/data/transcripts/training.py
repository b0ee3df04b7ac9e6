"""A folder of transcripts with a table of their summaries → rows, as of a table that holds dialogues itself.

The table lies where tables of dialogues do (in the folder, its `data/`, or one in each sub-folder of a split), a lone
one anywhere in it. Every other file that may be a transcript is looked up by what the rows call it (`lookup`), and
joined (`joining`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dialora.config import DataConfig
from dialora.data.reading.columns import column_names, find_summary_columns, list_columns
from dialora.data.reading.files import reading_explained
from dialora.data.reading.formats import FORMATS, find_format, find_suffix
from dialora.data.reading.raw import RawSource, Row
from dialora.data.reading.sources import read_source
from dialora.data.reading.splits import find_split
from dialora.data.reading.tables import TEXTS
from dialora.data.transcripts.inputs import open_conversations
from dialora.data.transcripts.joining import (
    DIALOGUE,
    FILE_COLUMNS,
    describe_missing_column,
    find_dialogues,
    has_texts,
    join_transcripts,
)
from dialora.data.transcripts.lookup import TranscriptFolder, find_folder_split, list_some
from dialora.data.transcripts.opening import open_folder
from dialora.data.transcripts.reading import SUFFIXES, read_conversations
from dialora.errors import DataError


@dataclass(slots=True)
class _Files:
    """A folder's files by what they are, as paths in it."""

    transcripts: list[str] = field(default_factory=list)
    """What may be transcripts, by their suffixes."""
    summaries: list[str] = field(default_factory=list)
    """Tables with summaries and without dialogues."""
    others: list[str] = field(default_factory=list)
    """Tables without summaries."""
    have_dialogues: bool = False
    """Whether a table holds dialogues itself."""
    problems: list[str] = field(default_factory=list)
    """Why a table is none of summaries."""


def holds_dialogues(source: RawSource, config: DataConfig) -> bool:
    """Whether every split of a source has dialogues and summaries in columns."""
    tables = [*source.splits.values()] or [source.unsplit]
    return all(_has_summaries(rows, config) and _has_dialogues(rows, config) for rows in tables)


def read_summarized(folder: Path, config: DataConfig, *, is_readable: bool) -> RawSource | None:
    """Return the rows of a folder with their dialogues from its transcripts; None where it is no such folder.

    `is_readable` says whether it was read as tables alone. Raises DataError where transcripts have no table, or rows
    and transcripts do not fit.
    """
    with reading_explained(folder):
        files = _sort_files(folder, config)
        if not files.transcripts:
            return None
        if not files.summaries:
            _require_table(folder, files, is_readable=is_readable)
            return None
        source = _read_tables(folder, files, config)
        joined = join_transcripts(source, TranscriptFolder(folder, files.transcripts), config)
        if joined is None:
            rows = source.unsplit or next(iter(source.splits.values()))
            if find_dialogues(rows, config) is None and _find_transcript(folder, files.transcripts) is not None:
                raise describe_missing_column(rows)
            return None
    if not files.others:
        return joined
    others = f"({len(files.others):,}): {list_some(files.others)}"
    note = f"Left out, tables without summaries or in other sub-folders {others}."
    return RawSource(joined.splits, joined.unsplit, (*joined.notes, note))


def _sort_files(folder: Path, config: DataConfig) -> _Files:
    named = {os.path.normpath(name) for names in (config.files or {}).values() for name in names}
    files = _Files()
    for name in open_folder(folder).names:
        suffix, path = find_suffix(Path(name)), folder / name
        kind = FORMATS.get(suffix)
        is_table = kind is not None and kind.has_summaries
        if named and os.path.normpath(name) in named:
            files.summaries.append(name)
        elif is_table and _is_table(path):
            _sort_table(path, name, config, files)
        elif suffix in SUFFIXES or is_table:
            files.transcripts.append(name)
    if named:
        files.summaries = [name for name in files.summaries if os.path.normpath(name) in named]
    return files


def _is_table(path: Path) -> bool:
    """Whether a file with a table's suffix is one, and no transcript."""
    try:
        return open_conversations(path) is None
    except DataError:
        return False


def _sort_table(path: Path, name: str, config: DataConfig, files: _Files) -> None:
    """Enter a table where it belongs; one with dialogues is no concern of transcripts."""
    try:
        content = find_format(path).read(path)
        tables = [*content.values()] if isinstance(content, dict) else [content]
        rows = [row for rows in tables for row in rows if isinstance(row, dict)]
        if not rows:
            raise DataError(f"{name} has no rows")
        if _has_dialogues(rows, config):
            files.have_dialogues = True
            return
        if not _has_summaries(rows, config):
            raise DataError(f"{name} has no column of summaries (columns: {list_columns(column_names(rows))})")
    except DataError as error:
        files.problems.append(str(error).removesuffix("."))
        (files.transcripts if find_suffix(path) in SUFFIXES else files.others).append(name)
    else:
        files.summaries.append(name)


def _has_summaries(rows: Sequence[Row], config: DataConfig) -> bool:
    try:
        return bool(find_summary_columns(column_names(rows), config, "", []))
    except DataError:
        return False


def _has_dialogues(rows: Sequence[Row], config: DataConfig) -> bool:
    column = find_dialogues(rows, config)
    return column is not None and has_texts(rows, column)


def _require_table(folder: Path, files: _Files, *, is_readable: bool) -> None:
    """Raise DataError where a folder has transcripts and no table that names them.

    What is read as a table, or is texts alone, has a message of its own.
    """
    suspects = [name for name in files.transcripts if not (is_readable and find_suffix(Path(name)) in FORMATS)]
    is_texts = all(find_suffix(Path(name)) == TEXTS and "/" not in name for name in files.transcripts)
    if files.have_dialogues or (is_texts and not files.problems):
        return
    found = _find_transcript(folder, suspects)
    if found is None:
        return
    problems = f" {files.problems[0]}." if files.problems else ""
    raise DataError(
        f"{folder}: holds transcripts, such as {list_some([found])}, and no table of their summaries.{problems} Put "
        f"one beside them, as summaries.csv with the header {FILE_COLUMNS[0]},summary and a row for each, such as: "
        f"{list_some([found])},Anna asks Bob to call back."
    )


def _find_transcript(folder: Path, files: Sequence[str]) -> str | None:
    """Return the first file that is a transcript for certain."""
    for name in files:
        with suppress(DataError):
            if any(True for _ in read_conversations(folder / name)):
                return name
    return None


def _read_tables(folder: Path, files: _Files, config: DataConfig) -> RawSource:
    """Read the tables of summaries, by split as any others. Raises DataError."""
    if config.files is not None:
        return read_source(config)
    near = [name for name in files.summaries if not _lies_apart(name)]
    if not near and len(files.summaries) == 1:
        return read_source(config.model_copy(update={"source": str(folder / files.summaries[0])}))
    if near:
        files.others += [name for name in files.summaries if name not in near]
    try:
        return read_source(config, but={folder / name for name in (*files.transcripts, *files.others)})
    except DataError as error:
        if len(files.summaries) < 2 or any(map(find_folder_split, near)) or any(map(find_split, near)):
            raise
        raise DataError(
            f"{folder}: several tables of summaries: {list_some(files.summaries)}. Put all rows into one, call them "
            "like splits (train.csv, test.csv), or name them: data.files: {train: …, validation: …, test: …}."
        ) from error


def _lies_apart(name: str) -> bool:
    """Whether a table lies in a sub-folder in which none is looked for."""
    parts = Path(name).parts[:-1]
    return bool(parts) and (len(parts) > 1 or (parts[0] != "data" and find_folder_split(name) is None))


__all__ = ["DIALOGUE", "holds_dialogues", "read_summarized"]
