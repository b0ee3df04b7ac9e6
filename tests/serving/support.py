"""A server in a thread, an engine that does what a test says, and clients that behave, or do not."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from dialora.generation import Written
from dialora.serving.app import ServerOptions
from dialora.serving.served import find_served
from dialora.serving.server import SummaryServer
from dialora.systems import System

TALK = "Anna: Are you coming tonight?\nBob: Yes, at nine.\nAnna: Great, see you there."


class Engine:
    """Writes the first tokens of what it reads, once its gate is open; keeps what it was given."""

    name, precision, device, stops = "echo", "fp32", "cpu", frozenset([1])

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[tuple[int, ...]]] = []
        self.error: Exception | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *args: object) -> None:
        return None

    def write(self, batches: Iterable[Any]) -> Iterator[list[Written]]:
        for batch in batches:
            if batch:
                self.batches.append([tuple(ids) for ids in batch])
            self.gate.wait(30)
            time.sleep(self.seconds)
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            yield [Written([*ids[:3], 1]) for ids in batch]

    @property
    def sources(self) -> list[tuple[int, ...]]:
        return [source for batch in self.batches for source in batch]

    def forget(self) -> None:
        self.batches.clear()


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error, whose form is checked."""
        (error,) = self.json().values()
        assert list(self.json()) == ["error"]
        assert set(error) == {"code", "message"}
        assert "\n" not in error["message"]
        assert len(error["message"]) < 1000
        return str(error["message"])


@dataclass(frozen=True)
class Client:
    """Asks a server, one connection for each request."""

    server: SummaryServer
    port: int

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})

    def post(self, values: Any, **headers: str) -> Answer:
        body = values if isinstance(values, bytes) else json.dumps(values).encode()
        given = {"content-type": "application/json"} | {key.replace("_", "-"): v for key, v in headers.items()}
        return self.ask("POST", "/v1/summaries", body, given)

    def upload(self, name: str, data: bytes, *fields: tuple[str, str]) -> Answer:
        edge = "----edge"
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                 for key, value in fields]  # fmt: skip
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = b"".join([*parts, head, data, f"\r\n--{edge}--\r\n".encode()])
        return self.ask("POST", "/v1/summaries", body, {"content-type": f"multipart/form-data; boundary={edge}"})

    def send_raw(self, data: bytes) -> socket.socket:
        """Send bytes on a connection of one's own."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(data)
        return connection

    def begin(self, values: Any) -> socket.socket:
        """Ask for summaries and go on without the answer."""
        body = json.dumps(values).encode()
        head = f"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"  # noqa: E501
        return self.send_raw(head.encode() + body)

    @property
    def num_tokens(self) -> int:
        return sum(one.batcher.num_tokens for one in self.server.service.served if one.batcher is not None)


@contextmanager
def serving(names: list[str], *, set: Any = (), **options: Any) -> Iterator[Client]:
    """Serve systems in a thread until the block ends."""
    warnings: list[str] = []
    server = SummaryServer(find_served(names, set=set), ServerOptions(**options), on_warning=warnings.append)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.serve_on, args=(listening,))
        thread.start()
        try:
            wait_until(lambda: server.service.is_ready or server.error is not None, 60)
            yield Client(server, listening.getsockname()[1])
        finally:
            server.service.is_ending = True
            thread.join(30)
            assert not thread.is_alive()


def wait_until(is_so: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until something is so; fail where it is not in time."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def use_engine(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """Have all systems write with one engine."""
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: engine)


__all__ = ["TALK", "Answer", "Client", "Engine", "serving", "use_engine", "wait_until"]
