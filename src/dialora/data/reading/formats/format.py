"""Format: what every format of a file is, and how a file's is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from dialora.config.outputs import GZIP, find_stem
from dialora.data.reading.files import require_file
from dialora.data.reading.raw import Content, Row
from dialora.errors import DataError

FORMATS: dict[str, Format] = {}
"""By suffix, in lower case."""
_ARCHIVE = "archives are not read; unpack it and give the file or folder"
_WORKBOOK = "workbooks of this kind are not read; save it as .xlsx, or the sheet as “CSV UTF-8”"
_UNREAD = {
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst"), _ARCHIVE),
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), _WORKBOOK),
    **dict.fromkeys((".pkl", ".pickle", ".pt"), "a pickle can run code and is not opened; save the table as Parquet"),
    ".py": "data sets that are programs are not run; download the data themselves",
    **dict.fromkeys((".xml", ".yaml", ".yml"), "save it as JSON lines or CSV"),
}
"""What is no format here, and what to do with it."""


class Format:
    """One format of a file."""

    suffixes: ClassVar[tuple[str, ...]]
    has_summaries: ClassVar[bool] = True
    """Its rows may hold summaries: it can be data to train and score on, not to summarize alone."""
    is_bounded: ClassVar[bool] = True
    """Its packed size, or a look at it, tells how large it is: it can be taken from anybody."""
    companions: ClassVar[tuple[str, ...]] = ()
    """Suffixes of files that belong to one of this format and are read with it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the class in FORMATS under its suffixes."""
        super().__init_subclass__(**kwargs)
        FORMATS.update(dict.fromkeys(cls.suffixes, cls()))

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give every row with its place, as in ("line 3", {…}). Raises DataError."""
        raise NotImplementedError

    def read(self, path: Path) -> Content:
        """Read all rows, or several lists of them where a file of this format may name splits. Raises DataError."""
        return [row for _, row in self.stream(path)]

    def describe(self, path: Path) -> tuple[str, ...]:
        """Say what had to be guessed to read a file."""
        return ()


def find_format(path: Path, *, needs_summaries: bool = True) -> Format:
    """Return the format of a file by its suffix. Raises DataError where it is no file with data, or of none."""
    require_file(path)
    suffix = find_suffix(path)
    found = FORMATS.get(suffix)
    if found is None or (needs_summaries and not found.has_summaries):
        if suffix in _UNREAD:
            raise DataError(f"{path}: unknown format {suffix!r}: {_UNREAD[suffix]}.")
        if found is not None:
            raise DataError(
                f"{path}: a text file is one dialogue, which `dialora summarize` takes. To train or score, put "
                "dialogues and summaries in a table, as in chats.csv with the columns dialogue and summary; texts with "
                "a dialogue and a summary on each line are called train.source and train.target."
            )
        allowed = list_suffixes(needs_summaries=needs_summaries) + ("" if needs_summaries else "; or a folder of .txt")
        raise DataError(f"{path}: unknown format {suffix!r}; the format is recognised by its suffix: {allowed}.")
    return found


def find_suffix(path: Path) -> str:
    """Return the suffix that tells a file's format, in lower case: `.csv` of `data.csv.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-2] if len(suffixes) > 1 and suffixes[-1] == GZIP else (suffixes or [""])[-1]


def is_known_suffix(suffix: str) -> bool:
    """Whether a suffix is one of files, of a format that is read or not."""
    return suffix in FORMATS or suffix in _UNREAD or suffix == GZIP


def list_suffixes(*, needs_summaries: bool = True) -> str:
    """Return the suffixes of all formats, as in `.csv, .tsv or .json`."""
    *others, last = sorted(name for name, one in FORMATS.items() if one.has_summaries or not needs_summaries)
    return f"{', '.join(others)} or {last}"


__all__ = ["FORMATS", "Format", "find_format", "find_stem", "find_suffix", "is_known_suffix", "list_suffixes"]
