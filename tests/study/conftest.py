"""A small study of both kinds of items, made by hand, and the data bases that keep what raters say of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.key import ATTENTION, JUDGED, ItemKey, JudgedSystem, StudyKey
from dialora.study.records import (
    PAIRWISE,
    RATING,
    Criterion,
    Entry,
    ErrorKind,
    Item,
    PracticeItem,
    Sheet,
    StudySettings,
)

NUM_SHEETS, NUM_PAIRS, NUM_RATED = 3, 8, 4
SYSTEMS = ("zeroshotkey", "lorakey")
"""Keys, and in other words labels and folders, that no rater may ever see."""


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """A saved study: three sheets of the same twelve items, in which every second pair is swapped."""
    folder = StudyFolder(tmp_path / "studies" / "small")
    folder.save(build_study(), build_key())
    return folder


def build_study(num_sheets: int = NUM_SHEETS, *, title: str = "Which summary is better?") -> BlindStudy:
    """What raters see of the small study."""
    criteria = tuple(
        Criterion(key, key.capitalize(), f"How is its {key}?", "poor", "good", "an example")
        for key in ("faithfulness", "coverage")
    )
    practice = PracticeItem(PAIRWISE, "A: Hi\nB: Bye", ("B leaves.", "A sings."), {"answer": ["a"]}, "Nobody sings.")
    settings = StudySettings(
        "small", "both", title, "Read the dialogue.\n\nThen choose.", num_sheets, criteria,
        (ErrorKind("invented", "Invented", "Nobody said it.", "an example"),), (practice,), asks_why=True,
    )  # fmt: skip
    items = {
        **{
            f"p{at}": Item(f"p{at}", PAIRWISE, f"Ann: Is it {at}?\nBob: It is.", (f"It is {at}.", f"Ann asks {at}."))
            for at in range(NUM_PAIRS)
        },
        **{
            f"r{at}": Item(f"r{at}", RATING, f"Ann: Now {at}?", (f"Ann wants to know {at}.",))
            for at in range(NUM_RATED)
        },
    }
    sheets = tuple(
        Sheet(number, tuple(Entry(key, key[0] == "p" and (number + at) % 2 == 0) for at, key in enumerate(items)))
        for number in range(1, num_sheets + 1)
    )
    return BlindStudy(settings, items, sheets)


def build_key() -> StudyKey:
    """Who wrote what in the small study."""
    zero, lora = SYSTEMS
    systems = (
        JudgedSystem(zero, "zero_shot", "Original Labelname", "runs/sourcename"),
        JudgedSystem(lora, "lora", "PEFT Labelname", "runs/sourcename"),
    )
    items = tuple(
        ItemKey(item.id, ATTENTION if item.id == "p7" else JUDGED, f"dialogue-{item.id}",
                ((zero,), (lora,)) if item.kind == PAIRWISE else ((lora,),), "random",
                better=0 if item.id == "p7" else None)
        for item in build_study().items.values()
    )  # fmt: skip
    scores = {key.dialogue_id: {zero: {"rouge1": 0.1234567}, lora: {"rouge1": 0.7654321}} for key in items}
    return StudyKey(systems, items, (), scores, 0)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real server, started for the tests in a temporary folder, without a port."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        pytest.skip("no PostgreSQL server is installed (Debian: apt install postgresql; `make system`)")
    as_user: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to be root's.
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        as_user = ["runuser", "-u", "postgres", "--"]
    root = Path(tempfile.mkdtemp(prefix="dialora-pg-"))
    if as_user:
        shutil.chown(root, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(found[-1].with_name(program)), *arguments]
        subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)

    data = str(root / "data")
    try:
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale", "C")
        run("pg_ctl", "-D", data, "-w", "-l", str(root / "log"), "-o", f"-c listen_addresses='' -k {root}", "start")
        yield f"postgresql://postgres@/postgres?host={root}"
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def ratings(request: pytest.FixtureRequest) -> str | None:
    """Where events go, as `EventStore.open` takes it: the study's own file, and a server."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql")
