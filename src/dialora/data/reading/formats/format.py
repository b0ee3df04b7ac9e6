"""Format: what every format of a file is, and how a file's is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from dialora.data.reading.raw import Content, Row
from dialora.errors import DataError

FORMATS: dict[str, Format] = {}
"""By suffix, in lower case."""


class Format:
    """One format of a file."""

    suffixes: ClassVar[tuple[str, ...]]
    has_summaries: ClassVar[bool] = True
    """Its rows may hold summaries: it can be data to train and score on, not to summarize alone."""

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


def find_format(path: Path, *, needs_summaries: bool = True) -> Format:
    """Return the format of a file by its suffix. Raises DataError where there is none."""
    found = FORMATS.get(path.suffix.lower())
    if found is None or (needs_summaries and not found.has_summaries):
        allowed = list_suffixes(needs_summaries=needs_summaries) + ("" if needs_summaries else "; or a folder of .txt")
        raise DataError(f"{path}: unknown format {path.suffix!r}; the format is recognised by its suffix: {allowed}.")
    return found


def list_suffixes(*, needs_summaries: bool = True) -> str:
    """Return the suffixes of all formats, as in `.csv, .tsv or .json`."""
    *others, last = sorted(name for name, one in FORMATS.items() if one.has_summaries or not needs_summaries)
    return f"{', '.join(others)} or {last}"


__all__ = ["FORMATS", "Format", "find_format", "list_suffixes"]
