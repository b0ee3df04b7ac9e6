"""Several workers on this machine: the same results, jobs that stop together, and costs that say they were shared."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import yaml
from rich.console import Console

from dialora.config import load_experiment
from dialora.errors import ConfigError, Interrupted, StageError
from dialora.experiment import pipeline
from dialora.experiment.launchers import local
from dialora.experiment.launchers.launcher import Launcher
from dialora.experiment.launchers.local import LocalLaunch, LocalLauncher, share_out
from dialora.experiment.progress import ProgressDisplay
from dialora.measuring import environment
from dialora.records import Observer, ignore_events
from dialora.store import names
from tests import sizes
from tests.conftest import build_experiment_values
from tests.experiment.same_results import read_results
from tests.experiment.workers import use_worker

BEGUN = 'print(\'{"event": "begun"}\', flush=True);'
SAVES = (
    "import signal, sys, threading; stop = threading.Event(); signal.signal(2, lambda *_: stop.set());"
    f"{BEGUN}stop.wait(60);"
    'print(\'{"event": "error", "kind": "Interrupted", "message": "saved"}\', flush=True);'
    'print(\'{"event": "exited", "code": 1}\', flush=True); sys.stdin.read()'
)
NEVER_SAVES = f"import signal, time; signal.signal(2, signal.SIG_IGN); {BEGUN} time.sleep(60)"


def build_values(model: Path, data: Path) -> dict[str, Any]:
    values = build_experiment_values(model, data)
    return values | {"seeds": [0, 1], "tuning": {"trials": 3}}


@pytest.fixture(scope="module")
def folders(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One experiment, made by one worker and by two."""
    values = build_values(tiny_model, small_data)
    roots = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for root, workers in zip(roots, (1, 2), strict=True):
        pipeline.compare(load_experiment(values, {"launch.workers": workers}), output=root / "tiny")
    return roots[0] / "tiny", roots[1] / "tiny"


def test_two_workers_give_what_one_gives_to_the_byte(folders: tuple[Path, Path]) -> None:
    one, two = (read_results(folder) for folder in folders)
    assert len([name for name in one if name.endswith("predictions.jsonl")]) == 5
    assert len([name for name in one if name.endswith("trial.json")]) == 6
    assert one == two


def test_where_jobs_are_done_changes_no_key_and_no_file_of_the_experiment(
    folders: tuple[Path, Path], tiny_model: Path, small_data: Path
) -> None:
    values = build_values(tiny_model, small_data)
    plain, shared = load_experiment(values), load_experiment(values, {"launch.workers": 2})
    assert plain.hash == shared.hash
    assert plain.to_yaml() == shared.to_yaml()
    assert load_experiment(shared, ["seeds=[3]"]).launch == shared.launch
    events: list[dict[str, Any]] = []
    pipeline.compare(shared, output=folders[0], observer=events.append)
    assert [e["stage"] for e in events if e["event"] == "stage"] == ["data", "report"]


def test_costs_measured_side_by_side_are_not_compared_with_those_of_one_worker(
    folders: tuple[Path, Path], tiny_model: Path, small_data: Path
) -> None:
    one, two = folders
    assert "workers" not in json.loads((one / "results.json").read_text())["environment"]
    assert json.loads((two / "results.json").read_text())["environment"]["workers"] == "2"
    assert "2 workers shared each machine" in (two / "report.md").read_text(encoding="utf-8")
    added = load_experiment(build_values(tiny_model, small_data), {"methods.lora.r": 2, "launch.workers": 2})
    comparison = pipeline.compare(added, output=one)
    assert not comparison.comparable_costs
    assert "workers is " in (one / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("launch", "problem"),
    [
        ({"launch.engine": "pbs"}, "launch.engine: unknown engine 'pbs'; allowed: local"),
        ({"launch.engine": ["local"]}, "launch.engine: unknown engine"),
        ({"launch.workers": 0}, "launch.workers: input should be greater than or equal to 1"),
        ({"launch.workers": True}, "launch.workers: must be a number, got true"),
        ({"launch.worker": 2}, "launch.worker: unknown key; did you mean 'workers'"),
        ({"launch": 2}, "launch: got 2; it is a mapping"),
        ({"launch": "local"}, "launch: got 'local'; it is a mapping"),
    ],
)
def test_a_wrong_launch_is_one_line(launch: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_experiment("bundled", launch)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(problem)


def test_cores_and_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local, "count_cores", lambda: 8)
    monkeypatch.setattr(local, "NVIDIA", tmp_path / "none")
    assert share_out(1, {}) == [{}]
    assert [share["OMP_NUM_THREADS"] for share in share_out(3, {})] == ["2", "2", "2"]
    assert share_out(16, {})[0]["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in share_out(2, {"OMP_NUM_THREADS": "1"})[0]
    assert [share.get("CUDA_VISIBLE_DEVICES") for share in share_out(2, {})] == [None, None]
    named = share_out(3, {"CUDA_VISIBLE_DEVICES": "4,GPU-a"})
    assert [share["CUDA_VISIBLE_DEVICES"] for share in named] == ["4", "GPU-a", "4"]
    assert [share["HIP_VISIBLE_DEVICES"] for share in share_out(2, {"HIP_VISIBLE_DEVICES": "2,3"})] == ["2", "3"]
    for card in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / card).mkdir(parents=True)
    monkeypatch.setattr(local, "NVIDIA", tmp_path / "gpus")
    assert [share["CUDA_VISIBLE_DEVICES"] for share in share_out(2, {})] == ["0", "1"]
    assert "CUDA_VISIBLE_DEVICES" not in share_out(2, {"CUDA_VISIBLE_DEVICES": ""})[0]


def test_each_worker_has_cores_of_its_own_where_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
    monkeypatch.setattr(environment, "TOPOLOGY", Path("nowhere"))
    assert [share["DIALORA_CORES"] for share in share_out(2, {})] == ["0,1,2", "3,4"]
    assert [share["DIALORA_CORES"] for share in share_out(5, {})] == ["0", "1", "2", "3", "4"]
    assert "DIALORA_CORES" not in share_out(6, {})[0]
    assert "worker 2: " in LocalLaunch(workers=2).describe(Path("runs"), 4)


def test_threads_of_one_core_and_cores_of_one_processor_stay_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Linux counts them: first one thread of every core, in turn on two processors, then the second ones.
    for core in range(8):
        (tmp_path / f"cpu{core}" / "topology").mkdir(parents=True)
        (tmp_path / f"cpu{core}" / "topology" / "physical_package_id").write_text(f"{core % 2}\n")
        (tmp_path / f"cpu{core}" / "topology" / "core_id").write_text(f"{core % 4 // 2}\n")
    monkeypatch.setattr(environment, "TOPOLOGY", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert environment.split_cores(2) == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert environment.split_cores(4) == [[0, 4], [2, 6], [1, 5], [3, 7]]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be bound to cores here")
@pytest.mark.parametrize("named", ["", "given", "4096", str(1 << 64), "x"])
def test_a_worker_keeps_to_its_cores_and_cores_that_are_not_there_are_no_reason_to_fail(named: str) -> None:
    own = sorted(os.sched_getaffinity(0))
    expected = own[-1:] if named == "given" else own
    command = [sys.executable, "-P", "-m", "dialora.experiment.worker"]
    values = os.environ | {"DIALORA_CORES": str(own[-1]) if named == "given" else named}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=values) as worker:
        deadline = time.monotonic() + 60
        while psutil.Process(worker.pid).cpu_affinity() != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        assert psutil.Process(worker.pid).cpu_affinity() == expected
        worker.communicate(timeout=60)
    assert worker.returncode == 0


class Recorder(Launcher):
    """Has two slots and does nothing."""

    slots = 2

    def __init__(self) -> None:
        self.is_stopping = threading.Event()

    def do(self, job: Any, observer: Observer) -> None: ...

    def interrupt(self) -> bool:
        self.is_stopping.set()
        return True

    def kill(self) -> None: ...

    def close(self) -> None: ...


def test_after_an_error_no_job_begins_and_those_under_way_save() -> None:
    launcher, began = Recorder(), []

    def fail(observer: Observer) -> None:
        began.append("fails")
        time.sleep(0.1)
        raise StageError("broken")

    def save(observer: Observer) -> None:
        began.append("saves")
        assert launcher.is_stopping.wait(20)
        raise Interrupted("saved")

    def never(observer: Observer) -> None:
        began.append("never")

    with pytest.raises(StageError, match="broken"):
        launcher.run_all([save, fail, never, never], ignore_events)
    assert sorted(began) == ["fails", "saves"]


def test_tasks_see_one_event_at_a_time() -> None:
    at_once, most = 0, 0

    def observe(event: dict[str, Any]) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.002)
        at_once -= 1

    def tell(observer: Observer) -> None:
        for _ in range(20):
            observer({"event": "progress"})

    Recorder().run_all([tell, tell], observe)
    assert most == 1


def build_tasks(launcher: Launcher, tmp_path: Path, number: int) -> list[Callable[[Observer], None]]:
    def build(at: int) -> Callable[[Observer], None]:
        place = SimpleNamespace(name=f"lora-s{at}-00000000", key="lora", work=tmp_path / str(at))
        job: Any = SimpleNamespace(place=place, opening="start", to_json=dict)
        return lambda observer: launcher.run(job, observer)

    return [build(at) for at in range(number)]


@pytest.mark.usefixtures("interrupting")
def test_ctrl_c_lets_every_worker_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, events = use_worker(monkeypatch, SAVES), []
    threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with LocalLauncher(2) as launcher, pytest.raises(Interrupted, match="saved"):
        launcher.run_all(build_tasks(launcher, tmp_path, 3), events.append)
    assert len(started) == 2
    assert [event["message"] for event in events if event["event"] == "error"] == ["saved", "saved"]
    assert sum(event["event"] == "interrupting" for event in events) == 1
    assert all(worker.returncode is not None for worker in started)


@pytest.mark.usefixtures("interrupting")
def test_a_second_ctrl_c_ends_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, before = use_worker(monkeypatch, NEVER_SAVES), time.monotonic()
    for seconds in (2, 3):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), LocalLauncher(2) as launcher:
        launcher.run_all(build_tasks(launcher, tmp_path, 2), ignore_events)
    assert time.monotonic() - before < 30
    assert [worker.returncode for worker in started] == [-signal.SIGKILL] * 2


def test_every_job_under_way_has_a_bar_and_those_done_a_line() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with ProgressDisplay(console=console) as display:
        display({"event": "stage", "stage": "check", "run": "tiny", "key": ""})
        for run in ("full-s0-1", "lora-s0-2"):
            display({"event": "stage", "stage": "start", "run": run, "key": run[:4]})
        for run in ("full-s0-1", "lora-s0-2"):
            display({"event": "progress", "stage": "training", "run": run, "done": 1, "total": 4, "loss": 2.5})
        assert sorted(task.description for task in display.progress.tasks) == [
            "training full-s0-1",
            "training lora-s0-2",
        ]
        display({"event": "done", "run": "full-s0-1"})
        assert [task.description for task in display.progress.tasks] == ["training lora-s0-2"]
        display({"event": "stage", "stage": "start", "run": "full-s1-3", "key": "full"})
        display({"event": "error", "kind": "StageError", "message": "no [bold] disk", "run": "lora-s0-2"})
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "training full-s0-1" in shown
    assert "lora-s0-2: no [bold] disk" in shown
    assert "training lora-s0-2  " not in [line.strip("✓ ") for line in shown.splitlines() if "✓" in line]


@sizes.thorough
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers through /proc")
def test_a_killed_worker_lets_the_other_save_and_the_same_command_ends_with_the_same(
    folders: tuple[Path, Path], tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    values = build_values(tiny_model, small_data) | {"launch": {"workers": 2}}
    values["training"] = values["training"] | {"checkpoint_seconds": 1e-6}
    file, output = tmp_path / "tiny.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "dialora", "compare", str(file), "--output", str(output)]
    for trigger in (f"tuning/*/*/{names.WORK}/checkpoint-*", f"*-s*/{names.WORK}/checkpoint-*"):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as driver:
            while driver.poll() is None and not list(output.glob(trigger)):
                time.sleep(0.01)
            children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
            for child in children[:1]:
                os.killpg(int(child), signal.SIGKILL)
            _, error = driver.communicate(timeout=300)
        assert driver.returncode == 1, error
        assert "the worker was killed" in error
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert read_results(output) == read_results(folders[1])
