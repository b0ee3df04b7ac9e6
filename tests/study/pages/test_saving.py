"""What is answered is stored once, whatever the network does, and two tabs show one sheet."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.study.pages.fake_server import serving
from tests.study.pages.raters import KEYBOARD, MOUSE, choose, hide, open_items, place_of, wait_for
from tests.study.pages.sheets import pair, sheet


def test_nothing_is_lost_or_doubled_while_the_server_fails(new_window: Callable[..., Any]) -> None:
    with serving(sheet(*[pair(n) for n in range(1, 6)])) as study:
        page = new_window()
        open_items(page, study.url)
        choose(page, "a", MOUSE)
        wait_for(page, lambda: "p1" in study.answers())
        study.trouble = 503
        choose(page, "b", KEYBOARD)
        choose(page, "tie", KEYBOARD)
        page.get_by_text("Not saved yet, retrying").first.wait_for()
        page.keyboard.press("u")
        choose(page, "neither", KEYBOARD)
        assert place_of(page) == "Item 4 of 5"
        wait_for(page, lambda: sum(post["item"] == "p2" for post in study.posts) > 1)
        assert study.answers() == {"p1": {"answer": "a"}}
        study.trouble = None
        wait_for(page, lambda: len(study.answers()) == 3)
        page.get_by_text("Everything is saved.").wait_for(state="attached")
        assert page.locator("#saved").inner_text() == "Saved"
        assert study.answers() == {"p1": {"answer": "a"}, "p2": {"answer": "b"}, "p3": {"answer": "neither"}}
        kinds = Counter((event["kind"], event["item"]) for event in study.events)
        assert [kinds["answered", item] for item in ("p1", "p2", "p3")] == [1, 1, 2]
        # A retry is the same event.
        assert {post["id"] for post in study.posts} == {event["id"] for event in study.events}


def test_an_answer_whose_reply_was_lost_is_not_stored_twice(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        open_items(page, study.url)
        wait_for(page, lambda: len(study.events) == 1)
        study.trouble = 0
        choose(page, "a", KEYBOARD)
        wait_for(page, lambda: sum(post["kind"] == "answered" for post in study.posts) > 1)
        study.trouble = None
        wait_for(page, lambda: len(study.events) >= 3)
        wait_for(page, lambda: page.locator("#saved").inner_text() == "Saved")
        assert [event["kind"] for event in study.events] == ["opened", "answered", "opened"]


def test_what_was_not_saved_survives_closing_the_page(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        open_items(page, study.url)
        study.trouble = 503
        choose(page, "b", KEYBOARD)
        page.get_by_text("Not saved yet, retrying").first.wait_for()
        warnings = []
        page.on("dialog", lambda dialog: (warnings.append(dialog.type), dialog.accept()))
        page.close(run_before_unload=True)
        later = new_window(beside=page)
        wait_for(later, lambda: warnings == ["beforeunload"])
        study.trouble = None
        later.goto(study.url)
        wait_for(later, lambda: study.answers() == {"p1": {"answer": "b"}})
        later.get_by_text("Item 2 of 2").wait_for()
        assert len([event for event in study.events if event["kind"] == "answered"]) == 1


def test_a_refused_answer_is_said_and_its_item_is_open_again(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        open_items(page, study.url)
        wait_for(page, lambda: len(study.events) == 1)
        study.trouble = 422
        choose(page, "a", KEYBOARD)
        page.get_by_text("Not accepted: This answer is not of this study.").first.wait_for()
        study.trouble = None
        choose(page, "b", KEYBOARD)
        page.get_by_text("Item 1 of 2").wait_for()
        wait_for(page, lambda: study.answers() == {"p2": {"answer": "b"}})
        choose(page, "tie", KEYBOARD)
        page.get_by_text("Thank you!").wait_for()
        wait_for(page, lambda: len(study.answers()) == 2)


def test_a_link_that_opens_nothing_says_so(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1))) as study:
        page = new_window()
        page.route(
            "**/sheet", lambda route: route.fulfill(status=404, json={"error": "This invitation is not of this study."})
        )
        page.goto(study.url)
        page.get_by_role("alert").get_by_text("This invitation is not of this study.").wait_for()


def test_the_page_waits_for_a_server_that_comes_later(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1))) as study:
        page = new_window()
        replies = iter([503, None])
        page.route(
            "**/sheet",
            lambda route: route.fulfill(status=code) if (code := next(replies, None)) else route.continue_(),
        )
        page.goto(study.url)
        page.get_by_text("This page tries again by itself.").wait_for()
        page.get_by_role("button", name="Begin").wait_for()


def test_two_tabs_of_a_rater_come_to_one_sheet(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2), pair(3))) as study:
        one = new_window()
        open_items(one, study.url)
        other = new_window(beside=one)
        open_items(other, study.url)
        choose(one, "a", KEYBOARD)
        choose(one, "b", KEYBOARD)
        wait_for(one, lambda: len(study.answers()) == 2)
        hide(other, True)
        hide(other, False)
        other.get_by_text("Item 3 of 3").wait_for()
        other.locator("#count", has_text="2 of 3").wait_for()

        # One changes an answer while the other finishes: both end with the same.
        choose(other, "tie", KEYBOARD)
        one.keyboard.press("u")
        one.get_by_role("button", name="Take this answer back").click()
        wait_for(one, lambda: study.answers() == {"p1": {"answer": "a"}, "p3": {"answer": "tie"}})
        hide(other, True)
        hide(other, False)
        for page in (one, other):
            page.get_by_text("Item 2 of 3").wait_for()
            page.locator("#count", has_text="2 of 3").wait_for()
        choose(other, "b", KEYBOARD)
        other.get_by_text("Thank you!").wait_for()
        wait_for(other, lambda: len(study.answers()) == 3)
        hide(one, True)
        hide(one, False)
        one.get_by_text("Thank you!").wait_for()


def test_ids_are_drawn_where_the_page_is_not_served_by_https(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        page.add_init_script("Object.defineProperty(crypto, 'randomUUID', { value: undefined });")
        open_items(page, study.url)
        choose(page, "a", KEYBOARD)
        wait_for(page, lambda: "p1" in study.answers())
        drawn = [event["id"] for event in list(study.events)]
        ids = set(drawn)
        assert len(ids) == len(drawn)
        assert {str(uuid.UUID(one)) for one in ids} == ids
        assert {uuid.UUID(one).version for one in ids} == {4}


def test_what_was_not_saved_when_a_link_ran_out_is_sent_under_the_next_one(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2), pair(3), pair(4))) as study:
        page = new_window()
        open_items(page, study.url)
        choose(page, "a", KEYBOARD)
        wait_for(page, lambda: "p1" in study.answers())
        study.expired.add("token")
        choose(page, "b", KEYBOARD)
        choose(page, "tie", KEYBOARD)
        page.get_by_text("Not saved yet, retrying: This invitation has run out.").first.wait_for()
        again = new_window(beside=page)
        again.goto(f"{study.address}/r/another")
        again.get_by_text("Item 4 of 4").wait_for()
        everything = {"p1": {"answer": "a"}, "p2": {"answer": "b"}, "p3": {"answer": "tie"}}
        wait_for(again, lambda: study.answers() == everything)
        wait_for(again, lambda: again.locator("#saved").inner_text() == "Saved")
        assert len([event for event in study.events if event["kind"] == "answered"]) == 3
