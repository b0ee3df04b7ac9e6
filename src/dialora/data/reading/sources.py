"""A source → splits of raw rows; what the columns mean is not decided here.

Takes a file or folder of any format (see `formats`), a hub id, or `bundled`. Gives a RawSource. Splits are recognised
by whole words in file names (`dialogsum.dev.jsonl`), in a JSON object's keys or in the hub's split names, or named as
`data.files`. No row is lost silently: what belongs to no split stands in the notes, what cannot be read is a DataError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from importlib import resources
from pathlib import Path

from dialora.config import BUNDLED, DataConfig
from dialora.data.reading.files import reading_explained, shorten_path
from dialora.data.reading.folders import read_folder, read_named_files, read_single_file
from dialora.data.reading.formats import FORMATS, find_suffix, is_known_suffix
from dialora.data.reading.hub import read_hub
from dialora.data.reading.raw import RawSource
from dialora.errors import DataError


def read_source(config: DataConfig, *, but: Collection[Path] = ()) -> RawSource:
    """Read every row of `config.source`; of a folder, `but` are files that hold no rows. Raises DataError."""
    source = config.source.strip()
    path = Path(os.path.expanduser(source))
    with reading_explained(path):
        if source == BUNDLED:
            _refuse_without_effect(config, "files", "the bundled dialogues have splits of their own")
            _refuse_without_effect(config, "name", "the bundled dialogues have no configurations")
            with resources.as_file(resources.files("dialora") / "assets" / "dialogues") as folder:
                return read_folder(folder)
        if config.files is not None:
            _refuse_without_effect(config, "name", "it names a configuration of a hub data set, and files are named")
            return read_named_files(path, config.files)
        if source and "\0" not in source and _is_there(path):
            _refuse_without_effect(
                config, "name", f"it names a configuration on the hub; {shorten_path(source)} is here"
            )
            return read_folder(path, but=but) if path.is_dir() else read_single_file(path)
    if _looks_like_path(source):
        raise DataError(f"{shorten_path(source)}: no such file or folder. Relative paths count from {Path.cwd()}.")
    return read_hub(source, name=config.name, revision=config.revision)


def find_folder(config: DataConfig) -> Path | None:
    """Return the folder here that `config.source` names; None where it names something else."""
    source = config.source.strip()
    path = Path(os.path.expanduser(source))
    # What cannot even be looked at is told when it is read.
    return path if source not in ("", BUNDLED) and os.path.isdir(path) else None


def _refuse_without_effect(config: DataConfig, option: str, reason: str) -> None:
    """Raise DataError where an option is set that this source would not listen to."""
    if getattr(config, option) is not None:
        raise DataError(f"data.{option}: {reason}; leave it out, or name another data.source.")


def _is_there(path: Path) -> bool:
    """Whether something lies there. Raises OSError where the system cannot tell."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _looks_like_path(source: str) -> bool:
    is_hub_id = re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", source, re.ASCII)
    suffix = find_suffix(Path(source))
    return not is_hub_id or suffix in FORMATS or is_known_suffix(suffix)


__all__ = ["find_folder", "read_source"]
