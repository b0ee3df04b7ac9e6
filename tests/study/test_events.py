"""Events are stored once, for good, in order, whoever adds at the same time; a damaged data base is refused."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dialora.errors import DialoraError, InputError, StageError
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import ANSWERED, OPENED, UNDONE, Event
from tests.study.conftest import build_key, build_study


def build_event(number: int = 0, **changes: Any) -> Event:
    event = Event(
        str(uuid.uuid4()), 1, ANSWERED, f"p{number}", {"answer": "a", "why": ""}, 1.5, "2026-01-02T03:04:05.678+00:00"
    )
    return replace(event, **changes)


def test_events_come_back_in_order_and_as_they_were(study: StudyFolder, ratings: str | None) -> None:
    events = [
        build_event(0, kind=OPENED, answer=None, seconds=None, item=None),
        build_event(1, answer={"answer": "tie", "why": "half \ud83d, nothing \x00, „über“ 🙂\u2028"}),
        build_event(2, answer={"scores": {"coverage": 5}, "errors": [{"start": 0, "stop": 2, "kind": "invented"}]}),
        build_event(3, sheet=2, seconds=0.1 + 0.2),
        build_event(3, seconds=12),
        build_event(3, seconds=-0.0),
        build_event(1, kind=UNDONE, answer=None),
    ]
    with EventStore.open(study, ratings) as store:
        before = len(store.load())
        assert [store.append(event) for event in events] == events
    with EventStore.open(study, ratings) as store:
        assert store.load()[before:] == events
        assert store.load(2)[-1] == events[3]
        assert all(event.sheet == 2 for event in store.load(2))


def test_an_event_sent_twice_is_stored_once(study: StudyFolder, ratings: str | None) -> None:
    first, second = build_event(1), build_event(1, answer={"answer": "b", "why": ""})
    with EventStore.open(study, ratings) as store:
        for event in (first, second):
            store.append(event)
        # A retry, later: what was stored is given back, and stays where it was in the order.
        assert store.append(replace(first, at="2027-01-01T00:00:00+00:00")) == first
        assert [event for event in store.load() if event.id in (first.id, second.id)] == [first, second]
        with pytest.raises(InputError, match="something else"):
            store.append(replace(first, answer={"answer": "b", "why": ""}))


@pytest.mark.parametrize(
    "changes",
    [{"id": ""}, {"id": "\x00" * 8}, {"id": "1" * 65}, {"item": "p\ud800"}, {"item": 3}, {"kind": "judged"},
     {"seconds": float("nan")}, {"seconds": float("inf")}, {"at": "yesterday"}, {"at": "2026-01-01T00:00:00"}],
)  # fmt: skip
def test_what_would_not_come_back_is_refused(study: StudyFolder, changes: dict[str, Any]) -> None:
    with EventStore.open(study) as store:
        with pytest.raises(InputError, match="event "):
            store.append(build_event(**changes))
        assert store.load() == []


def test_studies_share_a_data_base_and_see_their_own(study: StudyFolder, ratings: str | None, tmp_path: Path) -> None:
    other = StudyFolder(tmp_path / "other")
    other.save(build_study(title="Another one"), build_key())
    shared = ratings or f"sqlite:///{tmp_path / 'shared.sqlite'}"
    event = build_event()
    with EventStore.open(study, shared) as mine, EventStore.open(other, shared) as theirs:
        mine.append(event)
        theirs.append(replace(event, answer={"answer": "b", "why": ""}))
        assert mine.load()[-1].answer == {"answer": "a", "why": ""}
        assert theirs.load()[-1].answer == {"answer": "b", "why": ""}


def test_nothing_that_is_stored_can_be_changed(study: StudyFolder, ratings: str | None) -> None:
    with EventStore.open(study, ratings) as store:
        store.append(build_event())
        before = store.load()
        for statement in ("UPDATE dialora_events SET sheet = 2", "DELETE FROM dialora_events"):
            with pytest.raises(DBAPIError, match="only added"), store._engine.begin() as connection:
                connection.execute(text(statement))
        assert store.load() == before


def test_threads_and_stores_add_at_once(study: StudyFolder, ratings: str | None) -> None:
    shared = build_event()
    events = [[build_event(at, sheet=sheet) for at in range(8)] + [shared] for sheet in (1, 2, 3, 4)]
    failures: list[BaseException] = []

    def add(mine: list[Event]) -> None:
        try:
            # Each opens its own, so that the data base is made by whoever comes first.
            with EventStore.open(study, ratings) as store:
                for event in mine:
                    store.append(event)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=(mine,)) for mine in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with EventStore.open(study, ratings) as store:
        stored = [event.id for event in store.load()]
    for mine in events:
        own = {event.id for event in mine} - {shared.id}
        assert [id_ for id_ in stored if id_ in own] == [event.id for event in mine[:-1]]
    assert stored.count(shared.id) == 1


ADD = """
import sys
from pathlib import Path
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import Event
answer, at = {"answer": "a"}, "2026-01-01T00:00:00+00:00"
with EventStore.open(StudyFolder(Path(sys.argv[1])), sys.argv[3] or None) as store:
    for number in range(25):
        store.append(Event(f"{sys.argv[2]}-{number}", 1, "answered", "p0", answer, 1.0, at))
"""


def test_two_processes_add_at_once(study: StudyFolder, ratings: str | None) -> None:
    names = [str(uuid.uuid4()) for _ in range(2)]
    workers = [subprocess.Popen([sys.executable, "-c", ADD, study.root, name, ratings or ""]) for name in names]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    with EventStore.open(study, ratings) as store:
        stored = [event.id for event in store.load()]
    for name in names:
        assert [id_ for id_ in stored if id_.startswith(name)] == [f"{name}-{at}" for at in range(25)]


FULL = """
import resource, signal, sys
from pathlib import Path
from dialora.errors import StageError
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import Event
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with EventStore.open(StudyFolder(Path(sys.argv[1]))) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        for at in range(1000):
            store.append(Event(str(at), 1, "answered", "p0", {"why": "x" * 1000}, 1.0, "2026-01-01T00:00:00+00:00"))
            print(at, flush=True)
    except StageError as error:
        print(error)
"""


def test_a_full_disk_is_said_and_loses_nothing(study: StudyFolder) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, study.root], capture_output=True, text=True, timeout=120)
    *acknowledged, message = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert message.startswith(str(study.ratings))
    assert "disk" in message
    assert len(acknowledged) > 10
    with EventStore.open(study) as store:
        assert [event.id for event in store.load()][: len(acknowledged)] == acknowledged


def test_a_store_that_cannot_be_written_says_so(study: StudyFolder) -> None:
    code = (
        "import os, sys; from pathlib import Path; from dialora.study.events import EventStore; "
        "from dialora.study.folder import StudyFolder; from dialora.errors import DialoraError\n"
        "study = StudyFolder(Path(sys.argv[1])); EventStore.open(study).close()\n"
        "study.ratings.chmod(0o444); study.root.chmod(0o555); os.geteuid() == 0 and os.setuid(65534)\n"
        "try: EventStore.open(study)\n"
        "except DialoraError as error: print(error)"
    )
    # The file is readable, its folder is not writable: SQLite can put no events there.
    for parent in study.root.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run([sys.executable, "-c", code, study.root], capture_output=True, text=True, timeout=120)
    study.root.chmod(0o755)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert str(study.ratings) in done.stdout


def test_a_file_that_goes_away_while_it_is_open_takes_nothing_more(study: StudyFolder) -> None:
    """It would be acknowledged and gone."""
    away = study.ratings.with_name("away")
    with EventStore.open(study) as store:
        first, second = build_event(1), build_event(2)
        store.append(first)
        study.ratings.rename(away)
        for _ in range(2):
            with pytest.raises(StageError, match="moved or replaced"):
                store.append(second)
        # Nor is a new one made in its place.
        assert not study.ratings.exists()
        shutil.copyfile(away, study.ratings)
        with pytest.raises(StageError, match="moved or replaced"):
            store.append(second)
        away.replace(study.ratings)
        store.append(second)
        assert store.load() == [first, second]


def test_a_copy_of_the_file_alone_holds_what_was_acknowledged(study: StudyFolder, tmp_path: Path) -> None:
    """Taken while raters are at work, by somebody who knows nothing of its -wal file."""
    events = [build_event(at) for at in range(5)]
    with EventStore.open(study) as store, EventStore.open(study) as other:
        for event in events:
            store.append(event)
            other.load()
        copy = tmp_path / "copy.sqlite"
        shutil.copy(study.ratings, copy)
    with EventStore.open(study, f"sqlite:///{copy}") as found:
        assert found.load() == events


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_log_that_is_removed_while_it_is_open_takes_no_acknowledged_rating(
    study: StudyFolder, is_replaced: bool
) -> None:
    events = [build_event(at) for at in range(5)]
    with EventStore.open(study) as store:
        for event in events:
            store.append(event)
        log = study.ratings.with_name(f"{study.ratings.name}-wal")
        log.unlink()
        if is_replaced:
            log.write_bytes(b"")
        with pytest.raises(StageError, match=r"-wal: was removed or replaced while it was open"):
            store.append(build_event(6))
        # Refused, and not lost; a page tries again, and then it is stored.
        events.append(store.append(build_event(7)))
        assert store.load() == events
        copy = study.root / "copy.sqlite"
        shutil.copy(study.ratings, copy)
    with EventStore.open(study) as store, EventStore.open(study, f"sqlite:///{copy}") as copied:
        assert store.load() == copied.load() == events
        assert store.append(build_event(8)).item == "p8"


def test_a_log_that_is_removed_while_many_add_takes_nothing(study: StudyFolder) -> None:
    """Several connections hold the lost one: each is closed before anything is stored again."""
    stored: list[str] = []
    with EventStore.open(study) as store:

        def add(sheet: int) -> None:
            for _ in range(30):
                event = build_event(sheet, sheet=sheet)
                for _ in range(500):
                    try:
                        store.append(event)
                    except StageError:
                        time.sleep(0.01)
                        continue
                    stored.append(event.id)
                    break

        threads = [threading.Thread(target=add, args=(sheet,)) for sheet in (1, 2, 3)]
        for thread in threads:
            thread.start()
        log = study.ratings.with_name(f"{study.ratings.name}-wal")
        while len(stored) < 20:
            time.sleep(0.005)
        log.unlink()
        for thread in threads:
            thread.join()
    with EventStore.open(study) as store:
        assert sorted(event.id for event in store.load()) == sorted(stored)
    assert len(stored) == 90


def test_what_is_left_of_a_file_is_not_taken_for_a_new_one(study: StudyFolder) -> None:
    kept = study.ratings.with_name("kept")
    with EventStore.open(study) as store:
        store.append(build_event())
        study.ratings.rename(kept)
        with pytest.raises(StageError, match=r"whose file ratings\.sqlite is gone"):
            EventStore.open(study)
        kept.rename(study.ratings)
    with EventStore.open(study) as store:
        assert len(store.load()) == 1


@pytest.mark.parametrize("name", ["with space", "50 %", "a?b#c", "ü🙂"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = StudyFolder(tmp_path / name)
    folder.save(build_study(), build_key())
    event = build_event()
    with EventStore.open(folder) as store:
        store.append(event)
    with EventStore.open(folder) as store:
        assert store.load() == [event]
    assert {path.name for path in folder.root.iterdir()} == {"blind", "key", "ratings.sqlite"}


def test_a_data_base_that_is_damaged_is_refused(study: StudyFolder) -> None:
    with EventStore.open(study) as store:
        for at in range(8):
            store.append(build_event(at, answer={"answer": "a", "why": "word " * 200}))
        expected = store.load()
    whole = study.ratings.read_bytes()
    refusals = []
    # Throughout, and wherever an event or an index says whose it is: what an index has lost is not found.
    places = [*range(0, len(whole), 97), *(found.start() for found in re.finditer(study.id.encode(), whole))]
    for content in [
        b"",
        whole[: len(whole) // 2],
        whole[:4096],
        whole[:100],
        b"no data base at all\n" * 300,
        *(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :] for at in places),
    ]:
        study.ratings.write_bytes(content)
        try:
            # By its URL, as it is read then without a look at whose events it holds.
            with EventStore.open(study, f"sqlite:///{study.ratings}") as store:
                found = [store.load(), store.load(1)]
        except DialoraError as error:
            refusals.append(str(error))
        else:
            assert found == [expected, expected], "a changed byte was read as another rating"
    assert len(refusals) > 6
    assert all(str(study.ratings) in message and "\n" not in message for message in refusals)
    study.ratings.write_bytes(whole)
    with EventStore.open(study) as store:
        assert store.load() == expected


def test_a_data_base_of_somebody_else_is_refused(study: StudyFolder, tmp_path: Path) -> None:
    connection = sqlite3.connect(study.ratings)
    connection.execute("CREATE TABLE dialora_events (number INTEGER)")
    connection.close()
    with pytest.raises(StageError, match="no table of ratings that this version"):
        EventStore.open(study)
    study.ratings.unlink()
    other = StudyFolder(tmp_path / "other")
    other.save(build_study(title="Another one"), build_key())
    with EventStore.open(other) as store:
        store.append(build_event())
    other.ratings.rename(study.ratings)
    with pytest.raises(StageError, match="another study"):
        EventStore.open(study)


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://u:hunter2@h/d", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://u:hunter2@h/d",
     "http://h", "postgresql://u:hunter2@h:port/d", "sqlite:///x?mode=ro"],
)  # fmt: skip
def test_a_url_that_names_no_data_base_is_refused(study: StudyFolder, url: str) -> None:
    with pytest.raises(InputError, match="postgresql://USER@HOST/NAME") as caught:
        EventStore.open(study, url)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_said_without_the_password(study: StudyFolder) -> None:
    with pytest.raises(StageError) as caught:
        EventStore.open(study, "postgresql://someone:hunter2@127.0.0.1:1/ratings")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_table_of_another_version_on_a_server_is_refused(study: StudyFolder, postgresql: str) -> None:
    with EventStore.open(study, postgresql) as store, store._engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS other"))
        connection.execute(text("CREATE TABLE IF NOT EXISTS other.dialora_events (number INTEGER)"))
    with pytest.raises(StageError, match="no table of ratings that this version"):
        EventStore.open(study, f"{postgresql}&options=-csearch_path%3Dother")


def test_a_folder_without_a_study_holds_no_ratings(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="holds no study"):
        EventStore.open(StudyFolder(tmp_path))
    assert not list(tmp_path.iterdir())
