"""The transcripts of a folder by what a table calls them: a path, a file's name or stem, `file#conversation`.

What is meant by a name is never guessed: one that fits nothing, or several, is a DataError. A file is read when a row
first names it, or where a name fits no file and may be a conversation's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from dialora.data.reading.splits import find_split
from dialora.data.transcripts.conversation import fold, quote
from dialora.data.transcripts.dialogue import to_dialogue
from dialora.data.transcripts.reading import find_name, read_conversations
from dialora.errors import DataError

_SIGN = "#"
"""Between a file and one of its conversations."""
_SHOWN = 5
"""Names in a message."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation of a file as a dialogue."""

    id: str
    """Its file's path in the folder, and its own name where the file holds several."""
    file: str
    name: str
    text: str
    format: str
    counts: Mapping[str, int]


@dataclass(slots=True)
class TranscriptFolder:
    """The files of a folder that may be transcripts, by their paths in it."""

    folder: Path
    files: Sequence[str]
    notes: list[str] = field(default_factory=list)
    """What was left out of the files that were read."""
    _read: dict[str, list[Transcript]] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)
    """Why a file cannot be read."""
    _indexes: dict[str | None, list[dict[str, list[str]]]] = field(default_factory=dict)
    """For the rows of each split, files by what they may be called, from the surest to the shortest names."""
    _by_own_name: dict[str, list[Transcript]] | None = None

    def is_named(self, name: str, split: str | None, *, by_own_name: bool = False) -> bool:
        """Whether a name fits any file; with `by_own_name`, any conversation."""
        parts = (name, *(name[:at] for at in _find_signs(name)))
        return any(self._find_files(part, split) for part in parts) or (
            by_own_name and bool(self._find_by_own_name(name, split))
        )

    def find(self, name: str, split: str | None, where: str) -> Transcript:
        """Return the transcript that a row of a split names; `where` is the row. Raises DataError unless it is one."""
        found = self._find(name, split, where)
        if not found:
            there = [one.id for read in self._read.values() for one in read]
            unread = f" Could not be read: {list_some(self._problems)}." if self._problems else ""
            raise DataError(
                f"{where}: no transcript is called {quote(name)}; give its path in {self.folder}, its file's name, "
                f"with or without suffix, or FILE{_SIGN}CONVERSATION. Found: {list_some(there)}.{unread}"
            )
        ids = list(dict.fromkeys(one.id for one in found))
        if len(ids) > 1:
            raise DataError(f"{where}: {quote(name)} could be {list_some(ids)}; name one as it stands here.")
        if len(found) > 1:
            raise DataError(
                f"{where}: {quote(name)} is what {len(found)} conversations of {found[0].file} are called, so none of "
                "them can be named; divide the file."
            )
        return found[0]

    def list_others(self, used: Collection[str]) -> list[str]:
        """Return what is there besides the transcripts with these ids: files, and conversations of files in use."""
        others = []
        for file in self.files:
            read = self._read.get(file, [])
            unused = [one.id for one in read if one.id not in used]
            others += unused if len(unused) < len(read) else [file]
        return others

    def _find(self, name: str, split: str | None, where: str) -> Sequence[Transcript]:
        """Return the transcripts that a name could mean."""
        files = self._find_files(name, split)
        if len(files) > 1:
            raise DataError(f"{where}: {quote(name)} could be {list_some(files)}; name one as it stands here.")
        if files:
            return self._require_file(files[0], where)
        for at in _find_signs(name):
            files = self._find_files(name[:at], split)
            if len(files) == 1:
                return self._find_in(files[0], name[at + 1 :], where)
        return self._find_by_own_name(name, split)

    def _find_in(self, file: str, name: str, where: str) -> list[Transcript]:
        read = self._require_file(file, where)
        found = [one for one in read if _normalise_own(one.name) == _normalise_own(name)]
        if not found:
            raise DataError(
                f"{where}: no conversation of {file} is called {quote(name)}. Found: "
                f"{list_some(one.name for one in read)}."
            )
        return found

    def _find_files(self, name: str, split: str | None) -> list[str]:
        if split not in self._indexes:
            self._indexes[split] = _index_files(self.files, split)
        name = normalise_path(name)
        return next((index[name] for index in self._indexes[split] if name in index), [])

    def _find_by_own_name(self, name: str, split: str | None) -> list[Transcript]:
        if self._by_own_name is None:
            self._by_own_name = {}
            for one in (one for file in self.files if self._read_file(file) for one in self._read[file]):
                self._by_own_name.setdefault(_normalise_own(one.name), []).append(one)
        found = self._by_own_name.get(_normalise_own(name), [])
        return [one for one in found if _is_open_to(one.file, split)]

    def _require_file(self, file: str, where: str) -> list[Transcript]:
        if not self._read_file(file):
            raise DataError(f"{self._problems[file]} It is what {where} names.")
        return self._read[file]

    def _read_file(self, file: str) -> bool:
        """Read a file once; return whether it could be."""
        if file not in self._read and file not in self._problems:
            try:
                found = list(read_conversations(self.folder / file, notes=self.notes))
            except DataError as error:
                self._problems[file] = str(error)
            else:
                ids = [file] if len(found) == 1 else [f"{file}{_SIGN}{one.name}" for one in found]
                self._read[file] = [
                    Transcript(id_, file, one.name, to_dialogue(one, "names").text, one.format, one.counts)
                    for id_, one in zip(ids, found, strict=True)
                ]
        return file in self._read


def find_folder_split(file: str) -> str | None:
    """Return the split that the sub-folder of a file names, by its path; None where it lies in none such."""
    first, slash, _ = file.partition("/")
    return find_split(first) if slash else None


def normalise_path(name: str) -> str:
    """Return a path as it is compared; a Mac writes accents as signs of their own."""
    return normalize("NFC", name.strip().replace("\\", "/").removeprefix("./"))


def list_some(names: Iterable[str]) -> str:
    """Return the first names for a message, and how many more there are."""
    names = list(names)
    more = [f"and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
    # A file's name may be in no encoding at all.
    return ", ".join(name.encode(errors="backslashreplace").decode() for name in names[:_SHOWN] + more) or "none"


def _index_files(files: Sequence[str], split: str | None) -> list[dict[str, list[str]]]:
    """Return files by whole path; then those of the split's folder, then those of no split's, by shorter names."""
    whole: dict[str, list[str]] = {normalise_path(file): [file] for file in files}
    own = {file: file.partition("/")[2] for file in files if split and find_folder_split(file) == split}
    others = {file: file for file in files if file not in own and _is_open_to(file, split)}
    indexes = [whole]
    for scope in (own, others):
        by_path: dict[str, list[str]] = {}
        by_name: dict[str, list[str]] = {}
        by_stem: dict[str, list[str]] = {}
        for file, path in scope.items():
            names = PurePosixPath(normalise_path(path))
            stems = {names.stem, find_name(names)}
            by_path[str(names)] = [file]
            by_name.setdefault(names.name, []).append(file)
            # A stem stands for a path without suffix too.
            for stem in stems | {str(names.with_name(stem)) for stem in stems}:
                by_stem.setdefault(stem, []).append(file)
        indexes += [by_path, by_name, by_stem]
    return indexes


def _is_open_to(file: str, split: str | None) -> bool:
    """Whether a row of a split can name a file by less than its path: not one in the folder of another split."""
    return split is None or find_folder_split(file) in (split, None)


def _find_signs(name: str) -> list[int]:
    return [at for at, sign in enumerate(name) if sign == _SIGN]


def _normalise_own(name: str) -> str:
    return normalize("NFC", fold(name))


__all__ = ["Transcript", "TranscriptFolder", "find_folder_split", "list_some", "normalise_path"]
