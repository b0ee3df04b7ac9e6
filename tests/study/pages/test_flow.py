"""From the first page to the last: three raters in each design, practice, undo, pause, coming back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.study.pages.fake_server import serving
from tests.study.pages.raters import KEYBOARD, MOUSE, TOUCH, choose, hide, open_items, place_of, score, wait_for
from tests.study.pages.sheets import CRITERIA, pair, rating, sheet

DESIGNS = {
    "pairwise": [pair(1), pair(2), pair(3)],
    "rating": [rating(1), rating(2)],
    "both": [rating(5), pair(5), pair(6)],
}
WAYS = {MOUSE: "a", KEYBOARD: "b", TOUCH: "neither"}
"""What each rater says of every pair."""


@pytest.mark.parametrize("design", DESIGNS)
def test_three_raters_complete_a_study(new_window: Callable[..., Any], design: str) -> None:
    entries = DESIGNS[design]
    for number, (way, answer) in enumerate(WAYS.items(), start=1):
        scores = [number, 5 - number, 3, 5]
        with serving(sheet(*entries)) as study:
            page = new_window(phone=way == TOUCH)
            open_items(page, study.url)
            for at, one in enumerate(entries, start=1):
                page.get_by_text(f"Item {at} of {len(entries)}").wait_for()
                if one["kind"] == "pairwise":
                    choose(page, answer, way)
                else:
                    score(page, scores, way)
            page.get_by_text("Everything is saved. You can close the page.").wait_for()
            wanted = {"scores": dict(zip([c["key"] for c in CRITERIA], scores, strict=True)), "errors": []}
            assert study.answers() == {
                one["item"]: {"answer": answer} if one["kind"] == "pairwise" else wanted for one in entries
            }
            assert [event["item"] for event in study.events if event["kind"] == "opened"] == [
                one["item"] for one in entries
            ]
            assert all(event["seconds"] >= 0 for event in study.events if event["kind"] == "answered")


def test_the_practice_round_says_why_and_is_skipped_only_after_it_was_done(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), rating(1), practice=True)) as study:
        page = new_window()
        page.goto(study.url)
        page.locator("main").get_by_text("Then judge only what the summary says").wait_for()
        assert page.get_by_role("button", name="Begin").count() == 0
        page.get_by_role("button", name="Start the practice round").click()
        page.get_by_role("button", name="Check").click()
        assert page.get_by_role("alert").inner_text() == "Choose one of the four answers first."
        page.keyboard.press("b")
        page.keyboard.press("Enter")
        feedback = page.locator(".feedback")
        assert "We see it differently" in feedback.inner_text()
        assert "We would say: A is better." in feedback.inner_text()
        assert "Nobody repaired anything yet" in feedback.inner_text()
        page.keyboard.press("Enter")
        page.get_by_text("Practice 2 of 2").wait_for()
        assert page.get_by_role("button", name="Leave the practice").count() == 0
        for key in ("1", "3", "3", "3", "Enter"):
            page.keyboard.press(key)
        assert "We see it the same way" in feedback.inner_text()
        page.get_by_role("button", name="Next").click()
        page.get_by_text("That was the practice round").wait_for()
        assert study.answers() == {}

        page.reload()
        page.get_by_role("button", name="Practise again").click()
        page.get_by_role("button", name="Leave the practice").click()
        assert place_of(page) == "Item 1 of 2"
        wait_for(page, lambda: [event["kind"] for event in study.events] == ["practised", "opened"])


def test_an_earlier_answer_is_changed_and_taken_back(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2), pair(3))) as study:
        page = new_window()
        open_items(page, study.url)
        choose(page, "a", MOUSE)
        choose(page, "a", MOUSE)
        page.keyboard.press("u")
        page.keyboard.press("u")
        assert place_of(page) == "Item 1 of 3"
        assert page.get_by_role("radio", name="A is better").is_checked()
        page.keyboard.press("t")
        page.get_by_role("button", name="Go on at 3").click()
        assert place_of(page) == "Item 3 of 3"
        wait_for(page, lambda: study.answers() == {"p1": {"answer": "tie"}, "p2": {"answer": "a"}})

        page.get_by_role("button", name="All items").click()
        page.get_by_role("button", name="Item 2, answered").click()
        page.get_by_role("button", name="Take this answer back").click()
        wait_for(page, lambda: study.answers() == {"p1": {"answer": "tie"}})
        assert page.locator("input[name=choice]:checked").count() == 0
        choose(page, "b", KEYBOARD)
        assert place_of(page) == "Item 3 of 3"
        # A look at an answer without a change adds no event.
        num_events = len(study.posts)
        page.keyboard.press("u")
        page.keyboard.press("Enter")
        assert place_of(page) == "Item 3 of 3"
        wait_for(page, lambda: study.answers()["p2"] == {"answer": "b"})
        assert len([one for one in study.posts[num_events:] if one["kind"] == "answered"]) <= 1
        assert [event["item"] for event in study.events if event["kind"] == "undone"] == ["p2"]


def test_a_rater_who_comes_back_goes_on_where_they_were(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), rating(2), pair(3))) as study:
        page = new_window()
        open_items(page, study.url)
        choose(page, "a", MOUSE)
        page.keyboard.press("4")
        page.keyboard.press("2")
        page.reload()
        page.get_by_text("Item 2 of 3").wait_for()
        assert page.locator(".criterion input:checked").evaluate_all("nodes => nodes.map(one => one.value)") == [
            "4",
            "2",
        ]
        assert page.get_by_role("button", name="All items").is_visible()
        # Another browser knows nothing of the draft, but everything of what was saved.
        other = new_window()
        other.goto(study.url)
        other.get_by_text("Item 2 of 3").wait_for()
        assert other.locator(".criterion input:checked").count() == 0
        assert other.locator("#count").inner_text() == "1 of 3"


def test_an_unfinished_rating_says_what_is_missing(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1))) as study:
        page = new_window()
        open_items(page, study.url)
        page.keyboard.press("4")
        page.locator(".next").click()
        assert page.get_by_role("alert").inner_text() == "Still to rate: Coverage, Concision, Fluency."
        assert study.answers() == {}


def test_the_reason_is_optional_and_kept(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2), asks_why=True)) as study:
        page = new_window()
        open_items(page, study.url)
        page.keyboard.press("a")
        page.get_by_label("Why? (optional)").fill("  n, the time is t; b is not  ")
        page.keyboard.press("Control+Enter")
        choose(page, "b", KEYBOARD)
        page.get_by_text("Thank you!").wait_for()
        wait_for(page, lambda: len(study.answers()) == 2)
        assert study.answers() == {
            "p1": {"answer": "a", "why": "n, the time is t; b is not"},
            "p2": {"answer": "b"},
        }


def test_the_clock_stands_still_while_nobody_looks(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        page.clock.install()
        open_items(page, study.url)
        page.clock.run_for(10_000)
        page.keyboard.press("p")
        assert not page.locator(".item").is_visible()
        page.clock.run_for(60_000)
        page.keyboard.press("a")  # nothing is answered behind a pause
        page.keyboard.press("p")
        assert page.locator("input[name=choice]:checked").count() == 0
        page.clock.run_for(5_000)
        page.keyboard.press("b")
        page.clock.run_for(600_000)  # of ten minutes without an input two count
        page.keyboard.press("b")
        hide(page, True)
        page.clock.run_for(30_000)
        hide(page, False)
        page.clock.run_for(1_000)
        page.keyboard.press("Enter")
        wait_for(page, lambda: "p1" in study.answers())
        [seconds] = [event["seconds"] for event in study.events if event["kind"] == "answered"]
        assert seconds == pytest.approx(10 + 5 + 120 + 1, abs=2.5)


def test_single_keys_can_be_switched_off(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1))) as study:
        page = new_window()
        open_items(page, study.url)
        page.keyboard.press("?")
        page.get_by_label("Single keys work").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        assert page.locator("input[name=choice]:checked").count() == 0


def test_a_whole_sheet_by_keyboard_alone(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), rating(1), practice=True)) as study:
        page = new_window()
        page.goto(study.url)
        page.get_by_role("button", name="Start the practice round").wait_for()
        page.keyboard.press("Enter")
        for keys in (["a", "Enter", "Enter"], [*"1234", "Enter", "Enter"]):
            page.get_by_role("button", name="Check").wait_for()
            for key in keys:
                page.keyboard.press(key)
        page.get_by_text("That was the practice round").wait_for()
        page.keyboard.press("Enter")
        page.get_by_text("Item 1 of 2").wait_for()
        # Radio buttons by their own keys, too.
        for _ in range(9):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.type") == "radio":
                break
        for key in ("ArrowRight", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        page.get_by_text("Item 2 of 2").wait_for()
        for key in ("5", "4", "3", "2", "Enter"):
            page.keyboard.press(key)
        page.get_by_text("Everything is saved. You can close the page.").wait_for()
        assert study.answers()["r1"]["scores"] == {"faithfulness": 5, "coverage": 4, "concision": 3, "fluency": 2}
        assert study.answers()["p1"] == {"answer": "tie"}
