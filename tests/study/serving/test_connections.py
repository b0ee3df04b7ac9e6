"""Whoever opens connections and asks for nothing keeps nobody out, and holds them for a while only."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from dialora.web.connections import PassingProtocol
from tests.study.serving.conftest import PAIR, Client, build_event


@contextlib.contextmanager
def idle(client: Client, count: int) -> Iterator[list[socket.socket]]:
    """Connections on which nothing is asked, or half a request."""
    with contextlib.ExitStack() as stack:
        opened = []
        for at in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", client.port), timeout=10))
            if at % 2:
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
            opened.append(one)
        yield opened


def is_ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(1000):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def test_idle_connections_shut_no_rater_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassingProtocol, "most", 20)
    with idle(client, 60) as held:
        for item in ("p0", "p1", "p2"):
            assert client.post(1, build_event(item, PAIR)).status == 200
        # Those that came first made way; the last ones are still there.
        assert all(is_ended(one) for one in held[:30])
        held[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            held[-1].recv(1)


def test_as_many_as_a_server_has_places_shut_no_rater_out(client: Client) -> None:
    """More than the server would serve at once; with its own limits, as they are."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * 1010 + 200  # the server's ends are in this process, too
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this process may open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with idle(client, 1010):
            assert client.post(1, build_event("p0", PAIR)).status == 200
            assert len(client.sheet(1)["entries"]) == 12
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_connection_without_a_request_is_ended(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassingProtocol, "seconds", 0.3)
    with idle(client, 4) as held:
        began = time.monotonic()
        assert all(is_ended(one) for one in held)
        assert time.monotonic() - began < 5


def test_half_a_request_after_a_whole_one_is_ended_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassingProtocol, "seconds", 0.3)
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert one.recv(1000).startswith(b"HTTP/1.1 200")
        one.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert is_ended(one)


def test_who_asks_again_and_again_keeps_the_connection(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassingProtocol, "seconds", 0.4)
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
    try:
        connection.connect()
        own = connection.sock.getsockname()
        for _ in range(10):
            time.sleep(0.1)
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok"
            assert connection.sock is not None
            assert connection.sock.getsockname() == own
    finally:
        connection.close()
