"""How far raters are and how much they agree, counted by hand; the owner's page says it, and nothing by system."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from dialora.comparison.people import StudyResult
from dialora.study.analysis import analyse_study
from dialora.study.events import EventStore
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.judgements import ANSWERED, OPENED, PRACTISED, UNDONE, Event
from dialora.study.serving.app import build_app
from dialora.study.serving.links import Links
from dialora.study.serving.progress import measure_progress
from tests.study.conftest import NUM_PAIRS, NUM_RATED, SYSTEMS
from tests.study.serving.conftest import Client

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def build(sheet: int, item: str | None, answer: Any = None, *, at: float = 0, seconds: float | None = None) -> Event:
    """An event `at` seconds after START."""
    kind = ANSWERED if answer is not None else OPENED
    time = (START + timedelta(seconds=at)).isoformat()
    return Event(str(uuid.uuid4()), sheet, kind, item, answer, seconds, time)


def choose(blind: BlindStudy, sheet: int, item: str, text: int) -> dict[str, Any]:
    """The answer that prefers the item's text of this index, wherever it stands on this sheet."""
    entry = next(entry for entry in blind.find_sheet(sheet).entries if entry.item == item)
    return {"answer": "ab"[text ^ entry.is_swapped]}


def test_each_rater_is_counted(study: StudyFolder) -> None:
    blind = study.load_blind()
    events = [
        build(1, None, at=0),
        build(1, "p0", {"answer": "a"}, at=10, seconds=10),
        build(1, "p1", {"answer": "b"}, at=40, seconds=30),
        # A whole day away, and an answer that was thought about for an hour, which is none.
        build(1, "p2", {"answer": "tie"}, at=86_400, seconds=20),
        build(1, "p3", {"answer": "a"}, at=90_000, seconds=3590),
        Event(str(uuid.uuid4()), 1, UNDONE, "p3", None, None, (START + timedelta(seconds=90_001)).isoformat()),
        Event(str(uuid.uuid4()), 2, PRACTISED, None, None, None, START.isoformat()),
    ]
    found = measure_progress(blind, events)
    first, second, third = found.sheets
    assert (first.num_answered, first.num_asked, first.median_seconds, first.num_pauses) == (3, 12, 20, 1)
    assert first.last_seen == "2026-03-02T10:00:01+00:00"
    assert (second.num_answered, second.has_practised, second.median_seconds) == (0, True, None)
    assert (third.last_seen, third.has_practised, third.num_pauses) == (None, False, 0)
    assert (found.num_answered, found.num_asked) == (3, 3 * (NUM_PAIRS + NUM_RATED))


def test_agreement_is_on_texts_not_on_sides(study: StudyFolder) -> None:
    blind = study.load_blind()
    same = [build(s, f"p{at}", choose(blind, s, f"p{at}", at % 2)) for s in (1, 2, 3) for at in range(NUM_PAIRS)]
    found = {one.what: one for one in measure_progress(blind, same).agreements}
    assert list(found) == ["preference", "faithfulness", "coverage"]
    assert (found["preference"].alpha, found["preference"].num_items) == (1.0, NUM_PAIRS)
    assert (found["coverage"].alpha, found["coverage"].num_items) == (None, 0)
    # Sheets 1 and 2 show every pair the other way round: always A is full disagreement.
    sides = [build(s, f"p{at}", {"answer": "a"}) for s in (1, 2) for at in range(NUM_PAIRS)]
    alpha = measure_progress(blind, sides).agreements[0].alpha
    assert alpha is not None
    assert alpha < 0


def test_alpha_of_ratings_is_ordinal_and_only_of_what_two_judged(study: StudyFolder) -> None:
    blind = study.load_blind()
    scores = {1: {"r0": 1, "r1": 5, "r2": 3, "r3": 4}, 2: {"r0": 2, "r1": 5, "r2": 3}}
    events = [
        build(sheet, item, {"scores": {"faithfulness": score, "coverage": 3}, "errors": []})
        for sheet, given in scores.items()
        for item, score in given.items()
    ]
    faithfulness, coverage = measure_progress(blind, events).agreements[1:]
    # By hand, Krippendorff (2011): pairs (1,2), (5,5), (3,3); values 1, 2, 3, 3, 5, 5; the ordinal metric's squared
    # differences are 1-2: 1, 1-3: 2.5², 1-5: 4.5², 2-3: 1.5², 2-5: 3.5², 3-5: 2².
    expected = 1 / 6 * (1 + 1)
    chance = 2 / (6 * 5) * (1 * 1 + 2 * 2.5**2 + 2 * 4.5**2 + 2 * 1.5**2 + 2 * 3.5**2 + 4 * 2**2)
    assert faithfulness.alpha == pytest.approx(1 - expected / chance)
    assert faithfulness.num_items == 3
    # All gave the same: there is nothing that chance could have made otherwise.
    assert (coverage.alpha, coverage.num_items) == (None, 3)


def test_the_owner_sees_each_rater_and_a_link_that_opens(study: StudyFolder, client: Client) -> None:
    blind = study.load_blind()
    with EventStore.open(study) as store:
        for at in range(5):
            store.append(build(2, f"p{at}", choose(blind, 2, f"p{at}", 0), seconds=12))
    answer = client.get(f"/owner/{client.links.sign_owner()}", accept="text/html")
    page = answer.body.decode()
    assert answer.status == 200
    assert "5 of 12" in page
    assert page.count("0 of 12") == 2
    links = re.findall(r'value="(http[^"]+/r/[^"]+)"', page)
    assert len(links) == 3
    assert client.get(links[1].partition(str(client.port))[2] + "/sheet").json()["state"].keys() == {
        "p0", "p1", "p2", "p3", "p4",
    }  # fmt: skip
    assert not [word for word in (*SYSTEMS, "Labelname", "sourcename") if word in page]
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    progress = client.get(f"/owner/{client.links.sign_owner()}/progress").json()
    assert [sheet["num_answered"] for sheet in progress["sheets"]] == [0, 5, 0]


def test_results_by_system_only_where_they_were_asked_for(
    study: StudyFolder, serve: Callable[[Starlette], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = study.load_blind()
    calls: list[int] = []

    def count(folder: StudyFolder, events: list[Event], **options: Any) -> StudyResult:
        calls.append(len(events))
        return analyse_study(folder, events, **options)

    monkeypatch.setattr("dialora.study.analysis.analyse_study", count)
    with EventStore.open(study) as store:
        client = Client(serve(build_app(study, store, show_results=True)), Links.open(study))
        owner = f"/owner/{client.links.sign_owner()}"
        assert "Nobody has judged" in client.get(owner).body.decode()
        for sheet in (1, 2, 3):
            for at in range(NUM_PAIRS):
                store.append(build(sheet, f"p{at}", choose(blind, sheet, f"p{at}", 1), seconds=30))
        before = {path.name for path in study.root.iterdir()}
        pages = [client.get(owner).body.decode() for _ in range(2)]
        assert calls == [0, 3 * NUM_PAIRS], "nothing new was said, so nothing is computed again"
        for page in pages:
            assert "PEFT Labelname" in page
            assert "100 %" in page
        # To look is to change nothing.
        assert {path.name for path in study.root.iterdir()} == before
        # Raters are told no more than before.
        client.sent.clear()
        client.get(client.address(1))
        client.sheet(1)
        assert not any(b"Labelname" in answer.body for answer in client.sent)
