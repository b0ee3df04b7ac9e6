"""What the page shows of summaries: the turns behind a sentence, what nobody said, how they were made, and taking them
along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.page_server import TEXTS, FakeServer, serving
from tests.serving.page_visits import CHAT, drop, open_page, paste, read_error, read_summaries, wait_for_summaries
from tests.study.pages.conftest import browser, new_window  # noqa: F401

TEXT = "Tomasz 👩‍🎓 leaves the piano with Mrs. Okafor. It was sold in Lisbon.\nThe van costs 45 euros, or 1,700."
LONG = "\n".join(f"Speaker {at % 5}: item{at} is about subject{at} and nothing else." for at in range(10_000))


def lit(page: Any, selector: str) -> list[int]:
    """Which of the elements are highlighted."""
    found: list[int] = page.locator(selector).evaluate_all(
        "nodes => nodes.flatMap((node, at) => node.classList.contains('is-lit') ? [at] : [])"
    )
    return found


def show(page: Any, server: FakeServer, text: str = CHAT) -> None:
    open_page(page, server)
    paste(page, text)
    wait_for_summaries(page)


@pytest.mark.parametrize("way", ["hover", "focus", "tap"])
def test_a_sentence_shows_its_turns(new_window: Callable[..., Any], way: str) -> None:  # noqa: F811
    with serving({"lora": "PEFT"}, {"lora": TEXT}) as server:
        page = new_window(phone=way == "tap")
        show(page, server)
        sentences = page.locator(".sentence")
        assert sentences.count() == 3
        assert page.locator(".refs").all_inner_texts() == ["2", "1"]  # the second has no turn, and says so by nothing
        act = {"hover": lambda one: one.hover(), "focus": lambda one: one.locator(".refs").focus(),
               "tap": lambda one: one.tap()}[way]  # fmt: skip
        act(sentences.first)
        assert (lit(page, ".sentence"), lit(page, ".turn")) == ([0], [1])
        act(sentences.nth(2))
        assert (lit(page, ".sentence"), lit(page, ".turn")) == ([2], [0])
        if way == "hover":
            page.locator("h2").first.hover()
            assert lit(page, ".turn") == []
            page.locator(".turn").nth(1).hover()
            assert (lit(page, ".sentence"), lit(page, ".turn")) == ([0], [1])
        else:
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
            assert lit(page, ".turn") == lit(page, ".sentence") == []


def test_a_sentence_that_was_pressed_stays_lit_and_its_turns_are_read_out(
    new_window: Callable[..., Any],  # noqa: F811
) -> None:
    with serving({"lora": "PEFT"}, {"lora": TEXT}) as server:
        page = new_window()
        show(page, server)
        button = page.get_by_role("button", name="Taken from turn 2")
        button.press("Enter")
        assert button.get_attribute("aria-pressed") == "true"
        page.get_by_text("Turn 2, Tomasz: Then the piano stays").wait_for(state="attached")
        page.get_by_role("button", name="Copy").focus()
        page.locator("h2").first.hover()
        assert lit(page, ".turn") == [1]
        button.press("Enter")
        assert button.get_attribute("aria-pressed") == "false"


def test_what_nobody_said_is_underlined_where_it_stands(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving({"lora": "PEFT"}, {"lora": TEXT}) as server:
        page = new_window()
        show(page, server)
        assert read_summaries(page) == [TEXT]
        marked = page.locator(".unsupported")
        assert marked.evaluate_all("nodes => nodes.map((node) => node.firstChild.data)") == ["Lisbon", "1,700"]
        assert set(marked.evaluate_all("nodes => nodes.map((node) => node.title)")) == {"Not in the conversation"}
        assert "dotted" in marked.first.evaluate("node => getComputedStyle(node).textDecorationStyle")
        assert page.locator(".missing").inner_text() == "Not in the conversation: Lisbon, 1,700"


def test_how_a_summary_was_made_is_said_in_words(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving({"lora": "PEFT"}, {"lora": TEXT}) as server:
        page = new_window()
        server.remarks = {"num_parts": 3, "truncated": True, "finish_reason": "length", "seconds": 12.3}
        show(page, server)
        assert page.locator(".remarks").inner_text().split(" · ") == [
            "12 s",
            "read in 3 parts",
            "the end of the conversation was not read",
            "cut off at the longest summary allowed",
        ]
        page.get_by_role("button", name="New").click()
        server.remarks = {"text": "", "finish_reason": "empty", "num_parts": 0, "sentences": [], "unsupported": []}
        paste(page)
        page.get_by_text("(no summary)").wait_for()
        assert "nothing was said" in page.locator(".remarks").inner_text()
        assert page.get_by_role("button", name="Copy").count() == 0


def test_summaries_are_copied_and_downloaded_as_they_are(
    new_window: Callable[..., Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    with serving() as server:
        page = new_window(permissions=["clipboard-read", "clipboard-write"])
        show(page, server)
        page.get_by_role("button", name="Copy the summary of PEFT").click()
        page.get_by_text("Copied", exact=True).wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == TEXTS["lora"]
        for kind in ("JSON", "Text"):
            with page.expect_download() as found:
                page.get_by_role("button", name=kind).click()
            found.value.save_as(tmp_path / found.value.suggested_filename)
        told = json.loads((tmp_path / "summaries.json").read_text(encoding="utf-8"))
        assert [one["text"] for one in told["conversations"][0]["summaries"]] == list(TEXTS.values())
        text = (tmp_path / "summaries.txt").read_text(encoding="utf-8")
        assert f"PEFT:\n{TEXTS['lora']}\n" in text


def test_speakers_are_renamed_and_summarized_again(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving({"lora": "PEFT"}, {"lora": TEXT}) as server:
        page = new_window()
        open_page(page, server)
        drop(page, ("chat.txt", CHAT.replace("Ines", "SPEAKER_00")))
        page.keyboard.press("Enter")
        wait_for_summaries(page)
        for name in ("Ines", "Inès <b>", ""):
            page.get_by_text("Rename speakers").click()
            page.get_by_label("SPEAKER_00").fill(name)
            page.get_by_role("button", name="Summarize with these names").click()
            page.locator(".turn b").first.get_by_text(name or "SPEAKER_00", exact=True).wait_for()
        page.get_by_text("Rename speakers").click()
        page.get_by_label("SPEAKER_00").fill("a=b")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.validity.patternMismatch")
        renamed = [sent.get("rename") for sent in server.requests]
        assert renamed == [None, {"SPEAKER_00": "Ines"}, {"SPEAKER_00": "Inès <b>"}, None]


def test_several_conversations_of_a_file_are_chosen_from(new_window: Callable[..., Any]) -> None:  # noqa: F811
    threads = [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Nine."}]}
               for text in ("Is it late?", "Is it early?")]  # fmt: skip
    with serving() as server:
        page = new_window()
        open_page(page, server)
        drop(page, ("log.jsonl", "\n".join(json.dumps(one) for one in threads)))
        page.keyboard.press("Enter")
        wait_for_summaries(page)
        assert page.locator(".turn p").first.inner_text() == "Is it late?"
        page.get_by_role("combobox", name="Conversation").select_option(index=1)
        assert page.locator(".turn p").first.inner_text() == "Is it early?"


def test_10_000_turns_do_not_stop_the_page(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving({"lora": "PEFT"}, {"lora": "They speak of subject17. At last subject9876 is spoken of."}) as server:
        page = new_window()
        open_page(page, server)
        drop(page, ("long.txt", LONG))
        page.keyboard.press("Enter")
        wait_for_summaries(page)
        assert page.locator(".turn").count() < 1_000
        page.evaluate("window.began = performance.now()")
        page.locator(".refs").nth(1).focus()
        assert page.evaluate("performance.now() - window.began") < 5_000
        [at] = lit(page, ".turn")
        assert at == 9876
        box, scroller = page.locator(".turn.is-lit").bounding_box(), page.locator("#reading .scroll").bounding_box()
        assert scroller["y"] <= box["y"] < scroller["y"] + scroller["height"]
        page.get_by_role("button", name="Show all 10,000 turns").click()
        page.locator(".turn").nth(9_999).wait_for()


HOSTILE = "</script><img src=http://example.org/x onerror=document.title='owned'><b>&amp; \u202eAnn\u202c \x1b[31m שלום"


def test_hostile_text_is_shown_as_text(new_window: Callable[..., Any]) -> None:  # noqa: F811
    systems = {"<i>x</i>": "<script>document.title='owned'</script>"}
    with serving(systems, {"<i>x</i>": f"{HOSTILE} Lisbon."}) as server:
        page = new_window()
        show(page, server, f"In<b>es: hello\nTom: {HOSTILE}\nIn<b>es: {{{{7*7}}}}\nTom: yes")
        assert page.title().startswith("Summarize a conversation")
        assert page.locator("main img, main script, main i:not(.swatch), article b, .turn b b").count() == 0
        assert page.locator(".summary-text").text_content().startswith("</script><img src=http://example.org/x")
        assert "\\u202eAnn\\u202c \\x1b[31m" in page.locator(".summary-text").text_content()
        assert "<script>document.title='owned'</script>" in page.locator("#cards h3").inner_text()
        assert page.locator("#cards h3").inner_text() in page.locator("#served").inner_text()
        server.trouble = (400, {}, json.dumps({"error": {"code": "x", "message": HOSTILE}}).encode())
        page.get_by_role("button", name="Edit").click()
        page.get_by_role("button", name="Summarize").click()
        assert read_error(page).startswith("</script><img")
        assert {path for path in server.paths if not path.startswith("/v1/")} == {"/"}


def test_systems_of_one_label_are_told_apart(new_window: Callable[..., Any]) -> None:  # noqa: F811
    with serving(
        {"lora": "PEFT", "lora-2": "PEFT", "full": "Instruct"}, dict.fromkeys(("lora", "lora-2", "full"), "Hi.")
    ) as server:
        page = new_window()
        show(page, server)
        assert page.locator("#cards h3").all_inner_texts() == ["PEFT (lora)", "PEFT (lora-2)", "Instruct"]
