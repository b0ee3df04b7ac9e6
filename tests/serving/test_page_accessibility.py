"""What the page gives a screen reader, a keyboard, weak eyes and a phone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.serving.page_server import TEXTS, FakeServer, serving
from tests.serving.page_visits import CHAT, field, open_page, paste, read_error, wait_for_summaries
from tests.study.pages.conftest import browser, new_window  # noqa: F401
from tests.study.pages.test_accessibility import CONTRASTS, UNNAMED

AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => (await axe.run(document)).violations
    .map((one) => `${one.impact} ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`)"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    path = Path(os.environ.get("DIALORA_AXE", AXE))
    if not path.is_file():
        pytest.skip("axe-core is not here (make system, or set DIALORA_AXE to its axe.min.js)")
    return path.read_text(encoding="utf-8")


def visit(page: Any, server: FakeServer) -> Iterator[str]:
    """Go through the page, and stop at each view."""
    server.token = "secret"
    page.goto(server.address)
    page.get_by_label("Token of this server").wait_for()
    yield "token"
    page.get_by_label("Token of this server").fill("secret")
    page.keyboard.press("Enter")
    page.get_by_text("reads 512 tokens").first.wait_for()
    yield "empty"
    page.get_by_role("button", name="Summarize").click()
    read_error(page)
    yield "error"
    server.release.clear()
    paste(page, f"{CHAT}\nTomasz: {'www.example.org/' + 'x' * 300}\n" + "Ines: and so on\n" * 300)
    page.get_by_role("button", name="Cancel").wait_for()
    yield "busy"
    server.release.set()
    wait_for_summaries(page)
    yield "summaries"
    page.locator(".refs").last.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Rename speakers").click()
    yield "held"
    page.get_by_role("button", name="New").click()
    page.locator("#file-input").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": CHAT.encode()})
    yield "file"


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_has_names_contrast_and_room(new_window: Callable[..., Any], scheme: str, phone: bool) -> None:  # noqa: F811
    texts = {**TEXTS, "lora": TEXTS["lora"] + " " + "Donaudampfschifffahrt" * 20}
    with serving(texts=texts) as server:
        page = new_window(phone=phone, color_scheme=scheme)
        views, grounds = [], set()
        for view in visit(page, server):
            views.append(view)
            assert page.evaluate(UNNAMED) == [], view
            assert page.evaluate(CONTRASTS) == {}, view
            assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"], view
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(views) == 7
        [ground] = grounds
        assert (sum(int(part) for part in ground.strip("rgb()").split(",")) < 384) == (scheme == "dark")


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(new_window: Callable[..., Any], axe: str, scheme: str, phone: bool) -> None:  # noqa: F811
    with serving() as server:
        page = new_window(phone=phone, color_scheme=scheme)
        for view in visit(page, server):
            page.evaluate(axe)
            assert page.evaluate(RUN_AXE) == [], view


def test_the_keyboard_alone_goes_from_the_page_to_a_copied_summary(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window(permissions=["clipboard-read", "clipboard-write"])
        open_page(page, server)
        press_to(page, "#text")
        page.keyboard.insert_text(CHAT)
        page.keyboard.press("Control+Enter")
        wait_for_summaries(page)
        assert page.evaluate("document.activeElement.textContent") == "Summaries"
        press_to(page, ".refs")
        assert page.locator(".turn.is-lit").count() > 0
        press_to(page, "[aria-label='Copy the summary of PEFT']")
        page.keyboard.press("Enter")
        page.get_by_text("Copied", exact=True).wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == TEXTS["lora"]
        page.keyboard.press("Shift+Tab")
        press_to(page, "#edit", "Shift+Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "text"
        press_to(page, "[data-example='1']")
        page.keyboard.press("Enter")
        assert field(page).input_value().startswith("WEBVTT")


def press_to(page: Any, selector: str, key: str = "Tab") -> None:
    """Go to an element; what has the focus is seen."""
    for _ in range(40):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) != "none"
            return
    raise AssertionError(f"{selector} is not reached")


def test_the_turns_stay_in_view_on_a_phone(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window(phone=True)
        open_page(page, server)
        paste(page, "Tomasz: hello\n" * 40 + CHAT)
        wait_for_summaries(page)
        last = page.locator(".sentence.has-turns").last
        last.scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        last.tap()
        turn = page.locator(".turn.is-first").bounding_box()
        assert 0 <= turn["y"] < 740 / 2
        assert page.evaluate("scrollY") == before


def test_the_page_works_where_it_is_magnified(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window(viewport={"width": 320, "height": 256})  # 1280 by 1024 at 400 %
        open_page(page, server)
        paste(page)
        wait_for_summaries(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        page.locator(".copy").last.scroll_into_view_if_needed()
        box = page.locator(".copy").last.bounding_box()
        assert page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y)?.className", [box["x"] + 5, box["y"] + 5]
        ) == "copy"  # fmt: skip
