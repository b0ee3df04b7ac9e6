"""Which column of a table of outputs plays which role: recognised by name, or named with `outputs.*`.

What is left when references, dialogues, ids and topics are found are systems, if it can be: a column of numbers, of
token ids, of labels or of prompts is none. What is left out stands in the notes with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from dialora.config import OutputsConfig
from dialora.data.reading.cells import find_summary_key
from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    ID_COLUMNS,
    TOPIC_COLUMNS,
    column_names,
    find_optional,
    list_columns,
    looks_like_data,
)
from dialora.data.reading.formats import find_suffix
from dialora.data.reading.raw import Row
from dialora.data.reading.rows import is_empty
from dialora.data.reading.written_lists import is_token_ids
from dialora.errors import DataError
from dialora.methods import METHODS
from dialora.store import names

REFERENCE_COLUMNS = (
    "reference", "ref", "human", "human_baseline", "gold", "golden", "target", "ground_truth", "groundtruth", "gt",
    "actual", "expected", "true", "label", "decoded_label", "highlight", "summary",
)  # fmt: skip
"""In the order of preference; each also in the plural, numbered, and with `summary` behind it."""
STRONG_REFERENCES = tuple(name for name in REFERENCE_COLUMNS if name not in ("highlight", "summary"))
"""Those that are no system's summary even where it might be that other columns, rows or files hold the references."""
SOURCE_COLUMNS = (*DIALOGUE_COLUMNS, "article", "document")
NOTEBOOK_COLUMNS = {
    "original_model_summaries": "zero_shot",
    "instruct_model_summaries": "full",
    "peft_model_summaries": "lora",
}
"""The columns of the notebook's file of outputs, and the methods they are of."""
_ENDING = re.compile(r"(?<=.)[_ -](model[_ -])?(summary|summaries|outputs?|predictions?|preds?)$", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?|nan|true|false", re.IGNORECASE)
_INDEX = re.compile(r"(unnamed:?_?[\d._]*|index|level_\d+)?")
_NO_SYSTEMS = re.compile(
    r"annotators?|raters?|time|timestamp|date|datetime|created(_at)?|lang|language|prompts?|instructions?|input(_text)?s?"
    r"|source(_text)?|split|dataset|domain|category|url|link|title|comments?|notes?|speakers?|version|seed"
)
_MAX_LABEL_WORDS, _MIN_REFERENCE_WORDS = 2, 4


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns behind each role."""

    references: tuple[str, ...]
    systems: tuple[str, ...]
    dialogue: str | None
    id: str | None
    topic: str | None

    def to_json(self) -> dict[str, list[str]]:
        """Return the column names behind each role that has any."""
        named = {"reference": list(self.references), "system": list(self.systems)}
        single = {"dialogue": self.dialogue, "id": self.id, "topic": self.topic}
        return {role: columns for role, columns in named.items() if columns} | {
            role: [name] for role, name in single.items() if name is not None
        }


def is_table(name: str | Path) -> bool:
    """Whether a name is that of outputs, and not of an experiment: a folder of data, or a file that is no YAML.

    What cannot be read as a table after all is refused by the reader, with the reason.
    """
    path = Path(name)
    if path.is_dir():
        return not (path / names.EXPERIMENT).exists()
    return find_suffix(path) not in ("", ".yaml", ".yml")


def find_roles(table: Sequence[Row], config: OutputsConfig, notes: list[str]) -> Roles:
    """Find each column's role. Raises DataError for a named one that is not there, and where there is no system."""
    named, present = config.outputs, column_names(table)
    check_named(present, config)
    taken = {*(named.system_columns or ()), *(named.reference_columns or ())}
    free = [name for name in present if name not in taken]
    single = find_single_roles(free, config)
    free = [name for name in free if name not in single.values()]
    references = named.reference_columns or find_references(free)
    free = [name for name in free if name not in references]
    if not references and named.dialogues is None:
        known = ", ".join((*REFERENCE_COLUMNS, "summary1..N"))
        raise _missing("reference", present, known, config)
    systems, left_out = named.system_columns, {name: "" for name in free if name.strip()}
    if systems is None:
        systems, left_out = find_systems(table, free, references=references, dialogue=single["dialogue"])
    if not systems:
        raise _missing("system", present, "any other column of summaries", config, left_out)
    notes += describe_left_out(left_out)
    return Roles(references, systems, **single)


def check_named(present: Sequence[str], config: OutputsConfig) -> None:
    """Raise DataError where a column that is named is not there."""
    for key, value in config.outputs.model_dump(exclude={"dialogues"}).items():
        for name in (value,) if isinstance(value, str) else value or ():
            if name not in present:
                raise DataError(
                    f"outputs.{key}: {name!r} is not a column. Columns: {', '.join(filter(None, present))}."
                )


def find_single_roles(free: list[str], config: OutputsConfig) -> dict[str, str | None]:
    """Find the columns of dialogues, ids and topics."""
    named = config.outputs
    return {
        "dialogue": find_optional(free, named.dialogue_column, SOURCE_COLUMNS),
        "id": find_optional(free, named.id_column, ID_COLUMNS),
        "topic": find_optional(free, named.topic_column, TOPIC_COLUMNS),
    }


def find_references(present: Sequence[str], known: Iterable[str] = REFERENCE_COLUMNS) -> tuple[str, ...]:
    """Return the columns of the first known name that is there: alone, numbered, or both."""
    for one in known:
        words = "(summary|summaries)" if one == "summary" else f"{one}s?(_(summary|summaries|texts?))?"
        numbers = {name: re.fullmatch(rf"{words}_?(?P<number>\d{{0,9}})", normalise(name)) for name in present}
        found = sorted((int(match["number"] or 0), name) for name, match in numbers.items() if match)
        if found:
            return tuple(name for _, name in found)
    return ()


def find_systems(
    table: Sequence[Row], free: Sequence[str], *, references: Sequence[str], dialogue: str | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the columns of what systems wrote, and the others with the reason why they are none."""
    typical = _count_words(table, references)
    is_prose = bool(typical) and median(typical) >= _MIN_REFERENCE_WORDS
    systems, left_out, labels = [], {}, []
    for name in free:
        if _INDEX.fullmatch(normalise(name)) and not _holds_words(table, name):
            if name.strip():
                left_out[name] = "an index"
            continue
        reason = _find_reason(table, name, dialogue)
        if reason:
            left_out[name] = reason
        elif is_prose and _holds_labels(table, name):
            labels.append(name)
        else:
            systems.append(name)
    if systems:
        left_out |= dict.fromkeys(labels, f"no more than {_MAX_LABEL_WORDS} words a cell, the same in many")
    return tuple(systems or labels), left_out


def describe_left_out(left_out: dict[str, str]) -> list[str]:
    """Say which columns are not used, and why."""
    if not left_out:
        return []
    columns = ", ".join(f"{name} ({reason})" if reason else name for name, reason in left_out.items())
    return [f"Columns left out: {columns}. `outputs.system_columns` names what is scored."]


def name_systems(columns: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (key, method, label) of each column; a method is told by its name, or by the notebook's columns."""
    short = [_ENDING.sub("", name.strip()) for name in columns]
    unique = [one if short.count(one) == 1 else column for one, column in zip(short, columns, strict=True)]
    named = []
    for column, name in zip(columns, unique, strict=True):
        method = NOTEBOOK_COLUMNS.get(normalise(column))
        named.append((name, method or name, METHODS[method].label if method else name))
    return named


def normalise(name: str) -> str:
    """Return a column's name as it is compared: in lower case, its words joined by underscores."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _find_reason(table: Sequence[Row], name: str, dialogue: str | None) -> str:
    """Return why a column is no system's; "" where it can be one."""
    values = [value for row in table if not is_empty(value := row.get(name)) and value != ""]
    if values and all(map(is_token_ids, values)):
        return "token ids, not text; decode them with their tokenizer"
    if not all(_can_hold_text(value) for value in values):
        return "numbers" if all(isinstance(value, int | float) for value in values) else "no text"
    if values and all(isinstance(value, str) and _NUMBER.fullmatch(value.strip()) for value in values):
        return "numbers"
    if _NO_SYSTEMS.fullmatch(normalise(name)):
        return "no system's name"
    if dialogue is not None and values and all(_holds_dialogue(row, name, dialogue) for row in table):
        return "the dialogues with something around them"
    return ""


def _holds_labels(table: Sequence[Row], name: str) -> bool:
    """Whether a column holds a few short words over and over: a language, a kind, who annotated."""
    values = [str(value) for row in table if not is_empty(value := row.get(name)) and value != ""]
    is_short = all(len(value.split()) <= _MAX_LABEL_WORDS for value in values)
    return bool(values) and is_short and (2 * len(set(values)) <= len(values) or len(set(values)) == 1)


def _can_hold_text(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str | dict) for item in value)
    return isinstance(value, str) or find_summary_key(value) is not None


def _holds_dialogue(row: Row, name: str, dialogue: str) -> bool:
    text, source = row.get(name), row.get(dialogue)
    if is_empty(text) or is_empty(source) or not source:
        return True
    return isinstance(text, str) and isinstance(source, str) and len(text) > len(source) and source in text


def _holds_words(table: Sequence[Row], name: str) -> bool:
    return any(isinstance(value := row.get(name), str) and re.search(r"[^\W\d_]", value) for row in table)


def _count_words(table: Sequence[Row], columns: Sequence[str]) -> list[int]:
    """Return the number of words of every text in some columns."""
    texts = (str(value) for row in table for name in columns if not is_empty(value := row.get(name)) and value != "")
    return [len(text.split()) for text in texts]


def _missing(
    role: str, present: Sequence[str], known: str, config: OutputsConfig, left_out: dict[str, str] | None = None
) -> DataError:
    reasons = left_out or {}
    named = ", ".join(f"{name} ({reasons[name]})" if name in reasons else name for name in present if name)
    if looks_like_data(present):
        return DataError(
            f"{config.table}: no {role} column: the first row looks like data, not like a header. Add a header such as "
            f"id,reference,model as the first line; outputs.{role}_columns names columns that are. Columns: "
            f"{list_columns([name for name in present if name])}."
        )
    is_chat = [normalise(name) for name in present if name] == ["messages"]
    hint = " A chat of prompt and answer is not taken apart: give reference and output a column each." * is_chat
    return DataError(
        f"{config.table}: no {role} column. Columns: {named}. Recognised: {known}; outputs.{role}_columns names others."
        f"{hint}"
    )


__all__ = [
    "NOTEBOOK_COLUMNS",
    "REFERENCE_COLUMNS",
    "STRONG_REFERENCES",
    "Roles",
    "check_named",
    "describe_left_out",
    "find_references",
    "find_roles",
    "find_single_roles",
    "find_systems",
    "is_table",
    "name_systems",
    "normalise",
]
