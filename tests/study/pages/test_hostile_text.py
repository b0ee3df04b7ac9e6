"""Whatever dialogues, summaries and settings say is text, and the page asks no other host for anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dialora.study.pages import build_page
from tests.study.pages.fake_server import NONCE, serving
from tests.study.pages.raters import KEYBOARD, choose, open_items, score, wait_for
from tests.study.pages.sheets import ERROR_KINDS, pair, rating, sheet

MARKUP = "</script><script>document.title='owned'</script><img src=http://example.org/x onerror=document.title='owned'>"
HOSTILE = f"{MARKUP} &lt;b&gt; \u202eAnn\u202c \x1b[31m \x00 \ufdd0 \ud800 {{{{ 7*7 }}}} 👩‍👩‍👧‍👦 שלום"


def hostile_sheet() -> dict[str, Any]:
    made = sheet(
        pair(1, f"{MARKUP}: hi\nBob: {HOSTILE}", (HOSTILE, "fine")), rating(1, HOSTILE, HOSTILE), asks_why=True
    )
    settings = made["settings"]
    settings["title"] = settings["instructions"] = HOSTILE
    settings["criteria"] = [{key: HOSTILE if key != "key" else one[key] for key in one} for one in settings["criteria"]]
    settings["error_kinds"] = [{**one, "label": HOSTILE, "definition": HOSTILE} for one in ERROR_KINDS]
    return made


def test_hostile_text_is_shown_as_text(new_window: Callable[..., Any]) -> None:
    with serving(hostile_sheet()) as study:
        page = new_window()
        open_items(page, study.url)
        shown = page.locator(".card p").first.text_content()
        assert shown.startswith(MARKUP)
        assert "\\u202eAnn\\u202c \\x1b[31m \\x00" in shown
        assert "\\ud800" in shown
        assert "👩‍👩‍👧‍👦 שלום" in shown
        choose(page, "a", KEYBOARD)
        page.locator(".word").first.click()
        page.keyboard.press("1")
        page.locator("#heading").focus()
        score(page, [1, 2, 3, 4], KEYBOARD)
        wait_for(page, lambda: len(study.answers()) == 2)
        assert page.locator("main script, main img, dialog script, dialog img").count() == 0
        assert "owned" not in page.title().split("'")[0]
        assert [path for path in study.paths if not path.startswith("/r/token")] == []


def test_hostile_text_in_a_file(new_window: Callable[..., Any], tmp_path: Path) -> None:
    made = {"study": "s1", "sheets": {"1": {"state": {}, "practised": False, **hostile_sheet()}}}
    text = build_page(HOSTILE, NONCE, made)
    assert text.count("</script>") == text.count("<script")
    assert "example.org/x onerror" not in text.replace("\\u003c", "").split("study-data")[0].replace("&lt;", "")[:200]
    (tmp_path / "study.html").write_text(text, encoding="utf-8")
    page = new_window()
    open_items(page, (tmp_path / "study.html").as_uri())
    assert page.locator(".card p").first.text_content().startswith(MARKUP)
    assert page.locator("main script, main img").count() == 0


def test_a_text_in_another_direction_keeps_to_its_place(new_window: Callable[..., Any]) -> None:
    arabic = "دانا: هل نلتقي غدا؟\nBob: Yes, at eight."
    with serving(sheet(pair(1, arabic, ("يلتقي بوب ودانا غدا.", "Dana and Bob meet.")))) as study:
        page = new_window()
        open_items(page, study.url)
        direction = "nodes => nodes.map((node) => getComputedStyle(node).direction)"
        assert page.locator(".card p").evaluate_all(direction) == ["rtl", "ltr"]
        assert page.locator(".turns p").evaluate_all(direction) == ["rtl", "ltr"]
        assert page.locator(".speaker bdi").first.inner_text() == "دانا"
        isolation = "nodes => nodes.map((node) => getComputedStyle(node).unicodeBidi)"
        assert set(page.locator(".card p, .turns p, .speaker bdi").evaluate_all(isolation)) <= {"isolate", "plaintext"}


def test_a_dialogue_of_20_000_words(new_window: Callable[..., Any]) -> None:
    words = [f"word{n}" for n in range(20_000)]
    lines = "\n".join(f"Ann: {' '.join(words[at : at + 20])}" for at in range(0, len(words), 20))
    with serving(sheet(rating(1, lines, " ".join(words)), rating(2))) as study:
        page = new_window()
        open_items(page, study.url)
        assert page.locator(".turns li").count() == 1_000
        page.evaluate("window.began = performance.now()")
        page.keyboard.press("3")
        assert page.evaluate("performance.now() - window.began") < 2_000
        for key in ("3", "3", "3", "Enter"):
            page.keyboard.press(key)
        page.get_by_text("Item 2 of 2").wait_for()


def test_an_empty_summary_says_that_it_is_empty(new_window: Callable[..., Any]) -> None:
    empty = {**rating(1), "texts": [""], "words": [[]]}
    both = {**pair(2), "texts": ["", "x"], "words": [[], ["x"]]}
    with serving(sheet(empty, both)) as study:
        page = new_window()
        open_items(page, study.url)
        assert page.locator(".card .text").inner_text() == "(empty)"
        score(page, [1, 1, 1, 1], KEYBOARD)
        page.get_by_text("Item 2 of 2").wait_for()
        assert page.locator(".card .text").first.inner_text() == "(empty)"


def test_the_page_forbids_all_but_its_own_script() -> None:
    text = build_page("Summaries", NONCE)
    [policy] = [line for line in text.splitlines() if "Content-Security-Policy" in line]
    assert "default-src 'none'" in policy
    assert f"script-src 'nonce-{NONCE}'" in policy
    assert "unsafe" not in policy
    body = text.replace(f'<script nonce="{NONCE}">', "").replace(f'<style nonce="{NONCE}">', "")
    assert not any(
        word in body for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://")
    )
    assert "<style" not in body
    assert 'style="' not in body
    assert "connect-src 'none'" in build_page("Summaries", NONCE, {"study": "x", "sheets": {}})
    assert json.dumps(MARKUP) not in build_page(MARKUP, NONCE)
    assert "<script>document" not in build_page(MARKUP, NONCE)
