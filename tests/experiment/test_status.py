"""`dialora status`: how an experiment stands, from its folder alone, and who may take over a dead owner's job."""

import json
import os
import platform
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from dialora import api
from dialora.cli import main
from dialora.config import load_experiment
from dialora.errors import Interrupted, StageError
from dialora.experiment import pipeline
from dialora.store import heartbeat, names, work
from dialora.store.heartbeat import Heartbeat, beating, read_heartbeat, write_heartbeat
from dialora.store.work import own_work

GONE = 2**22 + 1
"""No process has this number."""


def lie_at(folder: Path, sign: Heartbeat) -> None:
    """Write a sign with a time that is as old as it says."""
    write_heartbeat(folder, sign)
    os.utime(folder / names.HEARTBEAT, (sign.beat, sign.beat))


def test_a_job_under_way_says_where_and_how_far_it_is_and_one_that_failed_why(tmp_path: Path) -> None:
    with beating(tmp_path, "lora-s0", is_locked=True) as pulse:
        begun = read_heartbeat(tmp_path)
        assert begun is not None
        assert (begun.job, begun.host, begun.pid, begun.is_alive) == ("lora-s0", platform.node(), os.getpid(), True)
        pulse.tell("training", 3, 12, {"loss": 1.5})
        pulse._write()
        told = read_heartbeat(tmp_path)
        assert told is not None
        assert (told.stage, told.done, told.total, told.loss) == ("training", 3, 12, 1.5)
    assert read_heartbeat(tmp_path) is None
    for error, outcome in ((StageError("no disk"), "failed"), (Interrupted("at step 3"), "stopped")):
        with pytest.raises(type(error)), beating(tmp_path, "lora-s0", is_locked=True):
            raise error
        ended = read_heartbeat(tmp_path)
        assert ended is not None
        assert (ended.outcome, ended.message, ended.is_alive) == (outcome, str(error), False)


def test_a_sign_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    with beating(tmp_path, "lora-s0", is_locked=True):
        first = read_heartbeat(tmp_path)
        deadline = time.monotonic() + 20
        while read_heartbeat(tmp_path) == first and time.monotonic() < deadline:
            time.sleep(0.01)
        assert read_heartbeat(tmp_path) != first


@pytest.mark.parametrize("is_locked", [True, False])
@pytest.mark.parametrize(
    ("host", "age", "waits"),
    [("elsewhere", 0.0, True), ("elsewhere", heartbeat.STALE_SECONDS + 5, False), (platform.node(), 0.0, False)],
)
def test_a_job_is_taken_over_when_its_owner_is_gone_and_not_before(
    host: str, age: float, waits: bool, is_locked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "CLAIM_SECONDS", 0.01)
    owner = replace(Heartbeat.of("lora-s0"), host=host, pid=GONE, beat=time.time() - age)
    lie_at(tmp_path, owner)
    owned = threading.Event()

    def take() -> None:
        with beating(tmp_path, "lora-s0", is_locked=is_locked):
            owned.set()

    taking = threading.Thread(target=take)
    taking.start()
    assert owned.wait(0.5 if waits else 20) is not waits
    if waits:
        lie_at(tmp_path, replace(owner, outcome="stopped"))
    taking.join(20)
    assert owned.is_set()


def test_of_two_machines_that_claim_at_once_one_gets_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "CLAIM_SECONDS", 0.3)
    lie_at(tmp_path, replace(Heartbeat.of("x"), host="elsewhere", beat=time.time() - 100))
    rival = replace(Heartbeat.of("x"), host="a third", pid=7)
    threading.Timer(0.1, lie_at, (tmp_path, rival)).start()
    threading.Timer(1.2, lie_at, (tmp_path, replace(rival, outcome="stopped"))).start()
    before = time.monotonic()
    with beating(tmp_path, "x", is_locked=False):
        assert time.monotonic() - before > 1


def test_a_lock_that_is_held_without_a_sign_of_life_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "WAIT_SECONDS", 0.05)
    with (
        FileLock(tmp_path / names.LOCK, is_singleton=False),
        pytest.raises(StageError, match="gives no sign of life"),
        own_work(tmp_path, "lora-s0"),
    ):
        pass


def test_where_a_file_system_knows_no_locks_the_sign_of_life_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with own_work(tmp_path, "lora-s0"):
        sign = read_heartbeat(tmp_path)
        assert sign is not None
        assert sign.is_alive


def test_status_tells_done_running_failed_stopped_and_waiting(
    experiment: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values, root = experiment | {"seeds": [0, 1], "tuning": {"trials": 2}}, tmp_path / "tiny"
    with pipeline.open_experiment(load_experiment(values), root) as plan:
        pipeline.keep_jobs(plan, None)
        trial = plan.searches[0].plan_trial(0, plan.searches[0].search.start)
    found = {job.job: job.state for job in api.status(root).jobs}
    trials = ["full-trial-0", "full-trial-1", "lora-trial-0", "lora-trial-1"]
    runs = ["zero_shot-s0", "full-s0", "full-s1", "lora-s0", "lora-s1"]
    assert found == dict.fromkeys([*trials, *runs], "waiting")
    trial.work.mkdir(parents=True)
    sign = replace(Heartbeat.of("full-trial-0"), host="node-7", stage="training", done=3, total=12, loss=1.25)
    write_heartbeat(trial.work, sign)
    assert main(["status", str(root)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 running, 8 waiting" in shown
    assert "node-7" in shown
    assert "training 3 of 12" in shown
    lie_at(trial.work, replace(sign, beat=time.time() - 100))
    (trial.work / "worker.log").write_text("loading\nRuntimeError: \x1b[31mno\x1b[0m memory\n\n")
    (trial.work / "checkpoint-2").mkdir()
    job = api.status(root).jobs[0]
    assert job.state == "stopped"
    assert job.message.startswith("gave no sign of life for a minute; RuntimeError: ")
    assert job.message.endswith("; goes on from step 2")
    assert main(["status", str(root)]) == 0
    assert "\x1b[31m" not in capsys.readouterr().out
    write_heartbeat(trial.work, replace(sign, outcome="failed", message="the loss is not finite"))
    assert main(["status", "--json", str(root)]) == 0
    first = json.loads(capsys.readouterr().out)["jobs"][0]
    assert (first["job"], first["state"], first["message"]) == ("full-trial-0", "failed", "the loss is not finite")


def test_status_of_a_running_and_a_finished_experiment(experiment: dict[str, Any], tmp_path: Path) -> None:
    values, root = experiment | {"methods": {"lora": {"r": 2}}}, tmp_path / "tiny"
    seen: list[Any] = []

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            seen.append(api.status(root))

    pipeline.compare(load_experiment(values), output=root, observer=watch)
    running = [job for status in seen for job in status.jobs if job.state == "running"]
    assert {job.kind for job in running} == {"tokens", "run"}
    assert {job.host for job in running} == {platform.node()}
    finished = api.status(root)
    assert finished.is_reported
    assert [job.state for job in finished.jobs] == ["done"]
    assert not list(root.rglob(names.HEARTBEAT))
    assert main(["status", "--watch", str(root)]) == 0


@pytest.mark.parametrize("name", ["nothing", "file", "folder"])
def test_what_holds_no_experiment_is_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert main(["status", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ConfigError: {tmp_path / name}: holds no experiment; give the folder of one")
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_killed_experiment_says_which_job_stopped(experiment: dict[str, Any], tmp_path: Path) -> None:
    values = experiment | {"methods": {"lora": {"r": 2}}}
    values["training"] = values["training"] | {"num_train_epochs": 400}
    file, root = tmp_path / "tiny.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    command = [sys.executable, "-m", "dialora", "compare", str(file), "--output", str(root)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as driver:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and not list(root.glob(f"lora-*/{names.WORK}/{names.HEARTBEAT}")):
            time.sleep(0.05)
        assert [job.state for job in api.status(root).jobs] == ["running"]
        driver.kill()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and api.status(root).jobs[0].state == "running":
        time.sleep(0.1)
    job = api.status(root).jobs[0]
    assert job.state == "stopped"
    assert job.message.startswith("its process is gone")
