"""From a scored table to the report: three raters who know what they prefer finish each design in a browser."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

import dialora
from dialora.report.comparison_stage import load_comparison
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.serving.app import build_app
from dialora.study.serving.links import Links
from tests.study.pages.conftest import browser, new_window  # noqa: F401
from tests.study.pages.raters import KEYBOARD, MOUSE, TOUCH, choose, open_items, score
from tests.study.serving.conftest import Client, build_event, serve  # noqa: F401

WAYS = {1: KEYBOARD, 2: MOUSE, 3: TOUCH}
NUM_DIALOGUES = 12
DRAWN = 8


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored table of two systems: one says who meets when, the other something else."""
    monkeypatch.chdir(tmp_path)
    with Path("outputs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "dialogue", "reference", "saying", "straying"])
        for at in range(NUM_DIALOGUES):
            day = f"the {at + 3}th"
            dialogue = f"Ann{at}: Shall we meet on {day}?\nBob{at}: Yes, at my place."
            reference = f"Ann{at} and Bob{at} will meet on {day} at Bob{at}'s."
            writer.writerow(
                [at, dialogue, reference, f"Bob{at} agrees to meet on {day}.", f"Somebody sings song {at}."]
            )
    dialora.score_outputs("outputs.csv", output="runs/outputs")
    return Path("runs/outputs")


def judge(page: Any, way: str) -> None:
    """Answer what is shown by what the texts say: who strays is worse, and so is what is not of the dialogue."""
    dialogue = page.locator(".dialogue").first.inner_text()
    texts = [one.inner_text() for one in page.locator(".card").all()]
    place = next(word for word in dialogue.split() if word.startswith("Ann")).strip(":").removeprefix("Ann")
    good = [f"Bob{place} " in text or f"Ann{place} " in text for text in texts]
    if len(texts) == 2:
        choose(page, "tie" if good[0] == good[1] else "a" if good[0] else "b", way)
    else:
        score(page, [5, 5, 5, 5] if good[0] else [1, 1, 2, 4], way)


@pytest.mark.slow
@pytest.mark.parametrize("design", ["pairwise", "rating", "both"])
def test_raters_with_known_preferences(
    design: str,
    folder: Path,
    new_window: Callable[..., Any],  # noqa: F811
    serve: Callable[[Starlette], int],  # noqa: F811
) -> None:
    drawn = dialora.create_study(folder, num_dialogues=DRAWN, design=design, output="study")
    assert drawn.num_dialogues == DRAWN
    study = StudyFolder(Path("study"))
    blind = study.load_blind()
    with EventStore.open(study) as store:
        client = Client(serve(build_app(study, store)), Links.open(study))
        for sheet, way in WAYS.items():
            client.post(sheet, build_event(None, kind="practised"))
            page = new_window(phone=way == TOUCH)
            open_items(page, f"http://127.0.0.1:{client.port}{client.address(sheet)}")
            count = len(blind.find_sheet(sheet).entries)
            for at in range(count):
                page.get_by_text(f"Item {at + 1} of {count}").wait_for()
                judge(page, way)
            page.get_by_text("Everything is saved. You can close the page.").wait_for()
    result = dialora.analyse_study("study", keep_all=True)
    assert result.num_judgements == result.num_asked
    if design != "rating":
        (pair,) = result.preferences
        assert (pair.a, pair.b) == ("straying", "saying")
        assert (pair.wins, pair.losses, pair.share, pair.is_clear) == (0, 3 * DRAWN, 0.0, True)
    if design != "pairwise":
        means = {(row.system, row.criterion): row.mean for row in result.ratings}
        assert (means["saying", "faithfulness"], means["straying", "faithfulness"]) == (5, 1)
    for rater in result.raters:
        assert rater.attention_passed == rater.attention_asked > 0
        assert rater.self_agreement in (1, None)
    dialora.score_outputs("outputs.csv", output=folder)
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "What people judged" in report
    assert "saying" in load_comparison(folder).comparison.verdict.split("People ")[-1]
    assert dialora.load_comparison(folder).plot("people").svg.startswith("<?xml")
