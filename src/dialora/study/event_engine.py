"""The data bases that events can lie in, opened so that what is committed is on disk, and what they refuse in words."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dialora.errors import InputError, StageError
from dialora.store import disk_errors_explained, names
from dialora.store.files import sync

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

BUSY_SECONDS = 30
"""How long a writer waits for others."""
DAMAGED = "is damaged; put it back from a copy, together with its -wal file"
_SQLITE_REASONS = {
    "readonly": "is read-only; allow writing to the file and its folder",
    "is full": "the disk is full; make room: what was acknowledged is kept",
    "disk i/o": "the disk does not read or write it; look after the disk: what was acknowledged is kept",
    "unable to open": "cannot be opened; allow reading and writing of the file and its folder",
    "is locked": f"another process has held it for {BUSY_SECONDS} seconds; end that one",
    "not a database": "is damaged or no SQLite file; put it back from a copy",
    "malformed": DAMAGED,
    "only added": "events are only added",
}


def is_sqlite(url: URL) -> bool:
    """Whether a URL names a SQLite file."""
    return url.get_backend_name() == "sqlite"


def parse_url(own: Path, url: str | None) -> URL:
    """Return the URL of a data base, without one that of the study's own file. Raises InputError."""
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


def build_sqlite(url: URL) -> Engine:
    """Connect to a SQLite file, which is made with its table where it is missing. Raises StageError."""
    path = Path(str(url.database))
    log = path.with_name(f"{path.name}-wal")
    with disk_errors_explained(path):
        if not path.exists() and log.exists():
            raise StageError(f"{log}: holds ratings whose file {path.name} is gone; put that back beside it.")
        if not path.exists():
            _create_sqlite(path)
        elif path.stat().st_size == 0:
            # One that is made here has its table from the start.
            raise StageError(f"{path}: is empty, so ratings were lost; put it back from a copy, or remove it.")
    return _connect_sqlite(path)


def _create_sqlite(path: Path) -> None:
    """Make the file with its table, all at once: whoever is killed leaves none, and of two makers one comes first."""
    from dialora.study.event_table import TABLE

    descriptor, name = tempfile.mkstemp(prefix=names.unfinished(path.name), dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        engine = _connect_sqlite(temporary)
        try:
            TABLE.create(engine)
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

    # SQLite would make a file that is not there, and write on into one that was moved away.
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"})
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    identity, log = _identify(path), path.with_name(f"{path.name}-wal")
    logs: list[tuple[int, int] | None] = []  # of each open connection

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL, anything less is acknowledged before it is on disk.
        connection.execute("PRAGMA synchronous = FULL")
        # With every commit into the file itself: a copy of it holds what was acknowledged, with its -wal or without.
        connection.execute("PRAGMA wal_autocheckpoint = 1")
        logs.append(_identify(log))

    @event.listens_for(engine, "close")
    def forget(*_: Any) -> None:
        # The last one to close removes the -wal file.
        if logs:
            logs.pop()

    # Before a connection is made, too: it would take the -wal file of the one that was moved for its own.
    @event.listens_for(engine, "do_connect")
    @event.listens_for(engine, "checkout")
    def require_same_file(*_: Any) -> None:
        if _identify(path) != identity:
            raise StageError(f"{path}: was moved or replaced while it was open; put the one back that was there.")
        if logs[:1] not in ([], [_identify(log)]):
            # What is refused here is closed: once all that hold the lost one are, it is begun anew.
            raise StageError(
                f"{log}: was removed or replaced while it was open; what was acknowledged is in {path.name}. Leave "
                "both where they are and try again."
            )

    return engine


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def build_postgresql(url: URL) -> Engine:
    """Prepare connections to a server. Raises InputError where its driver is missing."""
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
def explaining(where: str) -> Iterator[None]:
    """Turn what a data base refuses in the block into a StageError of one line."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
        known = (reason for words, reason in _SQLITE_REASONS.items() if words in said.lower())
        raise StageError(f"{where}: {next(known, said or type(error).__name__)}.") from error


__all__ = ["DAMAGED", "build_postgresql", "build_sqlite", "explaining", "is_sqlite", "parse_url"]
