"""What is sent is checked from the first byte, and every answer carries what keeps a link from getting about."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

import pytest
from starlette.applications import Starlette

from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.serving import guard
from dialora.study.serving.app import build_app
from dialora.study.serving.links import Links
from tests.study.serving.conftest import PAIR, RATED, Client, build_event

BROKEN = {
    "no JSON": b"{",
    "no object": b"[]",
    "nothing": b"",
    "no UTF-8": b'{"id": "\xff"}',
    "deep": b"[" * 50_000,
    "a field too many": build_event("p0", PAIR) | {"sheet": 2},
    "a field too few": {"id": "12345678", "kind": "opened"},
    "an id of another kind": build_event("p0", PAIR, id=5),
    "an id with a quote": build_event("p0", PAIR, id="12345678'"),
    "an id that is too long": build_event("p0", PAIR, id="1" * 65),
    "an unknown kind": build_event("p0", PAIR, kind="deleted"),
    "an item of nobody": build_event("p99", PAIR),
    "an item that is a list": build_event(["p0"], PAIR),
    "no item": build_event(None, PAIR),
    "nothing to undo": build_event(None, kind="undone"),
    "an answer where none belongs": build_event("p0", PAIR, kind="undone"),
    "no answer": build_event("p0", None, kind="answered"),
    "an unknown answer": build_event("p0", {"answer": "c"}),
    "scores of a pair": build_event("p0", RATED),
    "a choice of a text": build_event("r0", PAIR),
    "a long reason": build_event("p0", {"answer": "a", "why": "x" * 2001}),
    "a reason that is no text": build_event("p0", {"answer": "a", "why": ["x"]}),
    "half a character": json.dumps(build_event("p0", {"answer": "a", "why": "\ud800"})).encode(),
    "NaN": json.dumps(build_event("p0", PAIR, seconds=float("nan"))).encode(),
    "infinity": json.dumps(build_event("p0", PAIR)).replace("2.5", "1e999").encode(),
    "negative seconds": build_event("p0", PAIR, seconds=-1),
    "seconds of two days": build_event("p0", PAIR, seconds=172_800),
    "a huge number": json.dumps(build_event("p0", PAIR)).replace("2.5", "9" * 5000).encode(),
    "seconds that are a truth": build_event("p0", PAIR, seconds=True),
    "seconds that are text": build_event("p0", PAIR, seconds="2"),
    "a criterion missing": build_event("r0", RATED | {"scores": {"coverage": 2}}),
    "a criterion too many": build_event("r0", RATED | {"scores": RATED["scores"] | {"style": 2}}),
    "half a score": build_event("r0", RATED | {"scores": {"faithfulness": 4.5, "coverage": 2}}),
    "a score of 6": build_event("r0", RATED | {"scores": {"faithfulness": 6, "coverage": 2}}),
    "a score of 0": build_event("r0", RATED | {"scores": {"faithfulness": 0, "coverage": 2}}),
    "a score that is a truth": build_event("r0", RATED | {"scores": {"faithfulness": True, "coverage": 2}}),
    "an error past the words": build_event("r0", RATED | {"errors": [{"start": 0, "stop": 99, "kind": "invented"}]}),
    "an error of no words": build_event("r0", RATED | {"errors": [{"start": 1, "stop": 1, "kind": "invented"}]}),
    "an error before the words": build_event("r0", RATED | {"errors": [{"start": -1, "stop": 1, "kind": "invented"}]}),
    "an error of no kind": build_event("r0", RATED | {"errors": [{"start": 0, "stop": 1, "kind": "style"}]}),
    "errors that are no list": build_event("r0", RATED | {"errors": {"start": 0}}),
}


def test_what_is_no_answer_is_refused_with_a_sentence(client: Client) -> None:
    answers = {name: client.post(1, event) for name, event in BROKEN.items()}
    assert {name: answer.status for name, answer in answers.items() if answer.status != 422} == {}
    assert [name for name, answer in answers.items() if set(answer.json()) != {"error"}] == []
    assert [name for name, answer in answers.items() if not answer.json()["error"].endswith(".")] == []
    assert client.sheet(1)["state"] == {}


def test_an_id_that_says_something_else_is_refused(client: Client) -> None:
    event = build_event("p0", PAIR)
    client.post(1, event)
    assert client.post(1, event | {"item": "p1"}).status == 409
    assert client.post(2, event).status == 409
    assert client.sheet(1)["state"] == {"p0": PAIR}


def test_huge_bodies_and_other_types_are_refused(client: Client) -> None:
    event = json.dumps(build_event("p0", PAIR)).encode()
    assert client.post(1, event + b" " * guard.MAX_BODY).status == 413
    chunked = client.ask(
        "POST", f"{client.address(1)}/events", iter([b" " * 40_000] * 4), {"content-type": "application/json"}
    )  # type: ignore[arg-type]
    assert chunked.status == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert client.post(1, event, content_type=kind).status == 415
    assert client.sheet(1)["state"] == {}


def test_a_body_that_does_not_come_is_not_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "MAX_BODY_SECONDS", 0.3)
    start = f"POST {client.address(1)}/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    request = f"{start}content-length: 100\r\n\r\n{{".encode()
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as waiting:
        waiting.sendall(request)
        assert waiting.recv(100).startswith(b"HTTP/1.1 408")
    # One that goes away meanwhile is no fault, and nothing to tell anybody of.
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as leaving:
        leaving.sendall(request)
    assert client.post(1, build_event("p0", PAIR)).status == 200
    time.sleep(0.5)
    assert not caplog.records


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://other.127.0.0.1"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://study.example.org"}, 200),
        ({}, 200),
    ],
)
def test_only_the_page_itself_posts(client: Client, headers: dict[str, str], status: int) -> None:
    assert client.post(1, build_event("p0", PAIR), **headers).status == status
    assert client.sheet(1)["state"] == ({"p0": PAIR} if status == 200 else {})


def test_a_page_behind_another_server_posts(study: StudyFolder, serve: Callable[[Starlette], int]) -> None:
    with EventStore.open(study) as store:
        port = serve(build_app(study, store, url="https://study.example.org"))
        client = Client(port, Links.open(study))
        assert client.post(1, build_event("p0", PAIR), origin="https://study.example.org").status == 200
        assert client.post(1, build_event("p0", PAIR), origin=f"http://127.0.0.1:{port}").status == 200
        assert client.post(1, build_event("p0", PAIR), origin="https://evil.example").status == 403
        owner = client.get(f"/owner/{client.links.sign_owner()}").body.decode()
        assert f"https://study.example.org{client.address(1)}" in owner


def test_a_sheet_is_not_flooded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.RateLimit, "most", 5)
    assert [client.post(1, b"{").status for _ in range(7)] == [422] * 5 + [429] * 2
    assert int(client.sent[-1].headers["retry-after"]) > 0
    # Whoever floods does so in a sheet of his own.
    assert client.post(2, build_event("p0", PAIR)).status == 200


def test_a_sheet_does_not_grow_without_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialora.study.serving.app.MORE_EVENTS", 3)
    monkeypatch.setattr("dialora.study.serving.app.EVENTS_PER_ITEM", 0)
    assert [client.post(1, build_event("p0", PAIR)).status for _ in range(5)] == [200] * 3 + [429] * 2
    assert client.post(2, build_event("p0", PAIR)).status == 200


def test_methods_that_nobody_needs_are_refused(client: Client) -> None:
    address = client.address(1)
    for path in (address, f"{address}/sheet", f"{address}/events", f"/owner/{client.links.sign_owner()}", "/healthz"):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            assert client.ask(method, path).status == 405
    assert client.get(f"{address}/events").status == 405
    assert client.ask("POST", f"{address}/sheet", b"{}").status == 405


def test_every_answer_carries_the_headers(client: Client) -> None:
    client.get(client.address(1), accept="text/html")
    client.sheet(1)
    client.post(1, build_event("p0", PAIR))
    client.post(1, b"{")
    client.get("/nowhere", accept="text/html")
    client.get("/nowhere")
    client.ask("DELETE", client.address(1))
    client.get(f"/owner/{client.links.sign_owner()}")
    for answer in client.sent:
        headers = answer.headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not {"set-cookie", "access-control-allow-origin"} & set(headers)
    nonces = {client.get(client.address(1)).headers["content-security-policy"] for _ in range(3)}
    assert len(nonces) == 3
