"""The page as a file works without a server, keeps what a rater does, and gives a file that is imported as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dialora.cli import main
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import collect_judgements
from tests.study.conftest import SYSTEMS
from tests.study.pages.raters import KEYBOARD, MOUSE, choose, score


def export(study: StudyFolder, *arguments: str) -> Path:
    path = study.root.parent / "page.html"
    assert main(["study", "export", str(study.root), "--static", str(path), *arguments]) == 0
    return path


def begin(page: Any, path: Path, number: int | None = None) -> None:
    """Open the file, say who one is, and do the practice."""
    page.goto(path.as_uri())
    if number is not None:
        page.get_by_role("button", name=f"Rater {number}").click()
    page.get_by_role("button", name="Start the practice round").click()
    page.keyboard.press("a")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Begin").click()


def save(page: Any, path: Path) -> dict[str, Any]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my ratings").click()
    download.value.save_as(path)
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_a_file_is_judged_and_its_ratings_are_imported(
    new_window: Callable[..., Any], study: StudyFolder, tmp_path: Path, capsys: Any
) -> None:
    path = export(study)
    page = new_window(accept_downloads=True)
    begin(page, path, number=2)
    blind = study.load_blind()
    wanted = {}
    for at, entry in enumerate(blind.find_sheet(2).entries):
        page.get_by_text(f"Item {at + 1} of 12").wait_for()
        item = blind.items[entry.item]
        if item.kind == "pairwise":
            # The rater prefers what says when it is, wherever it stands.
            texts = page.locator(".card p").all_inner_texts()
            answer = "ab"[[text.startswith("It is") for text in texts].index(True)]
            choose(page, answer, KEYBOARD if at % 2 else MOUSE)
            wanted[item.id] = answer
            assert answer == ("b" if entry.is_swapped else "a")
        else:
            page.locator(".word").nth(0).click()
            page.keyboard.press("1")
            page.locator("#heading").focus()
            score(page, [1 + at % 5, 5], KEYBOARD)
        if at == 5:
            # Closed, and opened again another day.
            page.close()
            page = new_window(beside=page)
            page.goto(path.as_uri())
            page.get_by_role("button", name="Rater 2").click()
    page.get_by_text("Thank you!").wait_for()
    saved = save(page, tmp_path / "saved.json")
    assert set(saved) == {"schema_version", "study", "sheet", "events"}
    assert (saved["schema_version"], saved["study"], saved["sheet"]) == (1, study.id, 2)

    assert main(["study", "import", str(study.root), str(tmp_path / "saved.json")]) == 0
    assert "Rater 2: 12 of 12 items answered" in capsys.readouterr().out
    with EventStore.open(study) as store:
        events = store.load()
    assert [event.id for event in events] == [event["id"] for event in saved["events"]]
    judgements = collect_judgements(blind.sheets, events)
    assert {one.item: one.answer for one in judgements if one.answer} == wanted
    assert [one.scores["faithfulness"] for one in judgements if one.scores] == [1 + at % 5 for at in range(8, 12)]
    assert [[error.to_json() for error in one.errors] for one in judgements if one.scores] == [
        [{"start": 0, "stop": 1, "kind": "invented"}]
    ] * 4
    assert all(one.seconds is not None and one.seconds < 60 for one in judgements)


def test_a_file_names_no_system(study: StudyFolder) -> None:
    for arguments in ((), ("--sheet", "3")):
        text = export(study, *arguments).read_text(encoding="utf-8").lower()
        assert not [word for word in (*SYSTEMS, "labelname", "sourcename", "dialogue-p", "0.1234567") if word in text]
        assert "studies/small" not in text


def test_a_file_of_one_sheet_asks_for_no_number(new_window: Callable[..., Any], study: StudyFolder) -> None:
    page = new_window()
    begin(page, export(study, "--sheet", "3"))
    choose(page, "tie", KEYBOARD)
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("button", name="Save my ratings").is_visible()
    # Two raters at one machine do not see each other's answers.
    other = new_window(beside=page)
    other.goto(export(study).as_uri())
    other.get_by_role("button", name="Rater 1").click()
    other.get_by_role("button", name="Start the practice round").wait_for()
    assert other.locator("#count").text_content() == "0 of 12"


def test_a_browser_that_keeps_nothing_is_told_of(
    new_window: Callable[..., Any], study: StudyFolder, tmp_path: Path
) -> None:
    page = new_window(accept_downloads=True)
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('closed'); } });")
    begin(page, export(study, "--sheet", "1"))
    page.get_by_text("This browser keeps nothing").first.wait_for()
    choose(page, "a", KEYBOARD)
    assert page.evaluate("!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    page.get_by_role("button", name="Pause").click()
    saved = save(page, tmp_path / "saved.json")
    assert [event["answer"] for event in saved["events"] if event["kind"] == "answered"] == [{"answer": "a"}]
    assert not page.evaluate("!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")


def test_two_tabs_of_a_file_come_to_one_sheet(new_window: Callable[..., Any], study: StudyFolder) -> None:
    path = export(study, "--sheet", "1")
    one = new_window()
    begin(one, path)
    choose(one, "a", KEYBOARD)
    other = new_window(beside=one)
    other.goto(path.as_uri())
    other.get_by_text("Item 2 of 12").wait_for()
    choose(other, "b", KEYBOARD)
    one.get_by_text("Item 3 of 12").wait_for()
    choose(one, "tie", KEYBOARD)
    other.get_by_text("Item 4 of 12").wait_for()
    assert other.locator("#count").inner_text() == "3 of 12"


def test_a_browser_that_is_full_loses_nothing_that_is_on_the_page(
    new_window: Callable[..., Any], study: StudyFolder, tmp_path: Path
) -> None:
    page = new_window(accept_downloads=True)
    begin(page, export(study, "--sheet", "1"))
    choose(page, "a", KEYBOARD)
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('full'); }; }")
    choose(page, "tie", KEYBOARD)
    page.get_by_text("This browser keeps nothing").first.wait_for()
    choose(page, "b", KEYBOARD)
    page.get_by_text("Item 4 of 12").wait_for()
    page.get_by_role("button", name="Pause").click()
    saved = save(page, tmp_path / "saved.json")
    given = [event["answer"]["answer"] for event in saved["events"] if event["kind"] == "answered"]
    assert given == ["a", "tie", "b"]


def test_what_is_kept_is_read_once_for_each_change_and_not_for_each_item(
    new_window: Callable[..., Any], study: StudyFolder
) -> None:
    """Otherwise the time to go on grows with the square of a sheet."""
    path = export(study, "--sheet", "1")
    page = new_window()
    page.add_init_script(
        "window.numRead = 0; const get = Storage.prototype.getItem;"
        "Storage.prototype.getItem = function (key) {"
        "  if (key.endsWith(':events')) window.numRead += 1; return get.call(this, key); };"
    )
    begin(page, path)
    read = []
    for at in range(4):
        page.get_by_text(f"Item {at + 1} of 12").wait_for()
        page.evaluate("window.numRead = 0")
        choose(page, "a", KEYBOARD)
        page.get_by_text(f"Item {at + 2} of 12").wait_for()
        read.append(page.evaluate("window.numRead"))
    # The answer, and the next item that was opened: each is read before it is added to and after.
    assert max(read) <= 4


def test_two_tabs_of_a_file_keep_what_both_add(
    new_window: Callable[..., Any], study: StudyFolder, tmp_path: Path
) -> None:
    path = export(study, "--sheet", "1")
    one = new_window(accept_downloads=True)
    begin(one, path)
    other = new_window(beside=one)
    other.goto(path.as_uri())
    other.get_by_role("button", name="Begin").click()
    choose(one, "a", KEYBOARD)
    one.get_by_text("Item 2 of 12").wait_for()
    other.get_by_text("Item 2 of 12").wait_for()
    choose(other, "tie", KEYBOARD)
    one.get_by_text("Item 3 of 12").wait_for()
    one.keyboard.press("p")
    saved = save(one, tmp_path / "saved.json")
    answers = [event["answer"]["answer"] for event in saved["events"] if event["kind"] == "answered"]
    assert answers == ["a", "tie"]
