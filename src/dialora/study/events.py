"""What raters did, event after event, in SQLite or PostgreSQL: only ever added to, and on disk before it counts.

Takes Events and gives them back in the order in which they were stored. Guarantees that an event is durable when
`append` returns, that one sent twice is stored once, that any number of threads and processes may add at a time, and
that a data base which is damaged or not dialora's is refused in one line.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dialora.errors import InputError, StageError
from dialora.store import disk_errors_explained, names
from dialora.store.files import sync
from dialora.study.folder import StudyFolder
from dialora.study.records import Event

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Row

BUSY_SECONDS = 30
"""How long a writer waits for others."""
_LOCK = 0x6469616C6F7261
"""PostgreSQL's advisory lock of those who add: it lets numbers become visible in their order."""
_SQLITE_REASONS = {
    "readonly": "is read-only; allow writing to the file and its folder",
    "is full": "the disk is full; make room: what was acknowledged is kept",
    "disk i/o": "the disk does not read or write it; look after the disk: what was acknowledged is kept",
    "unable to open": "cannot be opened; allow reading and writing of the file and its folder",
    "is locked": f"another process has held it for {BUSY_SECONDS} seconds; end that one",
    "not a database": "is damaged or no SQLite file; put it back from a copy",
    "malformed": "is damaged; put it back from a copy, together with its -wal file",
    "only added": "events are only added",
}


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
        parsed = _parse(folder.ratings, url)
        where = parsed.database or "" if _is_sqlite(parsed) else parsed.render_as_string(hide_password=True)
        with _explained(where):
            store = cls(study, where, _build_sqlite(parsed) if _is_sqlite(parsed) else _build_postgresql(parsed))
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

        Raises InputError where the known one says something else or `at` is no time, StageError where nothing can be
        stored.
        """
        from sqlalchemy import select

        from dialora.study.event_table import EVENTS, build_insert, write_row

        _require_time(event)
        row = write_row(self.study, event)
        found = select(EVENTS).where(EVENTS.c.study == self.study, EVENTS.c.id == event.id)
        with _explained(self.where), self._engine.begin() as connection:
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

        from dialora.study.event_table import EVENTS

        query = select(EVENTS).where(EVENTS.c.study == self.study).order_by(EVENTS.c.number)
        if sheet is not None:
            query = query.where(EVENTS.c.sheet == sheet)
        with _explained(self.where), self._engine.connect() as connection:
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

        from dialora.study.event_table import EVENTS

        with self._engine.begin() as connection:
            if self._is_postgresql:
                self._lock(connection)
                EVENTS.create(connection, checkfirst=True)
            elif connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar() != "ok":
                raise StageError(f"{self.where}: {_SQLITE_REASONS['malformed']}.")
            found = inspect(connection)
            columns = found.get_columns(EVENTS.name) if found.has_table(EVENTS.name) else []
        if {column["name"] for column in columns} != set(EVENTS.columns.keys()):
            raise StageError(
                f"{self.where}: holds no table of ratings that this version of dialora knows; name another data base."
            )

    def _require_own(self) -> None:
        """Raise StageError where the study's own file holds another study's events: the study was made anew."""
        from sqlalchemy import select

        from dialora.study.event_table import EVENTS

        with self._engine.connect() as connection:
            if connection.execute(select(EVENTS.c.study).where(EVENTS.c.study != self.study).limit(1)).first():
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


def _require_time(event: Event) -> None:
    try:
        has_zone = datetime.fromisoformat(event.at).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise InputError(f"event {event.id}: at: {event.at!r} is no time in ISO 8601 with its zone.")


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _parse(own: Path, url: str | None) -> URL:
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if url is None:
        return URL.create("sqlite", database=str(own))
    allowed = "give postgresql://USER@HOST/NAME or sqlite:///FILE."
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError(f"ratings: this is no URL of a data base; {allowed}") from None
    kind = parsed.drivername
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:" and not parsed.query:
        return parsed
    if kind in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise InputError(f"ratings: {parsed.render_as_string(hide_password=True)} cannot be used; {allowed}")


def _build_sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    with disk_errors_explained(path):
        if not path.exists():
            _create_sqlite(path)
        elif path.stat().st_size == 0:
            # One that is made here has its table from the start.
            raise StageError(f"{path}: is empty, so ratings were lost; put it back from a copy, or remove it.")
    return _connect_sqlite(path)


def _create_sqlite(path: Path) -> None:
    """Make the file with its table, all at once: whoever is killed leaves none, and of two makers one comes first."""
    from dialora.study.event_table import EVENTS

    descriptor, name = tempfile.mkstemp(prefix=names.unfinished(path.name), dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        engine = _connect_sqlite(temporary)
        try:
            EVENTS.create(engine)
        finally:
            engine.dispose()
        sync(temporary)
        with suppress(FileExistsError):
            os.link(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _connect_sqlite(path: Path) -> Engine:
    from sqlalchemy import URL, create_engine, event

    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL, anything less is acknowledged before it is on disk.
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _build_postgresql(url: URL) -> Engine:
    from sqlalchemy import create_engine, event

    try:
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError:
        raise InputError("ratings: PostgreSQL needs psycopg; `pip install 'dialora[postgresql]'`.") from None

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.autocommit = True
        # A server may be set to acknowledge first.
        connection.execute("SET synchronous_commit = on")
        connection.autocommit = False

    return engine


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what a data base refuses into one line."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
        known = (reason for words, reason in _SQLITE_REASONS.items() if words in said.lower())
        raise StageError(f"{where}: {next(known, said or type(error).__name__)}.") from error


__all__ = ["EventStore"]
