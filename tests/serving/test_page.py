"""The page at / in a browser: from a conversation to summaries, and what happens when that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dialora.serving.pages import load_page
from tests.serving.page_server import SYSTEMS, TEXTS, serving
from tests.serving.page_visits import (
    CHAT,
    drop,
    field,
    open_page,
    paste,
    read_error,
    read_summaries,
    wait_for_summaries,
)
from tests.study.pages.conftest import browser, new_window  # noqa: F401

CALL = (
    "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nAnna Berg: Good morning.\n\n"
    "2\n00:03.000 --> 00:04.000\nBob: The van is small.\n\nNOTE nobody\n"
)


def test_a_pasted_conversation_has_a_summary_of_every_system(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window()
        open_page(page, server)
        paste(page)
        wait_for_summaries(page)
        cards = page.locator("#cards article")
        assert cards.locator("h3").all_inner_texts() == list(SYSTEMS.values())
        assert read_summaries(page) == list(TEXTS.values())
        assert cards.locator(".remarks").all_inner_texts() == ["0.41 s"] * 3
        assert page.locator(".turn p").all_inner_texts() == [line.split(": ")[1] for line in CHAT.splitlines()]
        assert page.locator(".turn b").all_inner_texts() == ["Ines", "Tomasz", "Ines"]
        assert "3 turns · 2 speakers" in page.locator(".facts-line").inner_text()
        assert server.requests == [{"text": CHAT, "explain": True}]
        page.get_by_role("button", name="Edit").click()
        assert field(page).input_value() == CHAT
        page.get_by_role("checkbox", name="PEFT").uncheck()
        page.get_by_role("button", name="Summarize").click()
        wait_for_summaries(page)
        assert cards.locator("h3").all_inner_texts() == ["Original", "instruct"]


def test_a_file_is_dropped_and_read_as_what_it_is(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window()
        open_page(page, server)
        drop(page, ("call.vtt", CALL))
        assert "call.vtt" in page.locator("#file").inner_text()
        page.keyboard.press("Enter")  # the focus is where it goes on
        wait_for_summaries(page)
        assert "VTT" in page.locator(".facts-line").inner_text()
        assert page.locator(".turn b").all_inner_texts() == ["Anna Berg", "Bob"]
        assert page.locator(".notes li").count() == 1
        assert server.requests[0]["file"] == ("call.vtt", CALL.encode())
        drop(page, ("chat.txt", CHAT))  # also where summaries are shown
        page.get_by_role("button", name="Remove").click()
        assert field(page).is_visible()
        drop(page, ("a.txt", CHAT), ("b.txt", CHAT))
        assert read_error(page).startswith("2 files were dropped")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_every_example_is_a_conversation(new_window: Callable[..., Any], at: int) -> None:  # noqa: F811
    with serving() as server:
        page = new_window()
        open_page(page, server)
        page.locator("[data-example]").nth(at).click()
        page.get_by_role("button", name="Summarize").click()
        wait_for_summaries(page)
        assert page.locator(".facts-line").inner_text().startswith(("WhatsApp", "Teams VTT", "DialogSum")[at])
        assert page.locator(".turn b").count() == page.locator(".turn").count() >= 6


def test_nothing_is_sent_where_there_is_nothing(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window()
        open_page(page, server)
        paste(page, " \n ")
        assert read_error(page).startswith("There is no conversation yet")
        for name in SYSTEMS.values():
            page.get_by_role("checkbox", name=name).uncheck()
        paste(page)
        page.get_by_text("No system is chosen").wait_for()
        assert server.requests == []


def refuse(status: int, message: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, headers, json.dumps({"error": {"code": "x", "message": message}}).encode()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (refuse(413, "The body has 9 MiB; 8 are allowed."), "The body has 9 MiB; 8 are allowed."),
        (refuse(429, "Too many wait.", **{"Retry-After": "7"}), "Too many wait. Try again in 7 seconds."),
        (refuse(429, "Too many wait; come in 7 s.", **{"Retry-After": "7"}), "Too many wait; come in 7 s."),
        (refuse(503, "Loading; try again in a moment.", **{"Retry-After": "5"}), "Loading; try again in a moment."),
        (refuse(400, "<b>x</b> \u202e\x1b[31m"), "<b>x</b> \\u202e\\x1b[31m"),
        ((502, {}, b"<html>Bad Gateway</html>"), "The server answered with status 502."),
        ((413, {}, b""), "This is larger than the server takes."),
        ((200, {}, b'{"conversations": ['), "The server's answer broke off; try again."),
        ((200, {}, b'{"conversations": []}'), "The server read no conversation in this."),
    ],
    ids=["413", "429", "429-said", "503", "400", "502", "413-empty", "broken", "nothing"],
)
def test_what_went_wrong_is_one_line_and_nothing_is_lost(
    new_window: Callable[..., Any],  # noqa: F811
    trouble: tuple[int, dict[str, str], bytes],
    said: str,
) -> None:
    with serving() as server:
        page = new_window()
        open_page(page, server)
        server.trouble = trouble
        paste(page)
        assert read_error(page) == said
        assert field(page).input_value() == CHAT
        assert page.locator("#summaries").get_attribute("aria-busy") == "false"
        server.trouble = None
        page.get_by_role("button", name="Summarize").click()
        wait_for_summaries(page)
        assert not page.locator("#error").is_visible()


def test_a_server_that_is_gone_is_said(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window()
        open_page(page, server)
    paste(page)
    assert read_error(page).startswith("The server does not answer")
    assert field(page).input_value() == CHAT


def test_a_request_is_shown_as_running_and_can_be_cancelled(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        page = new_window()
        open_page(page, server)
        server.release.clear()
        paste(page)
        page.get_by_role("button", name="Summarizing …").wait_for()
        assert page.locator("#summaries").get_attribute("aria-busy") == "true"
        page.get_by_role("button", name="Summarizing …").click(force=True)
        assert server.begun.wait(10)
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Summarize").wait_for()
        page.get_by_text("Cancelled.").wait_for(state="attached")
        assert not page.locator("#error").is_visible()
        assert len(server.requests) == 1  # pressed twice, sent once
        server.release.set()
        page.get_by_role("button", name="Summarize").click()
        wait_for_summaries(page)


def test_a_browser_that_keeps_nothing_has_the_page_all_the_same(new_window: Callable[..., Any]) -> None:  # noqa: F811
    """Where cookies are blocked, asking for what is kept raises an error."""
    with serving({"lora": "PEFT"}) as server:
        server.token = "right"
        page = new_window()
        page.add_init_script("""Object.defineProperty(window, "sessionStorage", {get() { throw new Error("no"); }})""")
        page.goto(server.address)
        page.get_by_label("Token of this server").fill("right")
        page.keyboard.press("Enter")
        page.get_by_text("reads 512 tokens").first.wait_for()
        paste(page)
        wait_for_summaries(page)


def test_a_token_is_asked_for_once_and_kept_for_the_tab(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving() as server:
        server.token = "right"
        page = new_window()
        page.goto(server.address)
        # The last two are what no request can hold: the browser would send none.
        for wrong in ("wrong", "shortened…", "日本"):
            page.get_by_label("Token of this server").fill(wrong)
            page.keyboard.press("Enter")
            page.get_by_text("This is not the server's token").wait_for()
            page.reload()
            page.get_by_text("This server is protected").wait_for()
        page.get_by_label("Token of this server").fill("right")
        page.keyboard.press("Enter")
        page.get_by_text("reads 512 tokens").first.wait_for()
        page.reload()
        page.get_by_text("reads 512 tokens").first.wait_for()
        paste(page)
        wait_for_summaries(page)
        assert page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [1, 0, ""]
        assert not [path for path in server.paths if "right" in path]
        server.token = "changed"
        page.get_by_role("button", name="Edit").click()
        page.get_by_role("button", name="Summarize").click()
        page.get_by_label("Token of this server").wait_for()
        page.keyboard.press("Escape")
        assert read_error(page) == "This server needs a token, and none was given."


def test_the_page_forbids_all_but_itself() -> None:
    page = load_page()
    assert "default-src 'none'" in page.policy
    assert "connect-src 'self'" in page.policy
    assert "frame-ancestors 'none'" in page.policy
    assert "unsafe" not in page.policy
    assert not any(
        word in page.html
        for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://", ' style="')
    )
    assert load_page() is page
