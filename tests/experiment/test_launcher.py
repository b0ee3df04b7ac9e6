"""How a job ends that is interrupted or killed: in a word, and at once where nothing is to be saved."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from dialora.errors import Interrupted, StageError
from dialora.experiment.launchers import process as launcher
from dialora.experiment.launchers.local import LocalLauncher
from dialora.records import ignore_events
from tests.experiment.workers import use_worker

BEGUN = 'print(\'{"event": "begun"}\', flush=True);'
LOADS_FOREVER = "import time; time.sleep(60)"
SAVES = (
    "import signal, sys, threading; stop = threading.Event(); signal.signal(2, lambda *_: stop.set());"
    f"{BEGUN}stop.wait(60);"
    'print(\'{"event": "error", "kind": "Interrupted", "message": "saved"}\', flush=True);'
    'print(\'{"event": "exited", "code": 1}\', flush=True); sys.stdin.read()'
)
ENDS = (
    f"import sys; {BEGUN}"
    'print(\'{"event": "done"}\', flush=True); print(\'{"event": "exited", "code": 0}\', flush=True); sys.stdin.read()'
)
KILLS_ITSELF = f"import os; {BEGUN}os.kill(os.getpid(), 9)"


@pytest.fixture
def job(tmp_path: Path) -> Any:
    place = SimpleNamespace(name="lora-s0-00000000", key="lora", work=tmp_path / "work")
    return SimpleNamespace(place=place, opening="start", to_json=dict)


def interrupt_after(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.usefixtures("interrupting")
def test_an_interrupt_before_a_job_has_begun_ends_it_at_once(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started = use_worker(monkeypatch, LOADS_FOREVER)
    timer, before = interrupt_after(0.5), time.monotonic()
    with LocalLauncher() as one, pytest.raises(Interrupted, match="stopped before it began"):
        one.run(job, ignore_events)
    timer.join()
    assert time.monotonic() - before < 20
    assert started[0].poll() == -signal.SIGKILL


@pytest.mark.usefixtures("interrupting")
def test_an_interrupt_of_a_job_that_has_begun_lets_it_save(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, SAVES)
    timer = interrupt_after(2)
    with LocalLauncher() as one, pytest.raises(Interrupted, match="saved"):
        one.run(job, ignore_events)
    timer.join()


@pytest.mark.usefixtures("interrupting")
@pytest.mark.parametrize("at", ["done", "exited"])
def test_an_interrupt_at_the_very_end_of_a_job_is_neither_lost_nor_waited_for(
    at: str, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_worker(monkeypatch, ENDS)
    read = launcher._read_event

    def interrupted(line: bytes, job: Any) -> dict[str, Any]:
        event = read(line, job)
        if event["event"] == at:
            os.kill(os.getpid(), signal.SIGINT)
        return event

    monkeypatch.setattr(launcher, "_read_event", interrupted)
    with LocalLauncher() as one, pytest.raises(Interrupted, match="is finished; what comes after it is not started"):
        one.run(job, ignore_events)


def test_what_is_no_event_is_one_line(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, "print('hello', flush=True)")
    with LocalLauncher() as one, pytest.raises(StageError, match="its worker said what is no event: b'hello"):
        one.run(job, ignore_events)


@pytest.mark.usefixtures("interrupting")
def test_a_worker_that_loads_does_not_outlive_a_block_that_fails(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started = use_worker(monkeypatch, LOADS_FOREVER)

    def fail(event: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    before = time.monotonic()
    one = LocalLauncher()
    one._workers[0]._process = launcher._start_worker(job.place.work, {})
    with pytest.raises(KeyboardInterrupt), one:
        one.run(job, fail)
    assert time.monotonic() - before < 20
    assert started[0].poll() is not None


@pytest.mark.parametrize(
    ("kills", "reason"),
    [
        ((None, None), "by somebody, or because memory ran out"),
        ((3, 3), "by somebody: memory did not run out"),
        ((3, 4), "most likely because memory ran out"),
    ],
)
def test_a_killed_worker_is_blamed_on_memory_where_it_was_memory(
    kills: tuple[Any, Any], reason: str, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_worker(monkeypatch, KILLS_ITSELF)
    counts = iter(kills)
    monkeypatch.setattr(launcher, "count_memory_kills", lambda: next(counts))
    with LocalLauncher() as one, pytest.raises(StageError, match=f"the worker was killed, {reason}"):
        one.run(job, ignore_events)


def test_a_worker_that_is_gone_is_replaced(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started = use_worker(
        monkeypatch, 'import sys; sys.stdin.readline(); print(\'{"event": "done"}\\n{"event": "exited", "code": 0}\')'
    )
    with LocalLauncher() as one:
        one.run(job, ignore_events)
        started[0].wait()
        one.run(job, ignore_events)
    assert len(started) == 2


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.0, 0.5, 2.0, 4.0])
def test_ctrl_c_while_the_worker_starts_ends_with_130(
    moment: float, experiment: dict[str, Any], tmp_path: Path
) -> None:
    file, output = tmp_path / "tiny.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(experiment), encoding="utf-8")
    code = "import signal, sys, dialora.cli; signal.signal(2, signal.default_int_handler); sys.exit(dialora.cli.main())"
    command = [sys.executable, "-c", code, "compare", str(file), "--output", str(output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (output / "work" / "worker.log").exists():
            time.sleep(0.01)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "The same command goes on from here." in error
    assert "unexpectedly" not in error
    assert "Traceback" not in error
