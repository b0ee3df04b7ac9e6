"""A study is analysed from its folder: who is left out and what that changes, what is written, the commands."""

import csv
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dialora.cli import main
from dialora.comparison.people import StudyResult
from dialora.report.people import build_study_tables
from dialora.store import names
from dialora.study.analysis.analyse import analyse_study, build_result
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import ANSWERED, UNDONE, Event, Judgement
from dialora.study.key import ATTENTION, ItemKey
from dialora.study.records import Entry, Item, Sheet
from tests.study.analysis.simulation import CRITERIA, Layout, Rater, draw_layout, draw_qualities, judge

SYSTEMS = ("full", "lora", "zero")
NOW = "2026-03-01T10:00:00+00:00"


def add_checks(layout: Layout, number: int = 3) -> Layout:
    """Plant attention checks at the end of every sheet; the first text is the better one."""
    checks = [ItemKey(f"c{at}", ATTENTION, "d0", ((), ()), "random", better=0) for at in range(number)]
    items = {one.id: Item(one.id, "pairwise", "A: hi", ("good", "bad")) for one in checks}
    sheets = tuple(
        Sheet(sheet.number, (*sheet.entries, *(Entry(one.id) for one in checks))) for sheet in layout.blind.sheets
    )
    key = replace(layout.key, items=(*layout.key.items, *checks))
    return Layout(key, replace(layout.blind, items=layout.blind.items | items, sheets=sheets))


def judge_checks(layout: Layout, answers: dict[int, str]) -> list[Judgement]:
    return [
        Judgement(sheet.number, entry.item, place, answer=answers[sheet.number])
        for sheet in layout.blind.sheets
        for place, entry in enumerate(sheet.entries)
        if entry.item.startswith("c")
    ]


@pytest.fixture
def layout() -> Layout:
    return add_checks(draw_layout(SYSTEMS, num_dialogues=20, design="both", identical=[("d3", "lora", "full")]))


@pytest.fixture
def judgements(layout: Layout) -> list[Judgement]:
    """Raters 1 and 2 prefer lora, rater 3 prefers full and fails every check."""
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 1.5, "zero": -1.0}, rng)
    raters = [Rater(), Rater(side=0.5), Rater(taste=(6.0, 0.0, 0.0))]
    return judge(layout, raters, qualities, rng, errors=0.2) + judge_checks(layout, {1: "a", 2: "a", 3: "b"})


def to_events(judgements: list[Judgement]) -> list[Event]:
    return [
        Event(
            str(uuid.uuid4()),
            one.sheet,
            ANSWERED,
            one.item,
            {"answer": one.answer}
            if one.answer
            else {"scores": one.scores, "errors": [error.to_json() for error in one.errors]},
            one.seconds,
            f"2026-03-01T10:{at // 60 % 60:02}:{at % 60:02}+00:00",
        )
        for at, one in enumerate(judgements)
    ]


def test_who_fails_the_checks_is_left_out_and_what_that_changes_is_said(
    layout: Layout, judgements: list[Judgement]
) -> None:
    result = build_result(layout.blind, layout.key, judgements)
    assert [rater.excluded for rater in result.raters] == ["", "", "failed 3 of 3 attention checks"]
    # Two raters, 20 dialogues: three texts or two to rate, three pairs or one.
    assert result.num_raters == 2
    assert result.num_judgements == result.num_asked == 2 * (19 * (3 + 3) + (2 + 1))
    preferred = result.preferences[0]
    assert (preferred.a, preferred.b, preferred.num_dialogues) == ("lora", "full", 20)
    assert preferred.share > 0.6
    note = next(note for note in result.notes if note.startswith("Rater 3"))
    assert "left out" in note
    assert "3 of 3 attention checks" in note
    kept = build_result(layout.blind, layout.key, judgements, keep_all=True)
    assert kept.num_raters == 3
    assert kept.preferences[0].share < preferred.share
    assert all(not rater.excluded for rater in kept.raters)
    # Either tells the numbers of the other, of every pair and criterion.
    told = next(note for note in result.notes if note.startswith("With them"))
    told_without = next(note for note in kept.notes if note.startswith("Without them"))
    for pair, other in zip(result.preferences, kept.preferences, strict=True):
        assert f"{100 * other.share:.0f} % [{100 * other.ci_low:.0f}" in told
        assert f"{100 * pair.share:.0f} % [{100 * pair.ci_low:.0f}" in told_without
    assert told.count("Faithfulness") == told.count("Coverage") == 3


def test_all_parts_of_a_result_come_back_from_json(layout: Layout, judgements: list[Judgement]) -> None:
    key = replace(
        layout.key,
        scores={f"d{at}": {system: {"rouge1": at * 0.01 + len(system)} for system in SYSTEMS} for at in range(20)},
    )
    result = build_result(layout.blind, key, judgements)
    for part in (result.strengths, result.ratings, result.rating_differences, result.agreements, result.errors):
        assert part
    assert {row.level for row in result.metrics} == {"dialogue", "system"}
    assert StudyResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert build_result(layout.blind, key, judgements) == result


def test_nobody_has_judged_yet(layout: Layout) -> None:
    result = build_result(layout.blind, layout.key, [])
    assert (result.num_judgements, result.num_raters, result.preferences, result.ratings) == (0, 0, (), ())
    assert result.notes == ("Nobody has judged anything yet.",)
    assert [table.key for table in build_study_tables(result)] == ["people-raters"]


def test_every_rater_left_out_leaves_nothing_and_says_so(layout: Layout, judgements: list[Judgement]) -> None:
    only_third = [one for one in judgements if one.sheet == 3]
    result = build_result(layout.blind, layout.key, only_third)
    assert result.num_judgements == 0
    assert result.preferences == ()
    assert any("Rater 3" in note for note in result.notes)


def test_one_rater_an_unfinished_sheet_and_one_side_are_told(layout: Layout) -> None:
    sheet = layout.blind.sheets[0]
    pairs = [(at, entry) for at, entry in enumerate(sheet.entries) if entry.item.startswith("p")]
    always = [Judgement(1, entry.item, at, answer="a") for at, entry in pairs]
    notes = " ".join(build_result(layout.blind, layout.key, always).notes)
    assert f"{len(pairs)} of {3 * (19 * 6 + 3)} judgements" in notes
    assert "One rater" in notes
    assert "Rater 1 chose A in 100 %" in notes
    assert "favours no system" in notes
    assert "LORA and FULL (1)" in notes


def test_systems_that_wrote_the_same_throughout_are_told() -> None:
    same = [(f"d{at}", "lora", "full") for at in range(5)]
    layout = draw_layout(SYSTEMS, num_dialogues=5, identical=same)
    always = [Judgement(1, entry.item, at, answer="a") for at, entry in enumerate(layout.blind.sheets[0].entries)]
    result = build_result(layout.blind, layout.key, always)
    assert [(pair.a, pair.b) for pair in result.preferences] == [("zero", "full"), ("zero", "lora")]
    assert "LORA and FULL wrote the same for every dialogue: there was nothing to prefer." in result.notes


def test_what_was_taken_back_does_not_count(layout: Layout, judgements: list[Judgement], tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    folder.save(layout.blind, layout.key)
    events = to_events(judgements)
    undone = [replace(event, id=str(uuid.uuid4()), kind=UNDONE, answer=None) for event in events]
    assert analyse_study(folder, [*events, *undone]).num_judgements == 0
    assert analyse_study(folder, [*events, *undone, *events]).num_judgements > 0


def test_the_result_is_kept_beside_the_systems_it_judged(
    layout: Layout, judgements: list[Judgement], tmp_path: Path
) -> None:
    here, gone = tmp_path / "run", tmp_path / "gone"
    here.mkdir()
    key = replace(
        layout.key,
        systems=tuple(
            replace(one, source=str(source)) for one, source in zip(layout.key.systems, (here, here, gone), strict=True)
        ),
    )
    folder = StudyFolder(tmp_path / "s")
    folder.save(layout.blind, key)
    result = analyse_study(folder, to_events(judgements), save=False)
    assert not (folder.root / names.ANALYSIS_JSON).exists()
    assert list(here.iterdir()) == []
    saved = analyse_study(folder, to_events(judgements))
    # That a report did not get it is said.
    assert f"{gone} is not there" in saved.notes[-1]
    assert saved == replace(result, notes=saved.notes)
    assert StudyResult.from_json(json.loads((folder.root / names.ANALYSIS_JSON).read_text())) == saved
    (path,) = (here / names.STUDIES).iterdir()
    assert StudyResult.from_json(json.loads(path.read_text())["result"]) == result
    assert not gone.exists()
    assert result.sources == (str(here), str(gone))
    # What was judged of each system is known by its words, merged texts under each writer.
    assert set(result.judged) == set(SYSTEMS)
    assert len(result.judged["lora"]) == 20
    assert result.judged["lora"]["d3"] == result.judged["full"]["d3"]
    assert result.judged["lora"]["d4"] != result.judged["full"]["d4"]


def test_two_studies_of_one_name_have_a_file_each(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for number, times in ((10, 1), (12, 2)):
        drawn = draw_layout(("full", "lora"), num_dialogues=number)
        key = replace(drawn.key, systems=tuple(replace(one, source=str(run)) for one in drawn.key.systems))
        folder = StudyFolder(tmp_path / str(number) / "study")
        folder.save(drawn.blind, key)
        for _ in range(times):
            analyse_study(folder, [])
    assert len(list((run / names.STUDIES).iterdir())) == 2


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_from_a_table_to_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("o.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "dialogue", "reference", "short", "long"])
        for at in range(12):
            dialogue = f"Ann: Shall we meet at {at}?\nBob: Yes, at {at} in the park."
            # The systems wrote the same of the last one, and one of them nothing of the first.
            short = "" if at == 0 else "They meet." if at < 11 else "Ann and Bob meet."
            long = f"Ann and Bob meet at {at}  in the park." if at < 11 else "Ann and Bob meet."
            writer.writerow([at, dialogue, f"Ann meets Bob in the park at {at} o'clock.", short, long])
    code, _, error = run("study", "create", "o.csv", "--items", "12", "--design", "both", "--name", "parks")
    assert code == 0, error
    folder = StudyFolder(Path("studies/parks"))
    blind, key = folder.load_blind(), folder.load_key()
    # Raters who like what is long, and notice a summary of another dialogue.
    better = {item.id: item.better for item in key.items}
    with EventStore.open(folder) as store:
        for sheet in blind.sheets:
            for entry in sheet.entries:
                item = blind.items[entry.item]
                if item.kind == "pairwise":
                    wanted = (
                        better[item.id] if better[item.id] is not None else int(len(item.texts[1]) > len(item.texts[0]))
                    )
                    answer = {"answer": "ab"[wanted ^ entry.is_swapped]}
                else:
                    score = 1 if better[item.id] == -1 else min(5, 1 + len(item.texts[0]) // 8)
                    answer = {"scores": {one.key: score for one in blind.settings.criteria}, "errors": []}
                store.append(Event(str(uuid.uuid4()), sheet.number, ANSWERED, item.id, answer, 60.0, NOW))
    code, out, error = run("study", "analyse", "parks")
    assert code == 0, error
    sentence = " ".join(out.split())
    assert "People preferred long to short in 96 %" in sentence
    assert "(33 judgements: 33 for, 0 against, 0 for neither" in sentence
    code, out, error = run("study", "analyse", "studies/parks", "--json")
    assert code == 0, error
    result = StudyResult.from_json(json.loads(out))
    assert all(not rater.excluded and rater.self_agreement == 1 for rater in result.raters)
    (pair,) = result.preferences
    assert (pair.wins, pair.losses, pair.num_identical) == ((33, 0, 1) if pair.a == "long" else (0, 33, 1))
    assert result.written_by == {one.key: (one.key, one.source) for one in key.systems}
    # The report of the table shows it: the texts are those that were judged, the empty one too.
    code, _, error = run("score", "o.csv")
    assert code == 0, error
    written = Path("runs/o/report.md").read_text()
    assert "People preferred long to short" in written
    assert "judged other summaries" not in written


def test_analyse_of_no_study_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, error = run("study", "analyse", "nothing")
    assert code != 0
    assert "holds no study" in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_power_prints_a_table_or_json(run: Run) -> None:
    code, out, _ = run("study", "power", "--items", "20", "--raters", "3", "--share", ".6")
    assert code == 0
    assert "60 %" in out
    code, out, _ = run("study", "power", "--items", "20", "--items", "40", "--raters", "1", "--share", "0.6", "--json")
    assert code == 0
    assert [(one["num_dialogues"], one["num_raters"], one["share"]) for one in json.loads(out)] == [
        (20, 1, 0.6),
        (40, 1, 0.6),
    ]


@pytest.mark.parametrize(
    "arguments", [("--items", "1"), ("--raters", "0"), ("--share", "60"), ("--share", "nan"), ("--items", "1000000000")]
)
def test_power_of_an_impossible_study_is_one_line(arguments: tuple[str, str], run: Run) -> None:
    code, out, error = run("study", "power", *arguments)
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert arguments[0] in error


def test_power_of_studies_that_would_take_hours_is_refused_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated: list[int] = []
    monkeypatch.setattr("dialora.study.analysis.power._simulate", lambda *size: simulated.append(size[0]) or 0.5)
    for arguments in (["--items", "10000", "--raters", "10000", "--share", ".5"], ["--items", "10000"] * 3):
        code, out, error = run("study", "power", *arguments)
        assert (code, out, simulated) == (2, "", [])
        assert error.count("\n") == 1
        assert "ask for at most 500,000 at once" in error
    for arguments in (["--items", "10000", "--raters", "10", "--share", ".5"], []):
        assert run("study", "power", *arguments)[0] == 0
    assert len(simulated) == 1 + 5 * 3 * 4


def test_criteria_are_those_of_the_settings(layout: Layout, judgements: list[Judgement]) -> None:
    assert tuple(build_result(layout.blind, layout.key, judgements).criteria) == CRITERIA
