"""A browser, where one is installed, and windows in it that tell of their errors."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium. No longer than a module: while playwright runs, the thread's asyncio is its own."""
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium is installed (make system)")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def new_window(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open windows of a browser profile of their own, by default; `beside` opens one more in the profile of another.

    A script error in any of them fails the test, and so does a request to another host.
    """
    contexts, errors, urls = [], [], []

    def open_window(*, beside: Any = None, phone: bool = False, **options: Any) -> Any:
        if beside is None:
            size = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if phone else {"viewport": DESK}
            context = browser.new_context(**{**size, "reduced_motion": "reduce", **options})
            context.set_default_timeout(30_000)
            contexts.append(context)
        else:
            context = beside.context
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: urls.append(request.url))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert errors == []
    assert [url for url in urls if not url.startswith(("http://127.0.0.1:", "file:///", "blob:", "data:"))] == []
