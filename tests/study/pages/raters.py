"""Simulated raters: each knows what it prefers and works the page in a way of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOUSE, KEYBOARD, TOUCH = "mouse", "keyboard", "touch"
LABELS = {"a": "A is better", "b": "B is better", "tie": "Equally good", "neither": "Both bad"}


def open_items(page: Any, url: str) -> None:
    """Open the page and come to the first open item of a sheet without practice."""
    page.goto(url)
    page.locator("#heading").wait_for()
    if page.locator("body").get_attribute("data-view") == "welcome":
        page.get_by_role("button", name="Begin").or_(page.get_by_role("button", name="Continue")).click()
        page.locator(".item").wait_for()


def place_of(page: Any) -> str:
    """What the heading says of where one is, as in `Item 2 of 3`."""
    return str(page.locator("h2 .eyebrow").inner_text())


def choose(page: Any, answer: str, way: str) -> None:
    """Answer the pair that is shown and go on."""
    if way == KEYBOARD:
        page.keyboard.press({"a": "a", "b": "2", "tie": "t", "neither": "n"}[answer])
        page.keyboard.press("Enter")
        return
    press = "tap" if way == TOUCH else "click"
    getattr(page.get_by_role("radio", name=LABELS[answer]), press)()
    getattr(page.locator(".next"), press)()


def score(page: Any, scores: list[int], way: str) -> None:
    """Rate the text that is shown, criterion after criterion, and go on."""
    if way == KEYBOARD:
        for value in scores:
            page.keyboard.press(str(value))
        page.keyboard.press("Enter")
        return
    press = "tap" if way == TOUCH else "click"
    for at, value in enumerate(scores):
        getattr(page.locator(".criterion").nth(at).get_by_role("radio").nth(value - 1), press)()
    getattr(page.locator(".next"), press)()


def wait_for(page: Any, condition: Callable[[], bool], seconds: float = 30) -> None:
    """Let the page work until the server knows."""
    for _ in range(int(seconds * 50)):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("the server was not told in time")


def hide(page: Any, is_hidden: bool) -> None:
    """Let the page think that its tab goes to the back, or comes to the front."""
    page.evaluate(
        """is => {
            Object.defineProperty(document, "hidden", { value: is, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )
