"""Words are marked by mouse, finger and keyboard, and counted as `text.split()` counts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.study.pages.fake_server import serving
from tests.study.pages.raters import KEYBOARD, open_items, score, wait_for
from tests.study.pages.sheets import rating, sheet

TEXT = "Ann  will book\nthe table, and Bob – “the cook” – comes at\u00a0eight 😀."
WORDS = TEXT.split()


def drag(page: Any, start: int, stop: int) -> None:
    """Press on a word, move to another, and let go."""
    first, last = page.locator(".word").nth(start).bounding_box(), page.locator(".word").nth(stop).bounding_box()
    page.mouse.move(first["x"] + 4, first["y"] + 8)
    page.mouse.down()
    page.mouse.move(last["x"] + 4, last["y"] + 8, steps=6)
    page.mouse.up()


def marked(page: Any) -> list[tuple[str, str]]:
    """The words and the kind of each mark, as they are listed in text."""
    rows = page.locator(".marks li")
    return list(zip(rows.locator("q").all_text_contents(), rows.locator("b").all_text_contents(), strict=True))


def finish(page: Any, study: Any) -> list[dict[str, Any]]:
    """Rate the text, and return the marks that were stored."""
    page.locator("#heading").focus()
    score(page, [3, 3, 3, 3], KEYBOARD)
    wait_for(page, lambda: "r1" in study.answers())
    return list(study.answers()["r1"]["errors"])


def test_marks_by_mouse(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1, text=TEXT))) as study:
        page = new_window()
        open_items(page, study.url)
        assert page.locator(".word").all_inner_texts() == WORDS
        page.locator(".word").nth(0).click()
        page.get_by_role("menuitem", name="Wrong speaker").click()
        drag(page, 6, 9)
        page.keyboard.press("3")
        page.locator(".word").nth(2).click()
        page.keyboard.press("Escape")
        page.locator(".word").nth(4).click()
        page.locator(".word").nth(3).click()  # a second click while the menu is open: from there to here
        page.get_by_role("menuitem", name="Wrong modality").click()
        assert marked(page) == [
            ("Ann", "Wrong speaker"),
            ("the table,", "Wrong modality"),
            ("Bob – “the cook”", "Invented"),
        ]
        page.get_by_role("button", name="Remove the mark on the table,").click()
        # What is marked anew takes the place of what it meets.
        drag(page, 9, 10)
        page.get_by_role("menuitem", name="Wrong referent").click()
        assert finish(page, study) == [
            {"start": 0, "stop": 1, "kind": "speaker"},
            {"start": 9, "stop": 11, "kind": "referent"},
        ]


def test_a_mark_is_removed_from_its_menu(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1, text=TEXT))) as study:
        page = new_window()
        open_items(page, study.url)
        drag(page, 0, 2)
        page.keyboard.press("2")
        page.locator(".word").nth(1).click()
        page.get_by_role("menuitem", name="Remove the mark").click()
        assert finish(page, study) == []


def test_marks_by_keyboard_alone(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1, text=TEXT))) as study:
        page = new_window()
        page.goto(study.url)
        page.get_by_role("button", name="Begin").focus()
        page.keyboard.press("Enter")
        page.locator(".word").first.wait_for()
        for _ in range(9):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.className.includes('word')"):
                break
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Enter", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        page.get_by_text("Marked: Wrong referent.").wait_for(state="attached")
        assert page.locator(".word").nth(4).get_attribute("aria-description") == "marked: Wrong referent"
        page.keyboard.press("End")
        page.keyboard.press(" ")
        page.keyboard.press("1")
        assert finish(page, study) == [
            {"start": 2, "stop": 5, "kind": "referent"},
            {"start": len(WORDS) - 1, "stop": len(WORDS), "kind": "speaker"},
        ]


def test_marks_by_finger_on_a_phone(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1, text=TEXT))) as study:
        page = new_window(phone=True)
        open_items(page, study.url)
        page.locator(".word").nth(5).tap()
        menu = page.get_by_role("menu").bounding_box()
        assert menu["y"] + menu["height"] == 740  # at the thumb
        page.locator(".word").nth(6).tap()
        page.get_by_role("menuitem", name="Invented").tap()
        assert finish(page, study) == [{"start": 5, "stop": 7, "kind": "invented"}]


def test_marks_come_back_with_the_answer(new_window: Callable[..., Any]) -> None:
    answer = {
        "scores": dict.fromkeys(("faithfulness", "coverage", "concision", "fluency"), 2),
        "errors": [{"start": 1, "stop": 3, "kind": "invented"}],
        "why": "",
    }
    with serving(sheet(rating(1, text=TEXT), rating(2), state={"r1": answer})) as study:
        page = new_window()
        open_items(page, study.url)
        page.keyboard.press("u")
        assert [
            at
            for at in range(len(WORDS))
            if "is-marked" in (page.locator(".word").nth(at).get_attribute("class") or "")
        ] == [1, 2]
        assert page.locator(".criterion input:checked").count() == 4
        assert [post["kind"] for post in study.posts if post["kind"] == "answered"] == []


def test_a_press_beside_the_menu_closes_it_without_a_mark(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1, text=TEXT))) as study:
        page = new_window()
        open_items(page, study.url)
        page.locator(".word").nth(2).click()
        page.locator(".turns").click()
        assert not page.get_by_role("menu").is_visible()
        page.locator(".word").nth(4).click()  # a new range, not a longer one
        page.keyboard.press("3")
        assert marked(page) == [("table,", "Invented")]
        assert finish(page, study) == [{"start": 4, "stop": 5, "kind": "invented"}]


def test_a_phone_shows_the_words_that_the_menu_is_about(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1, "\n".join(f"Ann: line {n}" for n in range(30)), TEXT))) as study:
        page = new_window(phone=True)
        open_items(page, study.url)
        page.locator(".word").last.scroll_into_view_if_needed()
        page.locator(".word").last.tap()
        box = page.locator(".word").last.bounding_box()
        assert box["y"] + box["height"] <= page.get_by_role("menu").bounding_box()["y"]
        assert box["y"] >= page.locator("header.bar").bounding_box()["height"]


def test_a_tap_at_any_height_of_a_phone_opens_the_menu_and_marks_nothing(new_window: Callable[..., Any]) -> None:
    """The menu opens where the finger is: the tap that opens it must choose nothing in it, nor in what moved there."""
    dialogue = "\n".join(f"Ann: Is it {n}?" for n in range(20))
    with serving(sheet(rating(1, dialogue, TEXT))) as study:
        page = new_window(phone=True)
        open_items(page, study.url)
        heights: list[float] = []
        for share in (0.2, 0.45, 0.6, 0.75):
            top = page.locator(".word").nth(2).bounding_box()["y"]
            page.evaluate(f"window.scrollBy(0, {top} - innerHeight * {share})")
            box = page.locator(".word").nth(2).bounding_box()
            heights.append(box["y"] / page.viewport_size["height"])
            page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.get_by_role("menu").wait_for()
            page.wait_for_timeout(400)  # until a click that came later would have
            assert page.get_by_role("menu").is_visible()
            assert marked(page) == []
            page.get_by_role("menuitem", name="Cancel").tap()
            page.get_by_role("menu").wait_for(state="hidden")
        assert max(heights) > 0.7
        page.locator(".word").nth(2).tap()
        page.get_by_role("menuitem", name="Invented").tap()
        assert marked(page) == [("book", "Invented")]
