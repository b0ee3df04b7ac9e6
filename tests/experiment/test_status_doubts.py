"""`dialora status` where clocks differ, and where what lies in the folder is not what was written there."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dialora import api
from dialora.cli import main
from dialora.errors import StageError
from dialora.store import heartbeat, names
from dialora.store.heartbeat import Heartbeat, Pulse, read_heartbeat, write_heartbeat
from dialora.store.work import own_work

DAY = 86_400.0
RUN = "lora-s0-00000000"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An experiment with one run under way."""
    (tmp_path / names.WORK).mkdir()
    (tmp_path / "experiment.yaml").write_text("name: tiny\n", encoding="utf-8")
    (tmp_path / RUN / names.WORK).mkdir(parents=True)
    (tmp_path / RUN / names.RUN_CONFIG).write_text("name: tiny\n", encoding="utf-8")
    plan = {"searches": [], "runs": [{"folder": RUN, names.GENERATION: "key"}], "later": []}
    (tmp_path / names.WORK / names.PLANNED_JOBS).write_text(json.dumps(plan), encoding="utf-8")
    return tmp_path


def lie_at(root: Path, sign: Heartbeat, *, age: float = 0.0) -> None:
    """Write a run's sign, whose file is so old by the clock of the file system."""
    work = root / RUN / names.WORK
    write_heartbeat(work, sign)
    moment = time.time() - age
    os.utime(work / names.HEARTBEAT, (moment, moment))


def build_sign(host: str = "elsewhere", *, ahead: float = 0.0) -> Heartbeat:
    sign = replace(Heartbeat.of("lora-s0"), host=host, stage="training", done=3, total=10)
    return replace(sign, begun=sign.begun + ahead - 90, beat=sign.beat + ahead)


@pytest.mark.parametrize("ahead", [-DAY, 0.0, DAY])
@pytest.mark.parametrize(("age", "state"), [(0.0, "running"), (300.0, "stopped"), (-300.0, "stopped")])
def test_who_is_alive_is_told_by_the_clock_of_the_folder(
    root: Path, ahead: float, age: float, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lie_at(root, build_sign(ahead=ahead), age=age)
    (job,) = api.status(root).jobs
    assert job.state == state
    assert job.message == ("" if state == "running" else "gave no sign of life for a minute")
    assert main(["status", str(root)]) == 0
    shown = capsys.readouterr().out
    assert ("1 min 30 s" in " ".join(shown.split())) == (state == "running")
    assert not [path for path in (root / RUN / names.WORK).iterdir() if path.name != names.HEARTBEAT]


def test_a_sign_from_a_clock_that_was_set_back_keeps_nobody_waiting(root: Path) -> None:
    work = root / RUN / names.WORK
    lie_at(root, build_sign(ahead=DAY), age=-DAY)
    sign = read_heartbeat(work)
    assert sign is not None
    assert not sign.is_alive_at(work / names.HEARTBEAT)
    begun = time.monotonic()
    with own_work(work, "lora-s0"):
        assert time.monotonic() - begun < 30


def test_a_folder_that_cannot_be_written_is_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    lie_at(root, build_sign())
    monkeypatch.setattr(Path, "touch", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert [job.state for job in api.status(root).jobs] == ["running"]


BAD_SIGNS: list[dict[str, Any]] = [
    {"beat": "x"}, {"beat": float("inf")}, {"begun": None}, {"begun": float("nan")}, {"done": None}, {"done": "x"},
    {"loss": "low"}, {"pid": "x"}, {"pid": -1}, {"pid": 2**70}, {"outcome": 5}, {"outcome": "exploded"},
    {"stage": ["x"]}, {"host": None}, {"message": 3},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD_SIGNS, ids=str)
def test_a_sign_that_nobody_wrote_is_none(
    root: Path, change: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    values = build_sign(platform.node()).to_json() | change
    (root / RUN / names.WORK / names.HEARTBEAT).write_text(json.dumps(values), encoding="utf-8")
    assert main(["status", str(root)]) == 0
    assert "1 waiting" in capsys.readouterr().out


BAD_PLANS: list[Any] = [
    [], {}, {"searches": 5, "runs": [], "later": []}, {"searches": [], "runs": [{"x": 1}], "later": []},
    {"searches": [], "runs": [], "later": [5]},
    {"searches": [{"folder": "x", "key": "k", "num_trials": "3"}], "runs": [], "later": []},
]  # fmt: skip


@pytest.mark.parametrize("plan", BAD_PLANS, ids=str)
def test_where_the_list_of_jobs_was_changed_those_that_have_begun_are_told(
    root: Path, plan: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / names.WORK / names.PLANNED_JOBS).write_text(json.dumps(plan), encoding="utf-8")
    lie_at(root, build_sign())
    assert main(["status", str(root)]) == 0
    assert "1 running" in capsys.readouterr().out


def test_the_folder_of_a_run_is_no_experiment(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(root / RUN)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "is one run of an experiment; give the experiment's folder" in said


@pytest.mark.parametrize("error", [None, StageError("no disk")])
def test_a_beat_that_comes_late_says_nothing_of_what_has_ended(
    tmp_path: Path, error: StageError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    at_it, ended = threading.Event(), threading.Event()

    def write(work: Path, sign: Heartbeat) -> None:
        if threading.current_thread() is beating:
            at_it.set()
            ended.wait(0.3)
        write_heartbeat(work, sign)

    pulse = Pulse(tmp_path, "lora-s0", is_locked=True)
    pulse.claim()
    monkeypatch.setattr(heartbeat, "write_heartbeat", write)
    beating = threading.Thread(target=pulse.beat)
    beating.start()
    assert at_it.wait(10)
    pulse.end(error)
    ended.set()
    beating.join()
    sign = read_heartbeat(tmp_path)
    assert (sign and sign.outcome) == (error and "failed")
