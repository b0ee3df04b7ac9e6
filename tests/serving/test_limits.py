"""What is too large, too slow or too much is refused; whoever hangs up or dawdles keeps nobody else waiting."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from dialora.errors import GenerationError
from dialora.serving import bodies, inputs, service
from tests.serving.support import TALK, Client, Engine, serving, wait_until

HEAD = b"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def receive(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_body_too_large_is_413_whether_it_says_so_or_not(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model)], max_body=10_000) as client:
        assert client.post({"text": "Anna: hi.\n" * 900}).status == 200
        refused = client.post({"text": "x" * 10_001})
        assert (refused.status, refused.json()["error"]["code"]) == (413, "too_large")
        assert "10,000 bytes" in refused.error
        # It is refused before it is sent, and where no length was said while it is.
        with client.send_raw(HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n") as one:
            assert receive(one).startswith(b"HTTP/1.1 4")
        with client.send_raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as one:
            for _ in range(12):
                one.sendall(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            assert one.recv(12) == b"HTTP/1.1 413"
        assert client.post({"text": TALK}).status == 200


def test_a_full_queue_is_429_and_says_when_to_try_again(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model)], queue_tokens=300) as client:
        engine.gate.clear()
        held = []
        while client.num_tokens < 200:
            before = client.num_tokens
            held.append(client.begin({"text": f"Anna: Number {len(held)} {'and on ' * 20}?\nBob: Yes."}))
            wait_until(lambda before=before: client.num_tokens > before)
        refused = client.post({"text": f"Anna: {'One more? ' * 30}\nBob: No."})
        assert (refused.status, refused.json()["error"]["code"]) == (429, "queue_full")
        assert 1 <= int(refused.headers["retry-after"]) <= 3600
        engine.gate.set()
        for one in held:
            with one:
                assert one.recv(12) == b"HTTP/1.1 200"
        assert client.num_tokens == 0
        assert client.post({"text": f"Anna: {'One more? ' * 30}\nBob: No."}).status == 200


def test_what_no_queue_could_hold_is_413_not_429(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model)], queue_tokens=300) as client:
        refused = client.post({"text": "Anna: This goes on and on.\n" * 200 + "Bob: Yes."})
        assert refused.status == 413
        assert "300 are taken" in refused.error
        assert client.num_tokens == 0


def test_more_than_thirty_hours_of_talk_are_413(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_CHARACTERS", 1000)
    assert client.post({"text": "Anna: hi.\n" * 500}).status == 413
    assert client.post({"inputs": [{"text": "x" * 400}] * 3}).status == 413
    assert client.post({"inputs": [{"text": "x" * 400}] * 2}).status == 200


def test_a_slow_upload_is_408_and_keeps_nobody_waiting(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model)], body_seconds=1.0) as client:
        slow = [client.send_raw(HEAD + b"Content-Length: 1000\r\n\r\n{") for _ in range(20)]
        wait_until(lambda: client.server.service.num_taken == 20)
        for _ in range(5):
            begun = time.monotonic()
            assert client.post({"text": TALK}).status == 200
            assert time.monotonic() - begun < 0.9
        for one in slow:
            with one:
                assert one.recv(12) == b"HTTP/1.1 408"
        assert client.server.service.num_taken == 0


def test_slow_uploads_fill_no_memory(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "HELD", 0.001)
    with client.send_raw(HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 20_000) as one:
        reply = one.recv(4096)
        assert reply.startswith(b"HTTP/1.1 429")
        assert b"retry-after" in reply
    wait_until(lambda: client.server.service.num_taken == 0)
    assert client.post({"text": TALK}).status == 200


def test_who_hangs_up_leaves_the_queue(client: Client, engine: Engine) -> None:
    engine.gate.clear()
    first = client.begin({"text": TALK})
    wait_until(lambda: len(engine.batches) == 1)
    left = client.begin({"text": "Tom: Nobody waits for this.\nEva: Indeed."})
    shared = [client.begin({"text": "Tom: One of two waits.\nEva: Indeed."}) for _ in range(2)]
    served = client.server.service.served[0]
    wait_until(lambda: served.batcher.num_waiting == 4)
    left.close()
    shared[0].close()
    wait_until(lambda: served.batcher.num_waiting == 2)
    engine.gate.set()
    for one in (first, shared[1]):
        with one:
            assert one.recv(12) == b"HTTP/1.1 200"
    wait_until(lambda: client.server.service.num_taken == 0)
    assert client.num_tokens == 0
    assert len(engine.sources) == 2
    assert b'status="499"' in client.get("/metrics").body


def test_who_hangs_up_while_the_engine_writes_troubles_nobody(client: Client, engine: Engine) -> None:
    engine.gate.clear()
    left = client.begin({"text": TALK})
    wait_until(lambda: len(engine.batches) == 1)
    left.close()
    wait_until(lambda: client.server.service.num_taken == 0)
    # The same again, while it is being written for nobody.
    again = client.begin({"text": TALK})
    wait_until(lambda: client.server.service.num_taken == 1)
    engine.gate.set()
    with again:
        assert again.recv(12) == b"HTTP/1.1 200"
    assert client.num_tokens == 0


def test_a_long_request_lets_others_pass(tiny_model: Path, engine: Engine) -> None:
    """A conversation of many parts and then a short one, of which the second is answered far before the first."""
    with serving([str(tiny_model)], set={"data.max_source_length": 64, "decoding.max_batch_tokens": 2000}) as client:
        engine.forget()
        client.post({"text": TALK})
        own = set(engine.sources)
        engine.forget()
        engine.gate.clear()
        long = client.begin({"text": "\n".join(f"Anna: This is number {n} of many things." for n in range(400))})
        wait_until(lambda: client.num_tokens > 3000, 30)
        batcher = client.server.service.served[0].batcher
        before = batcher.num_waiting
        short = client.begin({"text": TALK})
        wait_until(lambda: batcher.num_waiting > before)
        engine.seconds = 0.05
        engine.gate.set()
        assert short.recv(12) == b"HTTP/1.1 200"
        long.settimeout(30)
        assert long.recv(12) == b"HTTP/1.1 200"
        last = max(at for at, batch in enumerate(engine.batches) if own & set(batch))
        assert last <= 2 < len(engine.batches) - 1
        short.close()
        long.close()


def test_a_failing_engine_is_said_and_the_next_request_is_answered(client: Client, engine: Engine) -> None:
    engine.error = GenerationError("generation failed on a batch of 1 (out of memory).")
    failed = client.post({"text": TALK})
    assert (failed.status, failed.json()["error"]["code"]) == (500, "internal_error")
    assert "out of memory" in failed.error
    engine.error = KeyError("secret")
    failed = client.post({"text": TALK})
    assert failed.status == 500
    assert "secret" not in failed.error
    assert client.post({"text": TALK}).status == 200
    assert client.num_tokens == 0


def test_a_client_that_reads_nothing_keeps_nobody_waiting(client: Client) -> None:
    many = json.dumps({"text": "Anna: hi there.\n" * 100_000, "on_long": "truncate"}).encode()
    with client.send_raw(HEAD + f"Content-Length: {len(many)}\r\n\r\n".encode() + many):
        wait_until(lambda: client.server.service.num_taken == 0, 60)
        assert client.post({"text": TALK}).status == 200


def test_who_sends_a_large_file_keeps_nobody_waiting(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SMALL", 5000)
    big = {"text": "Anna: " + "word and word. " * 2000}
    thread = threading.Thread(target=lambda: client.post(big))
    thread.start()
    wait_until(lambda: client.server.service.num_taken == 1)
    waited = []
    while thread.is_alive():
        begun = time.monotonic()
        assert client.post({"text": TALK}).status == 200
        waited.append(time.monotonic() - begun)
    thread.join()
    assert sorted(waited)[len(waited) // 2] < 1.0
