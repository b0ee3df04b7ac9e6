"""The table of events as it lies in a data base: its columns, what keeps it from being changed, and a row's form."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import DDL, Column, Float, Index, Integer, MetaData, Row, String, Table, Text, UniqueConstraint, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Insert

from dialora.study.judgements import Event

TABLE = Table(
    "dialora_events",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("study", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("sheet", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("item", String(64)),
    # JSON in ASCII: PostgreSQL's texts can hold neither NUL nor half a character, and raters type anything.
    Column("answer", Text),
    Column("seconds", Float),
    Column("at", String(40), nullable=False),
    # Data bases look after their pages, not after what stands in a cell.
    Column("digest", String(64), nullable=False),
    UniqueConstraint("study", "id", name="dialora_events_once"),
    Index("dialora_events_of_sheet", "study", "sheet", "number"),
    sqlite_autoincrement=True,
)

_REFUSAL = "events are only added"
_TRIGGERS = {
    "sqlite": [
        f"CREATE TRIGGER dialora_events_no_{action} BEFORE {action} ON dialora_events "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for action in ("update", "delete")
    ],
    "postgresql": [
        f"CREATE FUNCTION dialora_events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
        "CREATE TRIGGER dialora_events_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON dialora_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION dialora_events_refuse()",
    ],
}
for _dialect, _statements in _TRIGGERS.items():
    for _statement in _statements:
        event.listen(TABLE, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]


def build_insert(dialect: str) -> Insert:
    """Build the statement that adds a row, and does nothing where the study has an event of this id."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(TABLE).on_conflict_do_nothing(index_elements=["study", "id"])


def write_row(study: str, new: Event) -> dict[str, Any]:
    """Return the event's row, but for its number."""
    answer = None if new.answer is None else json.dumps(new.answer, sort_keys=True, allow_nan=False)
    # As it comes back: a column of numbers knows neither whole ones nor a negative zero.
    seconds = None if new.seconds is None else float(new.seconds) + 0.0
    row = {"study": study, **new.to_json(), "answer": answer, "seconds": seconds}
    return row | {"digest": _digest(row)}


def read_row(row: Row[Any]) -> Event:
    """Return a row's event. Raises ValueError where it is not what was written."""
    values = row._asdict()
    del values["number"]
    if _digest(values) != values.pop("digest"):
        raise ValueError("not what was written")
    del values["study"]
    answer = None if values["answer"] is None else json.loads(values["answer"])
    return Event(**values | {"answer": answer})


def _digest(row: dict[str, Any]) -> str:
    content = {key: value for key, value in row.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


__all__ = ["TABLE", "build_insert", "read_row", "write_row"]
