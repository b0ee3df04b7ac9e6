"""The page of a real server: what the one sends is what the other reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.page_visits import CHAT, drop, field, paste, read_error, wait_for_summaries
from tests.serving.support import Engine, serving, use_engine
from tests.study.pages.conftest import browser, new_window  # noqa: F401
from tests.systems.conftest import root  # noqa: F401


def open_page(page: Any, port: int) -> None:
    page.goto(f"http://127.0.0.1:{port}/")
    page.get_by_text("reads 128 tokens").first.wait_for()


@pytest.fixture(autouse=True)
def _echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems write the first words of what they read."""
    use_engine(monkeypatch, Engine())


def test_a_text_a_file_and_other_names(new_window: Callable[..., Any], root: Path) -> None:  # noqa: F811
    with serving([str(root)]) as client:
        page = new_window()
        open_page(page, client.port)
        paste(page)
        wait_for_summaries(page)
        assert page.locator("#cards h3").all_inner_texts() == ["Original", "PEFT"]
        assert page.locator(".turn b").all_inner_texts() == ["Ines", "Tomasz", "Ines"]
        assert page.locator(".remarks").first.inner_text().split()[-1] == "s"
        drop(page, ("chat.txt", CHAT))
        page.get_by_role("checkbox", name="Original").uncheck()
        page.get_by_role("button", name="Summarize").click()
        wait_for_summaries(page)
        assert page.locator("#cards h3").all_inner_texts() == ["PEFT"]
        page.get_by_text("Rename speakers").click()
        page.get_by_label("Tomasz").fill("Tom <b>")
        page.get_by_role("button", name="Summarize with these names").click()
        page.locator(".turn b").get_by_text("Tom <b>", exact=True).wait_for()


def test_what_the_server_refuses_is_said(new_window: Callable[..., Any], root: Path) -> None:  # noqa: F811
    with serving([str(root)], token="secret", max_body=100_000) as client:
        page = new_window()
        page.goto(f"http://127.0.0.1:{client.port}/")
        page.get_by_label("Token of this server").fill("secret")
        page.keyboard.press("Enter")
        page.get_by_text("reads 128 tokens").first.wait_for()
        drop(page, ("captions.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nShall we begin?\n"))
        page.keyboard.press("Enter")
        assert "nobody is named" in read_error(page)
        page.get_by_role("button", name="Remove").click()
        field(page).evaluate("(field, text) => { field.value = text; }", CHAT * 2_000)
        page.get_by_role("button", name="Summarize").click()
        assert "100,000" in read_error(page) or "larger" in read_error(page)
