"""A study that is served: a real server in a thread, and a client that sends what a browser would, or worse."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from dialora.study.events import EventStore
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.serving.app import build_app
from dialora.study.serving.links import Links
from dialora.study.serving.server import SEND_SECONDS
from dialora.web.settings import build_config


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Speaks to a server, one connection for each request."""

    port: int
    links: Links
    sent: list[Answer] = field(default_factory=list)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            answer = Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()
        self.sent.append(answer)
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def address(self, sheet: int) -> str:
        return f"/r/{self.links.invite(sheet)}"

    def sheet(self, sheet: int) -> dict[str, Any]:
        return self.get(f"{self.address(sheet)}/sheet").json()

    def post(self, sheet: int, event: Any, **headers: str) -> Answer:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        given = {"content-type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        return self.ask("POST", f"{self.address(sheet)}/events", body, given)


def build_event(item: str | None, answer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """What a page posts."""
    kind = "answered" if answer is not None else "opened"
    return {"id": str(uuid.uuid4()), "kind": kind, "item": item, "answer": answer, "seconds": 2.5} | changes


PAIR = {"answer": "a", "why": ""}
RATED = {
    "scores": {"faithfulness": 4, "coverage": 2},
    "errors": [{"start": 0, "stop": 2, "kind": "invented"}],
    "why": "",
}


@pytest.fixture
def blind(study: StudyFolder) -> BlindStudy:
    return study.load_blind()


@pytest.fixture
def serve() -> Iterator[Callable[[Starlette], int]]:
    """Serve applications until the test ends; gives each one's port."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(app: Starlette) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(build_config(app, send_seconds=SEND_SECONDS))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread, listening))
        while not server.started:
            time.sleep(0.01)
        return int(listening.getsockname()[1])

    yield start
    for server, thread, listening in running:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture
def client(study: StudyFolder, serve: Callable[[Starlette], int]) -> Iterator[Client]:
    """A client of the small study, whose key lies where it should but cannot be read."""
    (study.root / "key" / "key.json").write_text("garbage", encoding="utf-8")
    with EventStore.open(study) as store:
        yield Client(serve(build_app(study, store)), Links.open(study))
