"""The command as a process: it says where it serves, ends when what it took is answered, and loses no answer."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dialora.cli import main
from tests import sizes
from tests.serving.support import TALK, wait_until

LONG = [{"text": f"Anna: {'This is long and goes on. ' * 6}{n}\nBob: Yes."} for n in range(400)]


@contextmanager
def command(model: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run `dialora serve` until the block ends, and say at which port once it is ready."""
    words = [sys.executable, "-m", "dialora", "serve", str(model), "--set", "data.max_source_length=128", *arguments]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        found = re.search(r" at http://127\.0\.0\.1:(\d+)\. Ctrl-C ends\.$", line)
        assert found, line + process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()


def ask(port: int, method: str, path: str, values: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        body = None if values is None else json.dumps(values)
        connection.request(method, path, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        text = reply.read().decode()
        return reply.status, json.loads(text) if reply.headers["content-type"] == "application/json" else text
    finally:
        connection.close()


def begin(port: int, values: Any) -> tuple[threading.Thread, list[tuple[int, Any]]]:
    """Ask for summaries in a thread; wait until the server has them in its queue."""
    answers: list[tuple[int, Any]] = []
    thread = threading.Thread(target=lambda: answers.append(ask(port, "POST", "/v1/summaries", values)))
    thread.start()
    wait_until(
        lambda: answers or re.search(r"^dialora_queue_tokens.* [1-9]", ask(port, "GET", "/metrics")[1], re.M), 30
    )
    return thread, answers


def test_sigterm_finishes_what_was_taken_and_takes_nothing_more(tiny_model: Path) -> None:
    with command(tiny_model, "--port", "0") as (process, port):
        assert ask(port, "GET", "/ready")[0] == 200
        thread, answers = begin(port, {"inputs": LONG})
        process.send_signal(signal.SIGTERM)
        statuses = []
        while not answers:
            try:
                statuses.append((ask(port, "GET", "/ready")[0], ask(port, "POST", "/v1/summaries", {"text": TALK})[0],
                                 ask(port, "GET", "/health")[0]))  # fmt: skip
            except OSError:
                break
        thread.join(60)
        out, err = process.communicate(timeout=30)
    assert statuses
    assert set(statuses) == {(503, 503, 200)}
    ((status, answer),) = answers
    assert status == 200
    assert len(answer["conversations"]) == len(LONG)
    assert process.returncode == 0, err
    assert out.strip().endswith("Stopped; all that was taken is answered.")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads a process's time from /proc")
def test_a_server_that_nobody_asks_computes_nothing(tiny_model: Path) -> None:
    def read_seconds(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    with command(tiny_model, "--port", "0") as (process, port):
        for number in range(3):
            assert ask(port, "POST", "/v1/summaries", {"text": f"{TALK} {number}"})[0] == 200
        time.sleep(0.2)
        before = read_seconds(process.pid)
        time.sleep(1.5)
        assert read_seconds(process.pid) - before < 0.3


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(tiny_model: Path) -> None:
    with command(tiny_model, "--port", "0", "--set", "decoding.max_new_tokens=2000") as (process, port):
        words = json.dumps({"inputs": LONG}).encode()
        head = f"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(words)}\r\n\r\n"  # noqa: E501
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + words)
            wait_until(lambda: re.search(r"^dialora_queue_tokens.* [1-9]", ask(port, "GET", "/metrics")[1], re.M), 30)
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: ask(port, "GET", "/ready")[0] == 503)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            assert time.monotonic() - begun < 3
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_second_signal_leaves_nothing_of_an_upload(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    head = 'Content-Disposition: form-data; name="file"; filename="secret.txt"'
    said = "Anna: hi\nBob: no\n" * 400_000
    body = f"--a\r\n{head}\r\n\r\n{said}\r\n--a--\r\n".encode()
    start = f"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=a\r\nContent-Length: {len(body)}\r\n\r\n"  # noqa: E501
    with command(tiny_model, "--port", "0") as (process, port), socket.create_connection(("127.0.0.1", port)) as asked:
        asked.sendall(start.encode() + body)
        wait_until(lambda: list(tmp_path.rglob("secret.txt")), 30)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: ask(port, "GET", "/ready")[0] == 503)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(tmp_path.rglob("secret.txt"))


@pytest.mark.slow
def test_killed_and_started_again_no_answered_request_is_lost(tiny_model: Path) -> None:
    """Clients ask without a pause while the server is killed; who got no answer asks again. Every answer is whole."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    rng, is_over = random.Random(21), threading.Event()
    asked: list[list[str]] = [[] for _ in range(8)]
    answered: list[list[str]] = [[] for _ in range(8)]

    def work(number: int) -> None:
        while not is_over.is_set():
            said = f"Number {number} {len(asked[number])}"
            asked[number].append(said)
            while not is_over.is_set():
                try:
                    status, answer = ask(
                        port, "POST", "/v1/summaries", {"text": f"Anna: {said}\nBob: Yes.", "id": said}
                    )
                except (OSError, http.client.HTTPException, ValueError):
                    time.sleep(0.02)
                    continue
                if status == 200:
                    (one,) = answer["conversations"]
                    assert (one["id"], one["turns"][0]["text"]) == (said, said)
                    assert one["summaries"][0]["finish_reason"] in ("stop", "length")
                    answered[number].append(said)
                    break
                assert status == 503

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    counts = []
    try:
        for _ in range(sizes.NUM_KILLS_OF_A_SERVER):
            with command(tiny_model, "--port", str(port)) as (process, _):
                time.sleep(rng.uniform(0.5, 2))
                counts.append(sum(map(len, answered)))
                os.kill(process.pid, signal.SIGKILL)
                process.wait(30)
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)
    assert all(own[: len(done)] == done for own, done in zip(asked, answered, strict=True))
    assert all(len(own) - len(done) <= 1 for own, done in zip(asked, answered, strict=True))
    assert counts == sorted(set(counts))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["serve", *arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--allow-open"),
        (["--host", "::"], "--token-file"),
        (["--host", "0.0.0.0", "--token-file", "{short}"], "16 or more"),
        (["--token-file", "{none}"], "No such file"),
        (["--token-file", "{spaced}"], "without a space"),
        (["--host", "no.such.host.invalid", "--allow-open"], "no such host"),
        (["--set", "training.seed=3"], "training.seed"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("DIALORA_TOKEN", raising=False)
    files = {name: tmp_path / name for name in ("short", "none", "spaced")}
    files["short"].write_text("hunter2\n")
    files["spaced"].write_text("a token of several words")
    code, err = run(capsys, str(tiny_model), "--port", "0", *(one.format(**files) for one in arguments))
    assert code == 2
    assert len(err.splitlines()) == 1
    assert said in err
    assert "hunter2" not in err


def test_a_system_that_is_none_and_a_port_in_use_are_one_line(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, err = run(capsys, str(tmp_path / "nothing"), "--port", "0")
    assert (code, len(err.splitlines())) == (2, 1)
    code, err = run(capsys, *[str(tiny_model)] * 5, "--port", "0")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "at most 4" in err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, err = run(capsys, str(tiny_model), "--port", str(taken.getsockname()[1]))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "another program listens" in err


def test_a_system_that_cannot_be_loaded_ends_it_with_a_line(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_model, damaged)
    (damaged / "model.safetensors").write_bytes(b"0" * 100)
    code, err = run(capsys, str(damaged), "--port", "0")
    assert code == 2
    assert "model.safetensors" in err


def test_whatever_goes_wrong_while_loading_ends_it(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is never ready, and says nothing, is the worst."""

    def fail(system: object, on_warning: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dialora.serving.server.open_warm_engine", fail)
    code, err = run(capsys, str(tiny_model), "--port", "0")
    assert code == 1
    assert "the disk is full" in err


def test_the_token_of_the_environment_is_asked_for(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.api.serving import find_token

    monkeypatch.setenv("DIALORA_TOKEN", " 0123456789abcdef\n")
    assert find_token(None) == "0123456789abcdef"
    monkeypatch.setenv("DIALORA_TOKEN", "short")
    code, err = run(capsys, str(tiny_model), "--port", "0")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "DIALORA_TOKEN" in err
