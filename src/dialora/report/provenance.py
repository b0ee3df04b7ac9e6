"""Where the numbers come from, as tables: data per split, what was cut, time, versions and hardware.

Takes a ReportDocument's plain values and gives Tables and facts. The data summary is read by shape, so a new count
there shows up here: a mapping over splits becomes a column, anything else a fact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dialora.report import numbers
from dialora.report.document import ReportDocument
from dialora.report.tables import Cell, Row, Table

SPLITS = ("train", "validation", "test")
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{16,}")


def build_data_table(data: Mapping[str, Any]) -> Table | None:
    """Return one row per split and one column per fact known of it; None without splits."""
    per_split = _facts_per_split(data)
    shared = _shared_facts(per_split)
    names = list(dict.fromkeys(name for facts in per_split.values() for name in facts if name not in shared))
    rows = tuple(
        Row((Cell(split), *(format_fact(facts.get(name)) for name in names))) for split, facts in per_split.items()
    )
    columns = ("Split", *(_title(name) for name in names))
    return Table("splits", "Data", columns, rows) if rows else None


def build_data_facts(data: Mapping[str, Any]) -> tuple[tuple[str, Cell], ...]:
    """Return what is known of the data as a whole, notes aside."""
    facts = {name: value for name, value in data.items() if name != "notes" and not _is_over_splits(data, name, value)}
    facts |= _shared_facts(_facts_per_split(data))
    return tuple((_title(name), format_fact(value)) for name, value in facts.items())


def build_notes(document: ReportDocument) -> tuple[str, ...]:
    """Return the report's notes, then the data's."""
    notes = document.data.get("notes") or ()
    notes = (notes,) if isinstance(notes, str) else notes
    return (*document.notes, *(str(note) for note in notes))


def build_truncation_table(document: ReportDocument) -> Table | None:
    """Return what was too long for its limit, and how often; None when nothing was counted."""
    rows = []
    for item in document.truncation:
        count, total = item.get("count"), item.get("total")
        share = 100 * count / total if count is not None and total else None
        cells = (
            Cell(str(item.get("what", numbers.MISSING))),
            Cell(numbers.format_count(item.get("limit"))),
            Cell(numbers.format_count(count)),
            Cell(numbers.format_count(total)),
            Cell(numbers.format_percent(share)),
        )
        rows.append(Row(cells))
    columns = ("What", "Limit", "Cut", "Of", "Share")
    return Table("truncation", "Truncated", columns, tuple(rows)) if rows else None


def build_time_table(document: ReportDocument) -> Table | None:
    """Return how long each part took, in order, with the total; None when nothing was timed."""
    if not document.seconds:
        return None
    rows = [Row((Cell(part), Cell(numbers.format_duration(seconds)))) for part, seconds in document.seconds.items()]
    known = [seconds for seconds in document.seconds.values() if seconds is not None]
    rows.append(Row((Cell("total", is_strong=True), Cell(numbers.format_duration(sum(known)), is_strong=True))))
    return Table("time", "How long it took", ("Part", "Time"), tuple(rows))


def build_environment_table(document: ReportDocument) -> Table | None:
    """Return versions and hardware; None when nothing was recorded."""
    rows = tuple(Row((Cell(name), format_fact(value))) for name, value in document.environment.items())
    return Table("environment", "Versions and hardware", ("What", "Value"), rows, is_text=True) if rows else None


def format_fact(value: Any) -> Cell:
    """Return any plain value as a cell; a fingerprint is shortened and keeps its full form as the title."""
    if value is None or value in ((), [], {}, ""):
        return Cell(numbers.MISSING)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int):
        return Cell(numbers.format_count(value))
    if isinstance(value, Mapping):
        return Cell("; ".join(f"{_words(name)}: {format_fact(fact).text}" for name, fact in value.items()))
    if isinstance(value, (list, tuple)):
        return Cell(", ".join(format_fact(item).text for item in value))
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    if _DIGEST.fullmatch(text):
        return Cell(numbers.shorten_digest(text), title=text)
    return Cell(text)


def _facts_per_split(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    per_split: dict[str, dict[str, Any]] = {}
    for name, value in data.items():
        if not _is_over_splits(data, name, value):
            continue
        for split, fact in value.items():
            facts = fact if name == "splits" and isinstance(fact, Mapping) else {name: fact}
            per_split.setdefault(str(split), {}).update(facts)
    return per_split


def _shared_facts(per_split: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the mappings that say the same of every split, as the columns mostly do."""
    first, *others = per_split.values() or [{}]
    return {
        name: fact
        for name, fact in first.items()
        if isinstance(fact, Mapping) and fact and all(facts.get(name) == fact for facts in others)
    }


def _is_over_splits(data: Mapping[str, Any], name: str, value: Any) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    splits = data.get("splits")
    return name == "splits" or set(value) <= {*SPLITS, *(splits if isinstance(splits, Mapping) else ())}


def _words(name: Any) -> str:
    return str(name).removeprefix("num_").replace("_", " ")


def _title(name: Any) -> str:
    text = _words(name)
    return text[:1].upper() + text[1:]


__all__ = [
    "build_data_facts",
    "build_data_table",
    "build_environment_table",
    "build_notes",
    "build_time_table",
    "build_truncation_table",
    "format_fact",
]
