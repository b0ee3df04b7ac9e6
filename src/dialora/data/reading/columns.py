"""Which column of a table plays which role: recognised by name, or named in the experiment file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialora.config import DataConfig
from dialora.data.reading.raw import RawSource, Row
from dialora.data.reading.text import require_whole
from dialora.errors import DataError

DIALOGUE_COLUMNS = ("dialogue", "dialog", "conversation", "text", "transcript")
SUMMARY_COLUMNS = ("summary", "highlights", "target")
ID_COLUMNS = ("id", "fname", "dialogue_id", "guid")
TOPIC_COLUMNS = ("topic", "topic1")
_NUMBERED_SUMMARY = re.compile(r"summary_?(\d+)")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one split behind each role."""

    dialogue: str
    summaries: tuple[str, ...]
    id: str | None
    topic: str | None

    def roles(self) -> dict[str, list[str]]:
        """Return the column names behind each role that has any."""
        named = {"dialogue": [self.dialogue], "summary": list(self.summaries)}
        return named | {role: [name] for role, name in (("id", self.id), ("topic", self.topic)) if name is not None}


def column_names(rows: Iterable[Row]) -> list[str]:
    """Return every column that some row has, in order of appearance. Raises DataError as `require_whole` does."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [require_whole(name, f"column {name!r}", "name") for name in names]


def check_named_columns(source: RawSource, config: DataConfig) -> None:
    """Raise DataError where a column named in the config stands in no split."""
    present = column_names(row for rows in (*source.splits.values(), source.unsplit) for row in rows)
    named = [("dialogue_column", config.dialogue_column), ("id_column", config.id_column)]
    named += [
        ("topic_column", config.topic_column),
        *(("summary_columns", name) for name in config.summary_columns or ()),
    ]
    for key, name in named:
        if name is not None and name not in present:
            raise DataError(f"data.{key}: {name!r} is not a column. Columns: {', '.join(present)}.")


def find_columns(present: list[str], config: DataConfig, split: str, notes: list[str]) -> Columns:
    """Find the column of each role in one split. Raises DataError when dialogue or summary has none."""
    return Columns(
        dialogue=find_dialogue_column(present, config, split, notes),
        summaries=_find_summary_columns(present, config, split, notes),
        id=find_optional(present, config.id_column, ID_COLUMNS),
        topic=find_optional(present, config.topic_column, TOPIC_COLUMNS),
    )


def find_dialogue_column(present: list[str], config: DataConfig, split: str, notes: list[str]) -> str:
    """Find the column that holds the dialogue. Raises DataError when there is none."""
    if config.dialogue_column is not None and config.dialogue_column in present:
        return config.dialogue_column
    found = [] if config.dialogue_column else _recognise(present, DIALOGUE_COLUMNS)
    if not found:
        raise _missing("dialogue", split, present, DIALOGUE_COLUMNS, "data.dialogue_column")
    if len(found) > 1:
        notes.append(f"{split}: {found[0]!r} is read as the dialogue; {', '.join(found[1:])} could be it too.")
    return found[0]


def _find_summary_columns(present: list[str], config: DataConfig, split: str, notes: list[str]) -> tuple[str, ...]:
    if config.summary_columns is not None:
        candidates = [[name for name in config.summary_columns if name in present]]
    else:
        numbered = [
            (int(match[1]), name) for name in present if (match := _NUMBERED_SUMMARY.fullmatch(normalise_name(name)))
        ]
        plain, *others = ([name for name in present if normalise_name(name) == known] for known in SUMMARY_COLUMNS)
        candidates = [plain[:1] + [name for _, name in sorted(numbered)], *others]
    candidates = [names for names in candidates if names]
    if not candidates:
        raise _missing("summary", split, present, (*SUMMARY_COLUMNS, "summary1..N"), "data.summary_columns")
    found, *others = candidates
    if others:
        ignored = ", ".join(name for names in others for name in names)
        notes.append(f"{split}: {', '.join(found)} is read as the summary; {ignored} could be it too.")
    return tuple(found)


def find_optional(present: list[str], named: str | None, known: Sequence[str]) -> str | None:
    """Find a column that need not be there: the named one, or else the first with a known name."""
    if named is not None:
        return named if named in present else None
    return next(iter(_recognise(present, known)), None)


def _recognise(present: list[str], known: Sequence[str]) -> list[str]:
    """Return the columns with a known name, in the order of preference."""
    return [name for wanted in known for name in present if normalise_name(name) == wanted]


def normalise_name(name: str) -> str:
    """Return a column or key name as it is compared."""
    return name.strip().casefold()


def _missing(role: str, split: str, present: list[str], known: Sequence[str], option: str) -> DataError:
    cannot = ", so nothing can be scored" if (split, role) == ("test", "summary") else ""
    return DataError(
        f"{split}: no {role} column{cannot}. Columns: {', '.join(present) or 'none'}. Recognised: {', '.join(known)}; "
        f"{option} names another."
    )


__all__ = [
    "DIALOGUE_COLUMNS",
    "ID_COLUMNS",
    "TOPIC_COLUMNS",
    "Columns",
    "check_named_columns",
    "column_names",
    "find_columns",
    "find_dialogue_column",
    "find_optional",
    "normalise_name",
]
