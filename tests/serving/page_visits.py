"""What people do on the page, for tests in a browser."""

from __future__ import annotations

from typing import Any

from tests.serving.page_server import FakeServer

CHAT = "Ines: The van costs 45 euros a day.\nTomasz: Then the piano stays with Mrs. Okafor.\nInes: Until the 31st."


def open_page(page: Any, server: FakeServer) -> None:
    page.goto(server.address)
    page.get_by_text("reads 512 tokens").first.wait_for()


def field(page: Any) -> Any:
    """Where a conversation is pasted."""
    return page.get_by_role("textbox", name="Conversation")


def paste(page: Any, text: str = CHAT) -> None:
    """Summarize a text."""
    field(page).fill(text)
    page.get_by_role("button", name="Summarize").click()


def wait_for_summaries(page: Any) -> None:
    page.locator(".copy").first.wait_for()


def drop(page: Any, *files: tuple[str, str]) -> None:
    """Drop files somewhere on the page."""
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) transfer.items.add(new File([text], name));
            return transfer;
        }""",
        [list(file) for file in files],
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("h2", kind, {"dataTransfer": transfer})


def read_error(page: Any) -> str:
    """The error shown, which has the focus."""
    page.locator("#error").wait_for()
    assert page.evaluate("document.activeElement.id") == "error"
    assert page.locator("#error").get_attribute("role") == "alert"
    return str(page.locator("#error").inner_text())


def read_summaries(page: Any) -> list[str]:
    """The summaries as they are shown, without what stands there for screen readers and as references."""
    texts: list[str] = page.locator("#cards .summary-text").evaluate_all(
        """nodes => nodes.map((node) => {
            const copy = node.cloneNode(true);
            copy.querySelectorAll(".unseen, .refs").forEach((one) => one.remove());
            return copy.textContent;
        })"""
    )
    return texts
