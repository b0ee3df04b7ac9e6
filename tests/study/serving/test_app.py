"""What is served: one consistent sheet for whoever has its link, kept whatever fails, with nothing of the key."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.exc
from starlette.applications import Starlette

from dialora.study.events import EventStore
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.serving.app import EXPIRED, INVALID, build_app
from dialora.study.serving.links import Links
from tests.study.conftest import NUM_PAIRS, NUM_RATED, SYSTEMS, build_key, build_study
from tests.study.serving.conftest import PAIR, RATED, Client, build_event

NUM_ITEMS = NUM_PAIRS + NUM_RATED


def test_a_sheet_comes_as_it_is_shown(client: Client, blind: BlindStudy) -> None:
    for sheet in blind.sheets:
        given = client.sheet(sheet.number)
        assert [entry["item"] for entry in given["entries"]] == [entry.item for entry in sheet.entries]
        for entry, shown in zip(sheet.entries, given["entries"], strict=True):
            item = blind.items[entry.item]
            assert shown["texts"] == list(reversed(item.texts) if entry.is_swapped else item.texts)
            assert shown["words"] == [text.split() for text in shown["texts"]]
            assert (shown["kind"], shown["dialogue"]) == (item.kind, item.dialogue)
        assert given["state"] == {}
        assert given["practised"] is False
        assert given["settings"]["title"] == blind.settings.title
        assert "name" not in given["settings"]
    assert any(entry.is_swapped for entry in blind.sheets[0].entries)


def test_what_was_answered_is_there_after_the_server_was_away(
    study: StudyFolder, client: Client, serve: Callable[[Starlette], int]
) -> None:
    assert client.post(1, build_event("p0", PAIR)).json() == {"stored": True, "state": {"p0": PAIR}}
    assert client.post(1, build_event("r0", RATED)).json()["state"] == {"p0": PAIR, "r0": RATED}
    client.post(1, build_event(None, kind="practised"))
    with EventStore.open(study) as store:
        later = Client(serve(build_app(study, store)), Links.open(study))
        assert later.sheet(1)["state"] == {"p0": PAIR, "r0": RATED}
        assert later.sheet(1)["practised"] is True
        assert later.sheet(2)["state"] == {}
        assert later.sheet(2)["practised"] is False


def test_every_link_to_a_sheet_opens_what_the_browser_kept_of_it(client: Client, study: StudyFolder) -> None:
    """What one link could not send any more the next one finds; another rater's sheet has its own."""

    def find_memory(token: str) -> str:
        return re.findall(r'data-memory="([^"]+)"', client.get(f"/r/{token}", accept="text/html").body.decode())[0]

    links = Links.open(study)
    kept = {find_memory(links.invite(1, expires_days=days)) for days in (None, 1, 2)}
    assert kept == {f"{study.id}:1"}
    assert find_memory(links.invite(2)) == f"{study.id}:2"


def test_two_servers_share_a_store(tmp_path: Path, serve: Callable[[Starlette], int], ratings: str | None) -> None:
    """One process or several, in SQLite or PostgreSQL: each tells what came in by the other."""
    folder = StudyFolder(tmp_path / "shared")
    folder.save(build_study(title=f"Study {uuid.uuid4()}"), build_key())
    with EventStore.open(folder, ratings) as here, EventStore.open(folder, ratings) as there:
        first, second = (Client(serve(build_app(folder, store)), Links.open(folder)) for store in (here, there))
        event = build_event("p0", PAIR)
        assert first.post(1, event).json()["state"] == {"p0": PAIR}
        assert second.post(1, event).json()["state"] == {"p0": PAIR}
        assert second.post(1, build_event("r0", RATED)).json()["state"] == {"p0": PAIR, "r0": RATED}
        assert first.sheet(1)["state"] == {"p0": PAIR, "r0": RATED}
        assert first.sheet(2)["state"] == {}
        assert len(here.load()) == 2


def test_two_tabs_see_one_sheet(client: Client) -> None:
    """Undo in one while the other answers, and a retry that comes late: what was stored last counts."""
    lost = build_event("p0", PAIR)
    client.post(1, lost)
    other = {"answer": "tie", "why": "hm"}
    assert client.post(1, build_event("p0", other)).json()["state"] == {"p0": other}
    assert client.post(1, lost).json()["state"] == {"p0": other}
    assert client.post(1, build_event("p1", PAIR)).json()["state"] == {"p0": other, "p1": PAIR}
    assert client.post(1, build_event("p0", None, kind="undone")).json()["state"] == {"p1": PAIR}
    assert client.sheet(1)["state"] == {"p1": PAIR}


def test_raters_and_tabs_at_once(client: Client) -> None:
    failures: list[Any] = []

    def work(sheet: int, choice: str) -> None:
        for at in range(NUM_PAIRS):
            answer = client.post(sheet, build_event(f"p{at}", {"answer": choice, "why": ""}))
            if answer.status != 200 or f"p{at}" not in answer.json()["state"]:
                failures.append(answer)

    threads = [threading.Thread(target=work, args=args) for args in ((1, "a"), (1, "b"), (2, "tie"), (3, "neither"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    states = [client.sheet(sheet)["state"] for sheet in (1, 2, 3)]
    assert [len(state) for state in states] == [NUM_PAIRS] * 3
    assert {one["answer"] for one in states[0].values()} <= {"a", "b"}
    assert {one["answer"] for one in states[1].values()} == {"tie"}
    assert states[0] == client.sheet(1)["state"]


def test_the_owners_invitations_run_out_where_they_are_to(
    study: StudyFolder, serve: Callable[[Starlette], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with EventStore.open(study) as store:
        client = Client(serve(build_app(study, store, expires_days=2)), Links.open(study))
        owner = client.get(f"/owner/{client.links.sign_owner()}").body.decode()
        (token, *others) = re.findall(r"/r/([^\"]+)", owner)
        assert len(others) == 2
        assert client.get(f"/r/{token}/sheet").status == 200
        now = time.time()
        monkeypatch.setattr("dialora.study.serving.links.time.time", lambda: now + 3 * 86_400)
        answer = client.get(f"/r/{token}", accept="text/html")
        assert answer.status == 403
        assert EXPIRED in answer.body.decode()
        assert client.post(1, build_event("p0", PAIR)).status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_whatever_link_is_wrong_the_answer_is_the_same(client: Client, accept: str) -> None:
    token = client.links.invite(1)
    wrong = [
        "/r/x", f"/r/{token[:-1]}", f"/r/{client.links.sign_owner()}", f"/r/{client.links.invite(99)}",
        f"/owner/{token}", f"/r/{token[:5]}%00{token[5:]}", "/", "/r/", f"/r/{token}/", f"/r/{token}/key",
        f"/r/{token}/../key", "/key/key.json", "/r/..%2f..%2fkey%2fkey.json", f"/r/{token}/..%2f..%2fkey",
        "//etc/passwd", "/r/%2e%2e/secret.key", "/static/../x", "/owner", "/docs", "/openapi.json", f"/r/{'a' * 5000}",
    ]  # fmt: skip
    bodies = []
    for path in wrong:
        answer = client.get(path, accept=accept)
        assert answer.status == 404, path
        nonce = answer.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        bodies.append(answer.body.replace(nonce.encode(), b"") if nonce else answer.body)
    assert len(set(bodies)) == 1
    assert INVALID.encode() in bodies[0]


def test_nothing_served_names_a_system_or_a_score(client: Client, study: StudyFolder) -> None:
    """All routes, all sheets, good and bad requests; bodies and headers."""
    for sheet in (1, 2, 3):
        client.get(client.address(sheet), accept="text/html")
        for entry in client.sheet(sheet)["entries"]:
            client.post(sheet, build_event(entry["item"]))
            client.post(sheet, build_event(entry["item"], PAIR if entry["kind"] == "pairwise" else RATED))
        client.sheet(sheet)
    owner = f"/owner/{client.links.sign_owner()}"
    for path in (owner, f"{owner}/progress", "/healthz", "/", "/favicon.ico", "/robots.txt", "/key/key.json"):
        assert client.get(path, accept="text/html").status in (200, 404)
    client.post(1, b"{")
    served = b"\n".join(answer.body + repr(answer.headers).encode() for answer in client.sent).lower()
    assert len(client.sent) > 70
    secrets = [
        *SYSTEMS, "labelname", "sourcename", "zero_shot", "0.1234567", "0.7654321", "rouge", "dialogue-p", "stratum",
        "attention", "writers", str(study.root), "traceback",
    ]  # fmt: skip
    assert [secret for secret in secrets if secret.lower().encode() in served] == []
    study_name = study.load_blind().settings.name.encode()
    assert b'"name": "' + study_name not in served


def test_serving_never_opens_the_key(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (study.root / "key" / "key.json").unlink()
    (study.root / "key" / "manifest.json").unlink()
    (study.root / "key").rmdir()
    with EventStore.open(study) as store:
        assert build_app(study, store) is not None


def test_a_store_that_fails_is_said_and_tried_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise sqlalchemy.exc.OperationalError("INSERT secret-text", {}, Exception("database or disk is full"))

    event = build_event("p0", PAIR)
    with monkeypatch.context() as patch:
        patch.setattr("dialora.study.event_table.build_insert", fail)
        answer = client.post(1, event)
    assert answer.status == 503
    assert answer.headers["retry-after"]
    assert b"INSERT" not in answer.body
    assert client.post(1, event).json() == {"stored": True, "state": {"p0": PAIR}}


def test_what_nobody_foresaw_is_a_sentence(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("what a rater wrote")

    monkeypatch.setattr("dialora.study.serving.app.describe_sheet", fail)
    answer = client.get(f"{client.address(1)}/sheet")
    assert answer.status == 500
    assert set(answer.json()) == {"error"}
    assert "what a rater wrote" not in caplog.text
    assert "Traceback" not in caplog.text


def test_hostile_texts_are_shown_as_text(serve: Callable[[Starlette], int], study: StudyFolder) -> None:
    blind = study.load_blind()
    hostile = "<script>alert(1)</script>\u202e \x1b[31m \x1c\x85half \ud83d"
    settings = replace(blind.settings, title=f"</title>{hostile}".replace("\ud83d", ""))
    items = {
        key: replace(item, texts=tuple(hostile.replace("\ud83d", "") for _ in item.texts))
        for key, item in blind.items.items()
    }
    other = StudyFolder(study.root.parent / "hostile")
    other.save(BlindStudy(settings, items, blind.sheets), build_key())
    with EventStore.open(other) as store:
        client = Client(serve(build_app(other, store)), Links.open(other))
        given = client.sheet(1)
        owner = client.get(f"/owner/{client.links.sign_owner()}").body.decode()
    assert "<script>alert" not in owner
    for entry in given["entries"]:
        assert [len(words) for words in entry["words"]] == [len(text.split()) for text in items[entry["item"]].texts]
        assert not any(char in text for text in entry["texts"] for char in "\u202e\x1b\x1c\x85")
