"""The page and the server together, in a real browser: raters at once, two tabs, days later; the owner looks on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import collect_judgements
from dialora.study.serving.app import build_app
from dialora.study.serving.links import Links
from tests.study.conftest import NUM_PAIRS, NUM_RATED
from tests.study.pages.conftest import browser, new_window  # noqa: F401
from tests.study.pages.raters import KEYBOARD, MOUSE, TOUCH, choose, open_items, score, wait_for
from tests.study.serving.conftest import Client, build_event

NUM_ITEMS = NUM_PAIRS + NUM_RATED
WAYS = {1: KEYBOARD, 2: MOUSE, 3: TOUCH}


@pytest.fixture(autouse=True)
def _practised(client: Client) -> None:
    """All raters have done the practice round."""
    for sheet in WAYS:
        client.post(sheet, build_event(None, kind="practised"))


def url_of(client: Client, sheet: int) -> str:
    return f"http://127.0.0.1:{client.port}{client.address(sheet)}"


def answer_next(page: Any, at: int, way: str) -> None:
    """Answer the item in this place: pairs by turns A, B and a tie, texts with a score by their place."""
    page.get_by_text(f"Item {at + 1} of {NUM_ITEMS}").wait_for()
    if at < NUM_PAIRS:
        choose(page, ("a", "b", "tie")[at % 3], way)
    else:
        score(page, [1 + at % 5, 5], way)


def test_three_raters_at_once_complete_the_study(
    new_window: Callable[..., Any],  # noqa: F811
    client: Client,
    study: StudyFolder,
) -> None:
    pages = {sheet: new_window(phone=way == TOUCH) for sheet, way in WAYS.items()}
    for sheet, page in pages.items():
        open_items(page, url_of(client, sheet))
    # By turns, so that each has the study open while the others work.
    for at in range(NUM_ITEMS):
        for sheet, page in pages.items():
            answer_next(page, at, WAYS[sheet])
    for page in pages.values():
        page.get_by_text("Everything is saved. You can close the page.").wait_for()
    with EventStore.open(study) as store:
        judged = collect_judgements(study.load_blind().sheets, store.load())
    assert [(one.sheet, one.place) for one in judged] == [(s, at) for s in WAYS for at in range(NUM_ITEMS)]
    for one in judged:
        if one.place < NUM_PAIRS:
            assert one.answer == ("a", "b", "tie")[one.place % 3]
        else:
            assert one.scores == {"faithfulness": 1 + one.place % 5, "coverage": 5}
        assert one.seconds is not None


def test_two_tabs_and_a_server_that_was_away_are_one_sheet(
    new_window: Callable[..., Any],  # noqa: F811
    client: Client,
    study: StudyFolder,
    serve: Callable[[Starlette], int],
) -> None:
    first = new_window()
    open_items(first, url_of(client, 1))
    answer_next(first, 0, MOUSE)
    second = new_window(beside=first)
    open_items(second, url_of(client, 1))
    answer_next(second, 1, KEYBOARD)
    answer_next(first, 1, MOUSE)
    wait_for(first, lambda: len(client.sheet(1)["state"]) == 2)
    # Days later, on another machine, from a server that was started again.
    with EventStore.open(study) as store:
        later = Client(serve(build_app(study, store)), Links.open(study))
        third = new_window()
        open_items(third, url_of(later, 1))
        answer_next(third, 2, KEYBOARD)
        wait_for(third, lambda: len(later.sheet(1)["state"]) == 3)
        assert later.sheet(1) == client.sheet(1)


def test_the_owner_copies_a_link_and_sees_what_comes_in(new_window: Callable[..., Any], client: Client) -> None:  # noqa: F811
    page = new_window(permissions=["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.goto(f"http://127.0.0.1:{client.port}/owner/{client.links.sign_owner()}")
    page.get_by_role("button", name="Copy the invitation of rater 2").click()
    page.get_by_text("Copied ✓").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == url_of(client, 2)
    assert page.get_by_text(f"0 of {NUM_ITEMS}", exact=True).count() == 3
    client.post(2, build_event("p0", {"answer": "a", "why": ""}))
    page.clock.run_for(25_000)
    page.get_by_text(f"1 of {NUM_ITEMS}", exact=True).wait_for()
    focused = page.evaluate("document.activeElement.closest('tr').querySelector('th').textContent")
    assert focused == "Rater 2"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_phone", [False, True])
def test_the_owners_page_fits_and_can_be_read(
    new_window: Callable[..., Any],  # noqa: F811
    client: Client,
    scheme: str,
    is_phone: bool,
) -> None:
    page = new_window(phone=is_phone, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"http://127.0.0.1:{client.port}/owner/{client.links.sign_owner()}")
    page.get_by_role("heading", name="Raters").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("button:not([aria-label]):empty, input:not([aria-label])").count() == 0
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(253, 253, 252)"
    assert dark is (scheme == "dark")
    # The page's own policy forbids nothing of what it does.
    assert said == []
