"""What a screen reader, a keyboard and weak eyes need: names, landmarks, focus, contrast, room on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.study.pages.fake_server import serving
from tests.study.pages.raters import KEYBOARD, choose, open_items, wait_for
from tests.study.pages.sheets import pair, rating, sheet

UNNAMED = """() => {
    const isShown = (node) => node.checkVisibility({ visibilityProperty: true });
    const name = (node) => {
        const label = node.getAttribute("aria-label")
            ?? document.getElementById(node.getAttribute("aria-labelledby"))?.textContent ?? "";
        const own = [...node.childNodes].map((child) => child.nodeType === 3 ? child.data
            : child.getAttribute?.("aria-hidden") === "true" ? "" : child.textContent).join("");
        return label.trim() || [...(node.labels ?? [])].map((one) => one.textContent).join("").trim() || own.trim();
    };
    const all = "button, input, textarea, summary, a, progress, dialog, [role=listbox], [role=option], [role=menu]";
    const found = document.querySelectorAll(`${all}, [tabindex='0']`);
    return [...found].filter((node) => isShown(node) && !name(node)).map((node) => node.outerHTML.slice(0, 120));
}"""
CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const read = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map((one) => one / 255);
    };
    const light = ([r, g, b]) => [r, g, b].map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const color = read(getComputedStyle(at).backgroundColor);
            if (color[3] > 0.99) return color;
        }
        return [1, 1, 1, 1];
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = {};
    while (texts.nextNode()) {
        const node = texts.currentNode.parentElement;
        const text = texts.currentNode.data.trim();
        if (!text || node.closest("script, style, noscript, .unseen, button:disabled")) continue;
        if (!node.checkVisibility({ visibilityProperty: true })) continue;
        let seen = 1;
        for (let at = node; at; at = at.parentElement) seen *= Number(getComputedStyle(at).opacity);
        const back = ground(node);
        const fore = read(getComputedStyle(node).color).map((c, at) => seen * c + (1 - seen) * back[at]);
        const [dark, bright] = [light(fore), light(back)].sort((a, b) => a - b);
        const ratio = (bright + 0.05) / (dark + 0.05);
        if (ratio < 4.5) found[`${node.tagName}.${node.className} “${text.slice(0, 20)}”`] = ratio;
    }
    return found;
}"""


def visit(page: Any, url: str) -> Any:
    """Go through the page, and stop at each view."""
    page.goto(url)
    page.locator("#heading").wait_for()
    yield "welcome"
    page.get_by_role("button", name="Start the practice").click()
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    yield "feedback"
    page.get_by_role("button", name="Next").click()
    for key in "1111":
        page.keyboard.press(key)
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Begin").click()
    page.locator(".next").click()
    page.keyboard.press("a")
    yield "pair"
    page.keyboard.press("?")
    yield "help"
    page.keyboard.press("Escape")
    page.locator("#heading").focus()
    page.keyboard.press("Enter")
    page.locator(".word").nth(1).click()
    yield "menu"
    page.keyboard.press("1")
    page.locator(".next").click()
    page.locator("#heading").focus()
    page.keyboard.press("4")
    yield "rating"
    page.get_by_role("button", name="All items").click()
    yield "overview"
    page.keyboard.press("Escape")
    page.locator("#pause").click()
    yield "pause"
    page.locator("#pause").click()
    page.locator("#heading").focus()
    for key in ("1", "5", "1", "Enter"):
        page.keyboard.press(key)
    page.get_by_text("Thank you!").wait_for()
    yield "end"


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_has_names_contrast_and_room(new_window: Callable[..., Any], scheme: str, phone: bool) -> None:
    with serving(sheet(pair(1), rating(1), practice=True, asks_why=True)) as study:
        page = new_window(phone=phone, color_scheme=scheme)
        views = []
        for view in visit(page, study.url):
            views.append(view)
            assert page.evaluate(UNNAMED) == [], view
            assert page.evaluate(CONTRASTS) == {}, view
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width == page.viewport_size["width"], view
            assert page.locator("main").count() == page.locator("header.bar").count() == 1
        assert len(views) == 9
        assert page.evaluate("document.documentElement.dataset.theme") == scheme


def test_the_colours_can_be_chosen_and_are_kept(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1))) as study:
        page = new_window(color_scheme="light")
        page.goto(study.url)
        page.get_by_role("button", name="Use dark colours").click()
        page.reload()
        page.get_by_role("button", name="Use light colours").wait_for()
        dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        page.get_by_role("button", name="Use light colours").click()
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != dark


def test_the_focus_goes_to_what_is_new(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        open_items(page, study.url)
        focused = "document.activeElement.textContent"
        assert page.evaluate(focused).startswith("Item 1 of 2")
        choose(page, "a", KEYBOARD)
        assert page.evaluate(focused).startswith("Item 2 of 2")
        page.keyboard.press("Enter")  # nothing is chosen: to where it is missing
        assert page.evaluate("document.activeElement.type") == "radio"
        page.keyboard.press("p")
        assert page.evaluate(focused) == "Paused"
        page.keyboard.press("p")
        assert page.evaluate(focused).startswith("Item 2 of 2")


def test_trouble_is_announced(new_window: Callable[..., Any]) -> None:
    with serving(sheet(pair(1), pair(2))) as study:
        page = new_window()
        open_items(page, study.url)
        study.trouble = 503
        choose(page, "a", KEYBOARD)
        spoken = page.locator("#announcement")
        assert spoken.get_attribute("aria-live") == "polite"
        wait_for(page, lambda: spoken.text_content() == "Not saved yet, retrying")
        study.trouble = None
        wait_for(page, lambda: spoken.text_content() == "Everything is saved.")


def test_speakers_differ_without_colour(new_window: Callable[..., Any]) -> None:
    names = ["Ann", "Bob", "Cem", "Dae", "Eli", "Fay"]
    with serving(sheet(pair(1, "\n".join(f"{name}: hello" for name in names)))) as study:
        page = new_window()
        open_items(page, study.url)
        assert page.locator(".speaker bdi").all_inner_texts() == names
        assert len(set(page.locator(".speaker .shape").all_inner_texts())) == len(names)


def test_the_buttons_of_a_phone_are_at_the_thumb(new_window: Callable[..., Any]) -> None:
    long = "\n".join(f"Ann: line {n} of a long talk about nothing in particular" for n in range(80))
    with serving(sheet(pair(1, long), rating(1, long))) as study:
        page = new_window(phone=True)
        open_items(page, study.url)
        for control in (page.get_by_role("radio", name="A is better"), page.locator(".next")):
            box = control.bounding_box()
            assert box["y"] > 740 / 2
            assert box["y"] + box["height"] <= 740
            assert box["height"] >= 44
        dialogue = page.locator(".dialogue")
        height = dialogue.bounding_box()["height"]
        dialogue.locator("summary").tap()
        assert dialogue.bounding_box()["height"] < height / 4


def test_the_dialogue_stays_beside_the_text_on_a_desk(new_window: Callable[..., Any]) -> None:
    with serving(sheet(rating(1))) as study:
        page = new_window(viewport={"width": 1280, "height": 600})
        open_items(page, study.url)
        page.locator(".criterion").last.scroll_into_view_if_needed()
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(100)
        box = page.locator(".dialogue").bounding_box()
        assert page.evaluate("scrollY") > 0
        assert box["y"] >= 0
