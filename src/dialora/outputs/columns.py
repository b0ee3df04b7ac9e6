"""Which column of a table of outputs plays which role: recognised by name, or named with `outputs.*`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dialora.config import OutputsConfig
from dialora.data.reading.columns import (
    DIALOGUE_COLUMNS,
    ID_COLUMNS,
    TOPIC_COLUMNS,
    column_names,
    find_optional,
    normalise_name,
)
from dialora.data.reading.formats import FORMATS
from dialora.data.reading.raw import Row
from dialora.data.reading.rows import is_empty
from dialora.errors import DataError
from dialora.methods import METHODS

REFERENCE_COLUMNS = ("reference", "references", "ref", "human", "human_baseline_summaries", "gold", "target", "summary")

NOTEBOOK_COLUMNS = {
    "original_model_summaries": "zero_shot",
    "instruct_model_summaries": "full",
    "peft_model_summaries": "lora",
}
"""The columns of the notebook's file of outputs, and the methods they are of."""
_ENDING = re.compile(r"(?<=.)[_ -](model[_ -])?(summary|summaries|outputs?|predictions?|preds?)$", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?|nan|true|false", re.IGNORECASE)


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
        return {role: names for role, names in named.items() if names} | {
            role: [name] for role, name in single.items() if name is not None
        }


def is_table(name: str | Path) -> bool:
    """Whether a file's name says that it is a table."""
    found = FORMATS.get(Path(name).suffix.lower())
    return found is not None and found.has_summaries


def find_roles(table: Sequence[Row], config: OutputsConfig, notes: list[str]) -> Roles:
    """Find each column's role. Raises DataError for a named one that is not there, and where there is no system."""
    named, present = config.outputs, column_names(table)
    for key, value in named.model_dump(exclude={"dialogues"}).items():
        for name in (value,) if isinstance(value, str) else value or ():
            if name not in present:
                raise DataError(f"outputs.{key}: {name!r} is not a column. Columns: {', '.join(present)}.")
    taken = {*(named.system_columns or ()), *(named.reference_columns or ())}
    free = [name for name in present if name not in taken]
    single = {
        "dialogue": find_optional(free, named.dialogue_column, DIALOGUE_COLUMNS),
        "id": find_optional(free, named.id_column, ID_COLUMNS),
        "topic": find_optional(free, named.topic_column, TOPIC_COLUMNS),
    }
    free = [name for name in free if name not in single.values()]
    references = named.reference_columns or find_references(free)
    free = [name for name in free if name not in references]
    systems = named.system_columns or tuple(name for name in free if _is_text(table, name))
    if not references and named.dialogues is None:
        raise _missing("reference", present, ", ".join((*REFERENCE_COLUMNS, "summary1..N")), config)
    if not systems:
        raise _missing("system", present, "any other column of text", config)
    left_out = [name for name in free if name not in systems and name]
    if left_out:
        notes.append(f"Columns left out: {', '.join(left_out)}.")
    return Roles(references, systems, **single)


def find_references(present: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the first known name that is there: alone, numbered, or both."""
    for known in REFERENCE_COLUMNS:
        numbers = {name: re.fullmatch(rf"{known}[_ ]?(\d*)", normalise_name(name)) for name in present}
        found = sorted((int(match[1] or 0), name) for name, match in numbers.items() if match)
        if found:
            return tuple(name for _, name in found)
    return ()


def _is_text(table: Sequence[Row], name: str) -> bool:
    """Whether a column holds words: an index or a score that stands beside the outputs is no system."""
    values = [value for row in table if not is_empty(value := row.get(name)) and value != ""]
    texts = [value for value in values if isinstance(value, str)]
    return bool(name) and len(texts) == len(values) and any(not _NUMBER.fullmatch(text.strip()) for text in texts)


def name_systems(columns: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (key, method, label) of each column; a method is told by its name, or by the notebook's columns."""
    short = [_ENDING.sub("", name.strip()) for name in columns]
    names = [one if short.count(one) == 1 else column for one, column in zip(short, columns, strict=True)]
    named = []
    for column, name in zip(columns, names, strict=True):
        method = NOTEBOOK_COLUMNS.get(normalise_name(column))
        named.append((name, method or name, METHODS[method].label if method else name))
    return named


def _missing(role: str, present: Sequence[str], known: str, config: OutputsConfig) -> DataError:
    named = ", ".join(name for name in present if name)
    return DataError(
        f"{config.table}: no {role} column. Columns: {named}. Recognised: {known}; outputs.{role}_columns names others."
    )


__all__ = [
    "NOTEBOOK_COLUMNS",
    "REFERENCE_COLUMNS",
    "Roles",
    "find_references",
    "find_roles",
    "is_table",
    "name_systems",
]
