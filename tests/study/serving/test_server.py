"""The command as a process: links that open, no acknowledged rating lost when it is killed, an end in words."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from dialora.cli import main
from dialora.study.events import EventStore
from dialora.study.folder import StudyFolder
from dialora.study.judgements import ANSWERED, collect_judgements
from dialora.study.serving.links import Links
from tests import sizes
from tests.study.conftest import NUM_PAIRS, NUM_SHEETS
from tests.study.serving.conftest import PAIR, build_event


@contextmanager
def serving(study: StudyFolder, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dialora", "study", "serve", str(study.root), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def read_links(process: subprocess.Popen[str]) -> dict[str, str]:
    """Links by who they are for, as they were printed."""
    links = {}
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Send each rater"):
            return links
        who, found, address = line.strip().partition("http://")
        if found:
            links[" ".join(who.split())] = found + address
    raise AssertionError(process.stderr.read() if process.stderr else "")


def ask(address: str, method: str = "GET", event: Any = None) -> tuple[int, bytes]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        body = None if event is None else json.dumps(event)
        connection.request(method, parts.path, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_what_it_prints_opens_and_ctrl_c_ends_it_with_a_word(study: StudyFolder) -> None:
    with serving(study, "--port", "0") as process:
        links = read_links(process)
        assert list(links) == ["Rater 1", "Rater 2", "Rater 3", "Owner"]
        for number in (1, 2, 3):
            assert ask(f"{links[f'Rater {number}']}/sheet")[0] == 200
        assert ask(links["Owner"])[0] == 200
        assert ask(f"{links['Rater 2']}/events", "POST", build_event("p0", PAIR))[0] == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.strip().splitlines()[-1].startswith("Stopped.")
    # Neither a traceback nor an access log, which would hold the links.
    assert err == ""
    with EventStore.open(study) as store:
        assert [event.item for event in store.load()] == ["p0"]


@pytest.mark.slow
def test_killed_at_random_moments_no_acknowledged_rating_is_lost(study: StudyFolder) -> None:
    """Three raters post without a pause while the server is killed 30 times; whoever got no answer asks again."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    rng = random.Random(18)
    tokens = {sheet: Links.open(study).invite(sheet) for sheet in range(1, NUM_SHEETS + 1)}
    acknowledged: dict[int, list[str]] = {sheet: [] for sheet in tokens}
    last: dict[int, dict[str, str]] = {sheet: {} for sheet in tokens}
    is_over = threading.Event()

    def judge(sheet: int) -> None:
        draw = random.Random(sheet)
        while not is_over.is_set():
            answer = {"answer": draw.choice("ab"), "why": uuid.uuid4().hex}
            event = build_event(f"p{draw.randrange(NUM_PAIRS)}", answer)
            while not is_over.is_set():
                try:
                    status, body = ask(f"http://127.0.0.1:{port}/r/{tokens[sheet]}/events", "POST", event)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if status == 429:
                    time.sleep(0.5)
                    continue
                assert (status, json.loads(body)["stored"]) == (200, True)
                acknowledged[sheet].append(event["id"])
                last[sheet][event["item"]] = answer["why"]
                break

    threads = [threading.Thread(target=judge, args=(sheet,)) for sheet in tokens]
    for thread in threads:
        thread.start()
    num_before_kill = []
    try:
        for _ in range(sizes.NUM_KILLS_OF_A_STUDY):
            with serving(study, "--port", str(port)) as process:
                read_links(process)
                time.sleep(rng.uniform(0.0, 0.8))
                num_before_kill.append(sum(map(len, acknowledged.values())))
                os.kill(process.pid, signal.SIGKILL)
                process.wait(30)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    with EventStore.open(study) as store:
        events = store.load()
    stored = [event.id for event in events]
    assert len(set(num_before_kill)) > sizes.NUM_KILLS_OF_A_STUDY // 2, "the kills came while nobody was at work"
    assert len(stored) == len(set(stored))
    for sheet, ids in acknowledged.items():
        own = [event.id for event in events if event.sheet == sheet]
        assert [id_ for id_ in own if id_ in set(ids)] == ids
        # What was stored without an answer is one event at most: the last, which nobody asked for again.
        assert len(own) - len(ids) <= 1
        judged = {
            one.item: one.why for one in collect_judgements(study.load_blind().sheets, events) if one.sheet == sheet
        }
        unanswered = {event.item for event in events if event.id in set(own) - set(ids)}
        assert {k: v for k, v in judged.items() if k not in unanswered} == {
            k: v for k, v in last[sheet].items() if k not in unanswered
        }
    assert all(event.kind == ANSWERED for event in events)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["study", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_port_in_use_is_one_line(study: StudyFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, err = run(capsys, "serve", str(study.root), "--port", str(taken.getsockname()[1]))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "another program listens there" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "no.such.host.invalid"], "no such host"),
        (["--host", "192.0.2.1", "--port", "0"], "no address of this machine"),
        (["--host", "0.0.0.0", "--port", "0"], "give --url too"),
        (["--host", "a" * 300], "no such host"),
        (["--url", "study.example.org", "--port", "0"], "--url study.example.org"),
        (["--url", "https://", "--port", "0"], "--url"),
        (["--url", "https://h:99999", "--port", "0"], "--url"),
        (["--url", "https://h/?x=1", "--port", "0"], "--url"),
        (["--expires", "0"], "--expires 0"),
        (["--expires", "nan"], "--expires nan"),
        (["--expires", "1e9"], "--expires"),
        (["--invite", "4"], "raters 1 to 3"),
        (["--invite", "0"], "raters 1 to 3"),
        (["--ratings", "mysql://u:hunter2@h/d", "--port", "0"], "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    study: StudyFolder, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = run(capsys, "serve", str(study.root), *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert said in err
    assert "hunter2" not in err
    assert not study.ratings.exists()


@pytest.mark.parametrize("command", ["serve", "status"])
def test_a_folder_that_is_no_study_is_one_line(tmp_path: Any, capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, err = run(capsys, command, str(tmp_path / "nowhere"))
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "dialora study create" in err
    assert not (tmp_path / "nowhere").exists()


def test_one_invitation_is_printed_alone(study: StudyFolder, capsys: pytest.CaptureFixture[str]) -> None:
    token = Links.open(study).invite(2)
    assert run(capsys, "serve", str(study.root), "--invite", "2") == (0, f"http://127.0.0.1:8321/r/{token}\n", "")
    code, out, _ = run(capsys, "serve", str(study.root), "--invite", "2", "--url", "https://study.example.org/")
    assert (code, out) == (0, f"https://study.example.org/r/{token}\n")
    code, out, _ = run(capsys, "serve", str(study.root), "--invite", "2", "--expires", "7")
    assert Links.open(study).read_invitation(out.strip().rpartition("/")[2]) == 2
    assert token not in out


@pytest.mark.parametrize(
    ("host", "url", "is_warned"),
    [
        ("127.0.0.1", None, False),
        ("localhost", None, False),
        ("0.0.0.0", "http://192.168.1.5:8321", True),
        ("0.0.0.0", "https://study.example.org", False),
        ("127.0.0.1", "https://study.example.org", False),
    ],
)
def test_ratings_in_clear_text_are_warned_of(
    study: StudyFolder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    url: str | None,
    is_warned: bool,
) -> None:
    monkeypatch.setattr("dialora.study.serving.server.run_server", lambda app, listening: None)
    more = [] if url is None else ["--url", url]
    code, out, err = run(capsys, "serve", str(study.root), "--host", host, "--port", "0", *more)
    assert code == 0
    assert (url or f"http://{host}:") in out
    assert ("clear text" in err) is is_warned


def test_status_tells_who_is_how_far(
    study: StudyFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, "status", str(study.root))[0] == 0
    assert not study.ratings.exists()
    from dialora.study.serving.checking import read_event

    blind = study.load_blind()
    with EventStore.open(study) as store:
        for item in ("p0", "p1"):
            store.append(read_event(blind, blind.sheets[1], json.dumps(build_event(item, PAIR)).encode()))
    monkeypatch.chdir(study.root.parents[1])
    code, out, _ = run(capsys, "status", "small", "--json")
    found = json.loads(out)
    assert (code, found["num_answered"], found["num_asked"]) == (0, 2, 36)
    assert [sheet["num_answered"] for sheet in found["sheets"]] == [0, 2, 0]
    assert found["sheets"][1]["median_seconds"] == 2.5
    code, out, _ = run(capsys, "status", "small")
    assert code == 0
    assert "2 of 36" in out
    assert "2 of 12" in out
