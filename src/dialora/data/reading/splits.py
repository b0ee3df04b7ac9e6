"""Which split a name stands for, and rows sorted by such names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import and_
from pathlib import Path

from dialora.data.reading.raw import Content, RawSource, Row
from dialora.errors import DataError

SPLITS = ("train", "validation", "test")
NAMING = "a split is recognised by a whole word in its name: train, validation (valid, val, dev, eval) or test"
_WORDS = (
    {split: split for split in SPLITS}
    | dict.fromkeys(("valid", "val", "dev", "eval"), "validation")
    | {"training": "train", "testing": "test"}
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def find_split(name: str) -> str | None:
    """Return the split a file or split name stands for, or None where it names none or several."""
    return _find_in(split_name(name))


def find_numbered_split(name: str) -> str | None:
    """Return the split that a name with a number at its word stands for (`test1`), or None."""
    return _find_in([word.rstrip("0123456789") for word in split_name(name)])


def find_distinct_splits(names: Sequence[str]) -> dict[str, str]:
    """Return the split of each name by what tells it from the others, nothing unless that names one for each of them.

    `my_test_project_train` and `my_test_project_test` have the word test in common.
    """
    words = {name: Counter(split_name(name)) for name in names}
    shared = reduce(and_, words.values()) if words else Counter[str]()
    found = {name: _find_in(list((own - shared).elements())) for name, own in words.items()}
    return {name: split for name, split in found.items() if split} if all(found.values()) else {}


def split_name(name: str) -> list[str]:
    """Return the words of a name in lower case; `TrainingSet` is two."""
    return [word for word in re.split(r"[\W_]+", _CAMEL.sub("_", name).lower()) if word]


def _find_in(words: Sequence[str]) -> str | None:
    found = {_WORDS[word] for word in words if word in _WORDS}
    return found.pop() if len(found) == 1 else None


def sort_into_splits(named: dict[str, list[Row]], *, where: str) -> RawSource:
    """Sort rows kept under names into splits; a lone list under another name stays unsplit. Raises DataError."""
    owners: dict[str, str] = {}
    for name in filter(find_split, named):
        split = str(find_split(name))
        if owners.setdefault(split, name) != name:
            raise DataError(f"{where}: {owners[split]!r} and {name!r} both name the {split} split; keep one of them.")
    if not owners and len(named) == 1:
        return RawSource({}, next(iter(named.values())))
    if not owners:
        raise DataError(f"{where}: no split found; {NAMING}. Found: {join_names(list(named))}.")
    splits = {split: named[owners[split]] for split in SPLITS if split in owners}
    return RawSource(splits, [], note_left_out(where, [name for name in named if name not in owners.values()]))


def require_one_table(content: Content, path: Path) -> list[Row]:
    """Return a file's rows. Raises DataError where it holds several splits."""
    if isinstance(content, dict):
        raise DataError(
            f"{path}: holds several splits ({', '.join(content)}); give this file itself as data.source, or a file for "
            "each of them."
        )
    return content


def note_left_out(where: str | Path, items: Sequence[str | Path]) -> tuple[str, ...]:
    """Say what belongs to no split; nothing where everything does."""
    return (f"{where}: left out what belongs to no split ({len(items)}): {join_names(items)}.",) if items else ()


def join_names(items: Sequence[str | Path], limit: int = 10) -> str:
    """Return names, or files' names, as a list in words."""
    names = [item.name if isinstance(item, Path) else item for item in items[:limit]]
    # A file's name may be in no encoding at all.
    names = [name.encode(errors="backslashreplace").decode() for name in names]
    more = [f"and {len(items) - limit} more"] if len(items) > limit else []
    return ", ".join(names + more) or "nothing"


__all__ = [
    "NAMING",
    "SPLITS",
    "find_distinct_splits",
    "find_numbered_split",
    "find_split",
    "join_names",
    "note_left_out",
    "require_one_table",
    "sort_into_splits",
    "split_name",
]
