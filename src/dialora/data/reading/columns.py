"""Which column of a table plays which role: recognised by name, or named in the experiment file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dialora.config import DataConfig
from dialora.data.reading.raw import RawSource
from dialora.data.reading.text import normalise_name, require_whole
from dialora.data.reading.written_lists import looks_like_list
from dialora.errors import DataError

DIALOGUE_COLUMNS = ("dialogue", "dialog", "conversation", "text", "transcript")
OTHER_DIALOGUE_COLUMNS = (
    *("dialogues", "dialogs", "conversations", "dialogue_text", "turns", "utterances", "messages", "utt", "chat"),
    *("document", "article", "source", "src", "input", "input_text", "source_text", "prompt"),
)
"""Read where none of the former is there."""
SUMMARY_COLUMNS = ("summary", "highlights", "target")
OTHER_SUMMARY_COLUMNS = (
    *("summaries", "reference_summary", "gold_summary", "human_summary", "summary_text", "abstract", "section_text"),
    *("reference", "references", "headline", "headlines", "tgt", "target_text", "output", "response", "labels"),
)
ID_COLUMNS = ("id", "fname", "dialogue_id", "guid")
TOPIC_COLUMNS = ("topic", "topic1")
SPEAKER_COLUMNS = ("speaker", "speakers", "roles", "participants", "authors", "users", "names")
"""Lists of who says each turn, beside lists of turns."""
SPLIT_COLUMN = "split"
NO_COLUMN = "none"
"""As `id_column`: the rows are numbered, whatever columns there are."""
LONGEST_NAME = 60
_MOST_WORDS = 3
"""Of a name, unless it names a role."""
_ENDS = (".", "!", "?", "…", "。")
_NUMBER = re.compile(r"[+-]?\d[\d.,:/-]*")
_KNOWN = (*DIALOGUE_COLUMNS, *OTHER_DIALOGUE_COLUMNS, *SUMMARY_COLUMNS, *OTHER_SUMMARY_COLUMNS, *ID_COLUMNS)
_ROLE_WORDS = {word for name in _KNOWN for word in name.split("_")} | {"model", "system", "outputs", "generated"}
_SPACE = re.compile(r"[\s_-]+")
_NUMBERED_SUMMARY = re.compile(r"summary_?(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one split behind each role."""

    dialogue: str
    summaries: tuple[str, ...]
    id: str | None
    topic: str | None
    speakers: str | None = None
    """Of the turns, where they stand in a list beside them."""

    def roles(self) -> dict[str, list[str]]:
        """Return the column names behind each role that has any."""
        named = {"dialogue": [self.dialogue], "summary": list(self.summaries)}
        single = (("id", self.id), ("topic", self.topic), ("speakers", self.speakers))
        return named | {role: [name] for role, name in single if name is not None}


def column_names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return every column that some row has, in order of appearance. Raises DataError as `require_whole` does."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [require_whole(name, f"column {name!r}", "name") for name in names]


def check_named_columns(source: RawSource, config: DataConfig) -> None:
    """Raise DataError where a column named in the config stands in no split."""
    present = column_names(row for rows in (*source.splits.values(), source.unsplit) for row in rows)
    named = [(key, getattr(config, key)) for key in ("dialogue_column", "topic_column", "split_column")]
    named += [
        ("id_column", None if config.id_column == NO_COLUMN else config.id_column),
        *(("summary_columns", name) for name in config.summary_columns or ()),
    ]
    for key, name in named:
        if name is not None and name not in present:
            raise DataError(f"data.{key}: {name!r} is not a column. Columns: {list_columns(present)}.")


def find_columns(present: list[str], config: DataConfig, split: str, notes: list[str]) -> Columns:
    """Find the column of each role in one split. Raises DataError when dialogue or summary has none."""
    return Columns(
        dialogue=find_dialogue_column(present, config, split, notes),
        summaries=find_summary_columns(present, config, split, notes),
        id=find_optional(present, config.id_column, ID_COLUMNS),
        topic=find_optional(present, config.topic_column, TOPIC_COLUMNS),
    )


def find_dialogue_column(present: list[str], config: DataConfig, split: str, notes: list[str]) -> str:
    """Find the column that holds the dialogue. Raises DataError when there is none."""
    if config.dialogue_column is not None and config.dialogue_column in present:
        return config.dialogue_column
    found = [] if config.dialogue_column else _recognise(present, DIALOGUE_COLUMNS)
    if not found and not config.dialogue_column:
        found = [name for known in OTHER_DIALOGUE_COLUMNS for name in _find_numbered(present, known)[:1]]
    if not found:
        known = (*DIALOGUE_COLUMNS, *OTHER_DIALOGUE_COLUMNS)
        raise _missing("dialogue", split, present, known, "data.dialogue_column")
    if len(found) > 1:
        notes.append(f"{split}: {found[0]!r} is read as the dialogue; {', '.join(found[1:])} could be it too.")
    return found[0]


def find_summary_columns(present: list[str], config: DataConfig, split: str, notes: list[str]) -> tuple[str, ...]:
    """Find the columns that hold summaries. Raises DataError when there is none."""
    if config.summary_columns is not None:
        candidates = [[name for name in config.summary_columns if name in present]]
    else:
        numbered = [
            (int(match[1]), name) for name in present if (match := _NUMBERED_SUMMARY.fullmatch(normalise_name(name)))
        ]
        plain, *others = ([name for name in present if normalise_name(name) == known] for known in SUMMARY_COLUMNS)
        candidates = [plain[:1] + [name for _, name in sorted(numbered)], *others]
        if not any(candidates):
            candidates = [_find_numbered(present, known) for known in OTHER_SUMMARY_COLUMNS]
    candidates = [names for names in candidates if names]
    if not candidates:
        known = (*SUMMARY_COLUMNS, "summary1..N", *OTHER_SUMMARY_COLUMNS)
        raise _missing("summary", split, present, known, "data.summary_columns")
    found, *others = candidates
    if others:
        ignored = ", ".join(name for names in others for name in names)
        notes.append(f"{split}: {', '.join(found)} is read as the summary; {ignored} could be it too.")
    return tuple(found)


def find_speakers_column(rows: Sequence[Mapping[str, Any]], columns: Columns) -> Columns:
    """Return the columns with that of the speakers, where turns and speakers are lists beside each other."""
    for row in rows:
        if row.get(columns.dialogue):
            names = [name for name in row if normalise_name(name) in SPEAKER_COLUMNS and _is_list(row[name])]
            is_list = _is_list(row[columns.dialogue])
            return replace(columns, speakers=names[0]) if is_list and len(names) == 1 else columns
    return columns


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and looks_like_list(value.strip()))


def find_optional(present: list[str], named: str | None, known: Sequence[str]) -> str | None:
    """Find a column that need not be there: the named one, or else the first with a known name."""
    if named == NO_COLUMN and known is ID_COLUMNS:
        return None
    if named is not None:
        return named if named in present else None
    return next(iter(_recognise(present, known)), None)


def _recognise(present: list[str], known: Sequence[str]) -> list[str]:
    """Return the columns with a known name, in the order of preference."""
    return [name for wanted in known for name in present if normalise_name(name) == wanted]


def _find_numbered(present: list[str], known: str) -> list[str]:
    """Return the columns with a known name, alone or numbered, whatever stands between its words."""
    names = {name: re.fullmatch(rf"{known}_?(\d{{0,9}})", _SPACE.sub("_", normalise_name(name))) for name in present}
    return [name for _, name in sorted((int(match[1] or 0), name) for name, match in names.items() if match)]


def list_columns(present: Sequence[str]) -> str:
    """Return the names of columns for a message, on one line and none of them longer than a name is."""
    names = [" ".join(name.split()) for name in present]
    names = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in names]
    return ", ".join(names) or "none"


def looks_like_data(names: Sequence[str]) -> bool:
    """Whether what should be the names of columns is a row: it holds a sentence, an utterance or a number.

    The numbers that pandas gives to columns without names (0, 1, 2) are names.
    """
    names = [name.strip() for name in names if name.strip()]
    if names == [str(at) for at in range(len(names))]:
        return False
    return any(
        "\n" in name or len(name) > LONGEST_NAME or bool(_NUMBER.fullmatch(name)) or _is_prose(name) for name in names
    )


def _is_prose(name: str) -> bool:
    words = name.split()
    is_named = any(word in _ROLE_WORDS for word in re.split(r"[\W_\d]+", name.casefold()))
    return len(words) >= _MOST_WORDS and (name.endswith(_ENDS) or not is_named)


def _missing(role: str, split: str, present: list[str], known: Sequence[str], option: str) -> DataError:
    cannot = ", so nothing can be scored" if (split, role) == ("test", "summary") else ""
    if looks_like_data(present):
        return DataError(
            f"{split}: no {role} column{cannot}: the first row looks like data, not like a header. Add a header "
            f"such as id,dialogue,summary as the first line; {option} names a column that is one. Columns: "
            f"{list_columns(present)}."
        )
    is_chat = role == "summary" and any(normalise_name(name) == "messages" for name in present)
    hint = (
        " A chat of prompt and answer is not taken apart: give dialogue and summary a column each." if is_chat else ""
    )
    return DataError(
        f"{split}: no {role} column{cannot}. Columns: {list_columns(present)}. Recognised: {', '.join(known)}; "
        f"{option} names another.{hint}"
    )


__all__ = [
    "DIALOGUE_COLUMNS",
    "ID_COLUMNS",
    "NO_COLUMN",
    "OTHER_DIALOGUE_COLUMNS",
    "OTHER_SUMMARY_COLUMNS",
    "SPLIT_COLUMN",
    "SUMMARY_COLUMNS",
    "TOPIC_COLUMNS",
    "Columns",
    "check_named_columns",
    "column_names",
    "find_columns",
    "find_dialogue_column",
    "find_optional",
    "find_speakers_column",
    "find_summary_columns",
    "list_columns",
    "looks_like_data",
    "normalise_name",
]
