"""What raters did, event after event, in SQLite or PostgreSQL: only ever added to, and on disk before it counts.

Takes Events and gives them back in the order in which they were stored. Guarantees that an event is durable when
`append` returns, that one sent twice is stored once, that any number of threads and processes may add at a time, and
that a data base which is damaged or not dialora's is refused in one line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dialora.errors import InputError, StageError
from dialora.study.event_engine import DAMAGED, build_postgresql, build_sqlite, explaining, is_sqlite, parse_url
from dialora.study.folder import StudyFolder
from dialora.study.judgements import EVENTS, Event

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

_LOCK = 0x6469616C6F7261
"""PostgreSQL's advisory lock of those who add: it lets numbers become visible in their order."""
_NAME = re.compile(r"[0-9A-Za-z._-]{1,64}")


@dataclass(frozen=True, slots=True)
class EventStore:
    """The events of one study; several may share a data base. Use as a context manager, or close it."""

    study: str
    where: str
    """The file, or the URL without its password."""
    _engine: Engine

    @classmethod
    def open(cls, folder: StudyFolder, url: str | None = None) -> Self:
        """Open the data base that `url` names, else the study's own SQLite file; either is made at first need.

        `url` is `postgresql://USER@HOST/NAME` or `sqlite:///FILE`. Raises InputError where it is no such thing,
        StageError where the study or the data base is missing, damaged or another's.
        """
        study = folder.id
        if not study:
            raise StageError(f"{folder.root}: holds no study; `dialora study create` makes one.")
        parsed = parse_url(folder.ratings, url)
        where = parsed.database or "" if is_sqlite(parsed) else parsed.render_as_string(hide_password=True)
        with explaining(where):
            store = cls(study, where, build_sqlite(parsed) if is_sqlite(parsed) else build_postgresql(parsed))
            try:
                store._require_schema()
                if url is None:
                    store._require_own()
            except BaseException:
                store.close()
                raise
        return store

    def append(self, event: Event) -> Event:
        """Store an event for good and return it as it is stored: one with an id that is known is the old one.

        Raises InputError where the known one says something else or this is no event, StageError where nothing can be
        stored.
        """
        from sqlalchemy import select

        from dialora.study.event_table import TABLE, build_insert, write_row

        _require_storable(event)
        row = write_row(self.study, event)
        found = select(TABLE).where(TABLE.c.study == self.study, TABLE.c.id == event.id)
        with explaining(self.where), self._engine.begin() as connection:
            if self._is_postgresql:
                self._lock(connection)
            connection.execute(build_insert(self._engine.dialect.name), row)
            stored = self._read(connection.execute(found).one())
        # When it was stored is the one thing in which a repetition differs.
        if write_row(self.study, stored) | {"at": "", "digest": ""} != row | {"at": "", "digest": ""}:
            raise InputError(f"event {event.id}: is stored already and says something else; give a new event a new id.")
        return stored

    def load(self, sheet: int | None = None) -> list[Event]:
        """Return all events, or a sheet's, in the order in which they were stored. Raises StageError."""
        from sqlalchemy import select

        from dialora.study.event_table import TABLE

        query = select(TABLE).where(TABLE.c.study == self.study).order_by(TABLE.c.number)
        if sheet is not None:
            query = query.where(TABLE.c.sheet == sheet)
        with explaining(self.where), self._engine.connect() as connection:
            return [self._read(row) for row in connection.execute(query)]

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def _require_schema(self) -> None:
        """Raise StageError where the data base is damaged or not dialora's; make the table on a server without one."""
        from sqlalchemy import inspect

        from dialora.study.event_table import TABLE

        with self._engine.begin() as connection:
            if self._is_postgresql:
                self._lock(connection)
                TABLE.create(connection, checkfirst=True)
            elif connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar() != "ok":
                raise StageError(f"{self.where}: {DAMAGED}.")
            found = inspect(connection)
            columns = found.get_columns(TABLE.name) if found.has_table(TABLE.name) else []
        if {column["name"] for column in columns} != set(TABLE.columns.keys()):
            raise StageError(
                f"{self.where}: holds no table of ratings that this version of dialora knows; name another data base."
            )

    def _require_own(self) -> None:
        """Raise StageError where the study's own file holds another study's events: the study was made anew."""
        from sqlalchemy import select

        from dialora.study.event_table import TABLE

        with self._engine.connect() as connection:
            if connection.execute(select(TABLE.c.study).where(TABLE.c.study != self.study).limit(1)).first():
                raise StageError(
                    f"{self.where}: holds ratings of another study; move it back to that one, or away from here."
                )

    @property
    def _is_postgresql(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    @staticmethod
    def _lock(connection: Connection) -> None:
        from sqlalchemy import func, select

        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    def _read(self, row: Row[Any]) -> Event:
        from dialora.study.event_table import read_row

        try:
            return read_row(row)
        except ValueError as error:
            raise StageError(
                f"{self.where}: holds an event that is not what was written; put it back from a copy."
            ) from error


def _require_storable(event: Event) -> None:
    """Raise InputError for what would not come back as it is, whoever made the event."""
    for name in ("id", "item"):
        value = getattr(event, name)
        if not (isinstance(value, str) and _NAME.fullmatch(value)) and not (name == "item" and value is None):
            raise InputError(f"event {event.id!r}: {name}: {value!r} is not 1 to 64 letters, digits, dots or hyphens.")
    if event.kind not in EVENTS:
        raise InputError(f"event {event.id}: kind: {event.kind!r} is none of {', '.join(EVENTS)}.")
    if event.seconds is not None and not math.isfinite(event.seconds):
        raise InputError(f"event {event.id}: seconds: {event.seconds} is no finite number.")
    try:
        has_zone = datetime.fromisoformat(event.at).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone or len(event.at) > 40:
        raise InputError(f"event {event.id}: at: {event.at!r} is no time in ISO 8601 with its zone.")


__all__ = ["EventStore"]
