"""Many clients at a time, and requests that a machine made up: nothing is lost, nothing is our fault."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests import sizes
from tests.serving.support import Client, Engine, serving

SETTINGS = {"data.max_source_length": 128, "decoding.max_new_tokens": 8}


def ask_much(client: Client, num_clients: int, num_requests: int) -> Counter[int]:
    """Have clients ask one thing after the other; count the answers, each of which has to be its own question's."""
    statuses: Counter[int] = Counter()
    faults: list[str] = []

    def work(number: int) -> None:
        for at in range(num_requests):
            said = f"Number {number} at {at}."
            answer = client.post({"text": f"Anna: {said}\nBob: Yes.", "id": f"{number}-{at}"})
            statuses[answer.status] += 1
            if answer.status == 200:
                (one,) = answer.json()["conversations"]
                if (one["id"], one["turns"][0]["text"]) != (f"{number}-{at}", said) or not one["summaries"][0]["text"]:
                    faults.append(said)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(num_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults
    return statuses


def test_many_clients_lose_nothing(client: Client, engine: Engine) -> None:
    engine.seconds = 0.01
    assert ask_much(client, 60, 5) == {200: 300}
    assert len(engine.sources) == 300
    assert len(engine.batches) < 150
    assert client.num_tokens == client.server.service.num_taken == 0


def test_a_queue_that_is_too_small_refuses_and_loses_nothing(tiny_model: Path, engine: Engine) -> None:
    with serving([str(tiny_model)], set=SETTINGS, queue_tokens=150) as client:
        engine.seconds = 0.02
        statuses = ask_much(client, 30, 4)
        assert set(statuses) == {200, 429}
        assert statuses.total() == 120
        assert client.num_tokens == 0


@pytest.mark.slow
def test_schemathesis_finds_nothing(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALORA_CACHE", str(tmp_path))
    config = Path(__file__).with_name("schemathesis.toml")
    with serving([str(tiny_model)], set=SETTINGS) as client:
        words = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"http://127.0.0.1:{client.port}/openapi.json",
                 "--max-time", str(sizes.FUZZ_SECONDS), "--continue-on-failure"]  # fmt: skip
        ran = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=tmp_path)
        assert client.server.service.num_taken == 0
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "5 passed" in ran.stdout
