"""Files of ratings come in whole or not at all, and once."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from dialora.errors import InputError
from dialora.study.events import EventStore
from dialora.study.exchange.ratings_file import add_events, read_ratings
from dialora.study.exchange.ratings_table import export_ratings
from dialora.study.folder import StudyFolder
from dialora.study.judgements import Event, collect_judgements
from tests.study.conftest import SYSTEMS

AT = "2031-05-04T10:00:00.000Z"
RATED = {"scores": {"faithfulness": 4, "coverage": 2}, "errors": [{"start": 0, "stop": 2, "kind": "invented"}]}


def event(number: int, item: str | None, answer: Any = None, **values: Any) -> dict[str, Any]:
    """An event as a page saves it."""
    kind = "answered" if answer else "opened"
    made = {"id": f"event-{number:04}", "kind": kind, "item": item, "answer": answer, "seconds": 12.5, "at": AT}
    return made | values


@pytest.fixture
def content(study: StudyFolder) -> dict[str, Any]:
    """A file of ratings of the second rater."""
    events = [
        event(1, None, kind="practised", seconds=None),
        event(2, "p0"),
        event(3, "p0", {"answer": "a", "why": "=1+1"}),
        event(4, "r0", RATED),
        event(5, "p0", {"answer": "tie"}),
        event(6, "p1", {"answer": "neither"}),
        event(7, "p1", kind="undone"),
    ]
    return {"schema_version": 1, "study": study.id, "sheet": 2, "events": events}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a file of ratings."""

    def write_file(values: Any, name: str = "ratings.json") -> Path:
        path = tmp_path / name
        path.write_bytes(values if isinstance(values, bytes) else json.dumps(values).encode())
        return path

    return write_file


def load(study: StudyFolder) -> list[Event]:
    with EventStore.open(study) as store:
        return store.load()


def test_what_a_rater_saved_comes_in_once(
    study: StudyFolder, content: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(content)
    assert main(["study", "import", str(study.root), str(path)]) == 0
    assert "Rater 2: 3 of 12 items answered; 7 new events." in capsys.readouterr().out
    stored = load(study)
    judgements = {one.item: one for one in collect_judgements(study.load_blind().sheets, stored)}
    assert set(judgements) == {"p0", "r0"}
    assert (judgements["p0"].answer, judgements["p0"].sheet, judgements["p0"].seconds) == ("tie", 2, 12.5)
    assert judgements["r0"].scores == RATED["scores"]
    assert judgements["r0"].at == "2031-05-04T10:00:00.000+00:00"

    assert main(["study", "import", str(study.root), str(path), str(path)]) == 0
    assert "0 new events" in capsys.readouterr().out
    assert load(study) == stored

    # A longer file of the same rater adds what is new in it.
    content["events"].append(event(8, "p2", {"answer": "b"}))
    assert main(["study", "import", str(study.root), str(write(content)), "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert told == {"sheet": 2, "num_events": 8, "num_new": 1, "num_answered": 4, "had_others": False}


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another study": (lambda v: v | {"study": "ffffffffffffffff"}, "another study"),
    "another version": (lambda v: v | {"schema_version": 2}, "version 2"),
    "no such sheet": (lambda v: v | {"sheet": 4}, "sheets 1 to 3"),
    "a sheet in words": (lambda v: v | {"sheet": "2"}, "sheets 1 to 3"),
    "a truth value as sheet": (lambda v: v | {"sheet": True}, "sheets 1 to 3"),
    "more fields": (lambda v: v | {"system": "x"}, "no file of ratings"),
    "a list": (lambda v: [v], "no file of ratings"),
    "events missing": (lambda v: v | {"events": None}, "events: is no list"),
    "no JSON": (lambda v: b"{", "no JSON"),
    "no UTF-8": (lambda v: b"\xff\xfe{", "no JSON"),
    "half a character": (lambda v: change(v, answer={"answer": "a", "why": "\ud800"}), "event 3"),
    "not a number": (lambda v: json.dumps(change(v, seconds=float("nan"))).encode(), "event 3"),
    "an unknown item": (lambda v: change(v, item="p99"), "event 3: item"),
    "an unknown answer": (lambda v: change(v, answer={"answer": "c"}), "event 3: answer"),
    "a rating of a pair": (lambda v: change(v, answer=RATED), "event 3: answer"),
    "an unknown kind": (lambda v: change(v, kind="deleted"), "event 3: kind"),
    "time below zero": (lambda v: change(v, seconds=-1), "event 3: seconds"),
    "no zone": (lambda v: change(v, at="2031-05-04T10:00:00"), "event 3: at"),
    "no time": (lambda v: change(v, at=None), "event 3: at"),
    "an event that is none": (lambda v: v | {"events": [*v["events"], 1]}, "event 8: has the fields"),
}


def change(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The file with its third event changed."""
    events = [one | changes if at == 2 else one for at, one in enumerate(values["events"])]
    return values | {"events": events}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_right_adds_nothing(
    study: StudyFolder,
    content: dict[str, Any],
    write: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    spoil, words = BROKEN[name]
    good = write(content | {"sheet": 1, "events": [event(20, "p0", {"answer": "b"})]}, "good.json")
    bad = write(spoil(content))
    assert main(["study", "import", str(study.root), str(good), str(bad)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert words in line
    assert str(bad) in line
    assert load(study) == []


def test_an_event_that_says_something_else_under_a_known_id_is_refused(
    study: StudyFolder, content: dict[str, Any], write: Callable[..., Path]
) -> None:
    blind = study.load_blind()
    with EventStore.open(study) as store:
        add_events(store, [read_ratings(write(content), study_id=study.id, study=blind)])
        before = store.load()
        altered = change(content, answer={"answer": "b"})
        altered["events"].insert(0, event(30, "p3", {"answer": "a"}))
        with pytest.raises(InputError, match="event-0003 was imported before and says something else"):
            add_events(store, [read_ratings(write(altered), study_id=study.id, study=blind)])
        assert store.load() == before


def test_two_people_with_one_number_are_noticed(
    study: StudyFolder, content: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first = write(content, "first.json")
    longer = write(content | {"events": [*content["events"], event(8, "p2", {"answer": "b"})]}, "longer.json")
    other = write(content | {"events": [event(40, "p0", {"answer": "b"})]}, "other.json")
    said = "two people did not use the same number"
    assert main(["study", "import", str(study.root), str(first), str(longer)]) == 0
    assert said not in capsys.readouterr().out
    assert main(["study", "import", str(study.root), str(other)]) == 0
    assert said in capsys.readouterr().out


def test_two_people_with_one_number_are_noticed_in_files_that_come_together(
    study: StudyFolder, content: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(content | {"events": [event(40, "p0", {"answer": "b"})]}, "other.json")
    assert main(["study", "import", str(study.root), str(write(content)), str(other)]) == 0
    assert "two people did not use the same number" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["missing.json"], ["."], ["x.json", "--sheet", "1"]])
def test_what_is_no_file_is_said(study: StudyFolder, arguments: list[str]) -> None:
    assert main(["study", "import", str(study.root), *arguments]) == 2


def test_answers_are_published_without_a_system(
    study: StudyFolder, content: dict[str, Any], write: Callable[..., Path], tmp_path: Path
) -> None:
    content["events"][4] = event(5, "p2", {"answer": "b", "why": "@cmd\n+1 \u202e x"})
    main(["study", "import", str(study.root), str(write(content))])
    path = tmp_path / "out" / "answers.csv"
    assert main(["study", "export", str(study.root), "--csv", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert not [word for word in (*SYSTEMS, "labelname", "sourcename", "dialogue-") if word in text.lower()]
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["rater"], row["item"], row["answer"]) for row in rows] == [
        ("2", "p0", "a"),
        ("2", "p2", "b"),
        ("2", "r0", ""),
    ]
    assert rows[0]["why"] == "'=1+1"
    assert rows[1]["why"] == "'@cmd +1 \\u202e x"
    assert (rows[2]["faithfulness"], rows[2]["coverage"], rows[2]["errors"]) == ("4", "2", "0-2:invented")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@")]


def test_unblinded_answers_say_who_stood_where(
    study: StudyFolder, content: dict[str, Any], write: Callable[..., Path], tmp_path: Path
) -> None:
    both = [event(50, "p0", {"answer": "a"}), event(51, "p1", {"answer": "a"}), event(52, "r0", RATED)]
    main(["study", "import", str(study.root), str(write(content | {"events": both}))])
    path = tmp_path / "answers.csv"
    assert main(["study", "export", str(study.root), "--csv", str(path), "--unblind"]) == 0
    rows = {row["item"]: row for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}
    zero, lora = SYSTEMS
    shown = {"0": [zero, lora], "1": [lora, zero]}
    assert {rows["p0"]["swapped"], rows["p1"]["swapped"]} == {"0", "1"}
    for item in ("p0", "p1"):
        assert [rows[item]["shown_a"], rows[item]["shown_b"]] == shown[rows[item]["swapped"]]
        assert rows[item]["dialogue_id"] == f"dialogue-{item}"
    assert [rows["r0"]["shown_a"], rows["r0"]["shown_b"]] == [lora, ""]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to write"),
        (["--static", "out.txt"], ".html"),
        (["--csv", "out.html"], ".csv"),
        (["--static", "out.html", "--sheet", "9"], "sheets 1 to 3"),
        (["--csv", "out.csv", "--sheet", "1"], "goes with --static"),
        (["--static", "out.html", "--unblind"], "goes with --csv"),
        (["--format", "potato"], "go together"),
        (["--format", "excel", "--output", "x"], "label-studio"),
    ],
)
def test_what_cannot_be_exported_is_said(
    study: StudyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    assert main(["study", "export", str(study.root), *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert words in line
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("format", ["label-studio", "potato"])
def test_other_tools_get_files_that_name_no_system(
    study: StudyFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    folder = tmp_path / "tool"
    assert main(["study", "export", str(study.root), "--format", format, "--output", str(folder)]) == 0
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {Path(line) for line in capsys.readouterr().out.split()} == set(files)
    text = "".join(path.read_text(encoding="utf-8").lower() for path in files)
    assert not [word for word in (*SYSTEMS, "labelname", "sourcename", "dialogue-p") if word in text]
    assert main(["study", "import", str(study.root), str(files[0]), "--format", format]) == 2


def test_no_answers_are_a_table_without_rows(study: StudyFolder, tmp_path: Path) -> None:
    assert export_ratings(study.load_blind(), [], tmp_path / "none.csv") == 0
    assert (tmp_path / "none.csv").read_text().count("\n") == 1
