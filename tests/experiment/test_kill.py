"""kill -9 at any moment: the next run goes on, and ends with the numbers of an undisturbed one."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialora.store import names
from tests import sizes

NUM_PARTS = 4
NUM_KILLS = math.ceil(sizes.NUM_KILLS / NUM_PARTS)
"""In each part."""
TRIGGERS = [
    ".data.writing",
    "worker.log",
    "checkpoint-*",
    "checkpoint-*/dialora.json",
    ".training.writing",
    "partial.jsonl",
    ".generation.writing",
    ".scoring.writing",
    ".results.json.writing",
    ".comparison.writing",
]


@pytest.fixture
def file(experiment: dict[str, Any], tmp_path: Path) -> Path:
    """An experiment that writes a checkpoint after every step and a line for every few summaries."""
    values = experiment | {"methods": {"full": {"learning_rate": 1e-3}, "lora": {"r": 4, "learning_rate": 1e-2}}}
    values["training"] = experiment["training"] | {"checkpoint_seconds": 1e-6}
    values["decoding"] = experiment["decoding"] | {"max_batch_tokens": 128}
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def start(file: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dialora", "compare", str(file), "--output", str(output)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def run(file: Path, output: Path) -> None:
    with start(file, output) as process:
        assert process.wait(timeout=300) == 0


def worker_of(process: subprocess.Popen[bytes]) -> int | None:
    """The pid of what does dialora's job, if anything does now: the worker's child, or the worker that starts."""
    worker = child_of(process.pid)
    return worker if worker is None else child_of(worker) or worker


def child_of(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def find(output: Path, trigger: str) -> set[Path]:
    """What matches now; folders come and go while one looks."""
    while True:
        try:
            return set(output.rglob(trigger))
        except FileNotFoundError:
            continue


def kill_at(
    process: subprocess.Popen[bytes],
    output: Path,
    trigger: str,
    rng: random.Random,
    *,
    parent: bool,
    within: tuple[float, float] = (3, 9),
) -> bool:
    """Wait until something new matches `trigger`, or for some seconds `within` two bounds, then kill.

    False when the process ended before.
    """
    before = find(output, trigger)
    deadline = time.monotonic() + rng.uniform(*within)
    with process:
        while time.monotonic() < deadline and process.poll() is None:
            if find(output, trigger) - before:
                time.sleep(rng.uniform(0, 0.02))
                break
            time.sleep(0.005)  # looking is work: on two cores, it takes what the run needs
        if process.poll() is not None:
            return False
        worker = worker_of(process)
        os.kill(process.pid if parent or worker is None else worker, signal.SIGKILL)
    return True


def contents(output: Path) -> dict[str, Any]:
    """All that must not depend on interruptions; times and memory do."""
    found: dict[str, Any] = {}
    for path in sorted(output.glob("*-s0-*/*/*")):
        name = str(path.relative_to(output))
        if path.name in ("predictions.jsonl", "scores.jsonl") or path.suffix == ".safetensors":
            found[name] = path.read_bytes()
        elif path.name == "training.json":
            result = json.loads(path.read_text())["result"]
            found[name] = [result["losses"], result["validation"], result["num_steps"]]
    results = json.loads((output / "results.json").read_text())
    found["results"] = [[s["key"], s["scores"]] for s in results["systems"]], results["comparisons"]
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker through /proc")
@pytest.mark.parametrize("part", range(NUM_PARTS))  # side by side, where tests are run so
def test_killed_at_many_moments_the_result_is_the_same(part: int, file: Path, tmp_path: Path) -> None:
    rng = random.Random(f"{os.environ.get('DIALORA_KILL_SEED', '0')} {part}")
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    run(file, undisturbed)
    kills: list[str] = []
    while len(kills) < NUM_KILLS:
        for trigger in rng.sample(TRIGGERS, len(TRIGGERS)):
            parent = rng.random() < 0.5
            if kill_at(start(file, disturbed), disturbed, trigger, rng, parent=parent):
                kills.append(f"{trigger} ({'parent' if parent else 'worker'})")
            elif (disturbed / "results.json").exists():
                # Finished in spite of it: take the last run apart and go on killing.
                for stage in disturbed.glob("lora-*/*/manifest.json"):
                    stage.unlink()
                (disturbed / "results.json").unlink()
            if len(kills) == NUM_KILLS:
                break
    run(file, disturbed)
    assert contents(disturbed) == contents(undisturbed), kills
    assert not list(disturbed.rglob("*.writing"))
    assert not list(disturbed.rglob("checkpoint-*"))


@pytest.mark.slow
def test_ctrl_c_saves_a_checkpoint_and_ends_with_130(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    # Where the tests themselves run in a shell's background, SIGINT is ignored and children inherit that.
    code = "import signal, sys, dialora.cli; signal.signal(2, signal.default_int_handler); sys.exit(dialora.cli.main())"
    command = [sys.executable, "-c", code, "compare", str(file), "--output", str(output)]
    options = {
        "num_train_epochs": 400,
        "checkpoint_seconds": 1000,
        "num_evaluations": 400,
        "early_stopping_patience": 400,
    }
    settings = [word for key, value in options.items() for word in ("--set", f"training.{key}={value}")]
    with subprocess.Popen([*command, *settings], stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not list(output.glob(f"full-*/{names.WORK}/{names.BEST_WEIGHTS}")):
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command goes on from here." in error
    assert "Traceback" not in error
    assert len(list(output.glob("full-*/**/checkpoint-*/dialora.json"))) == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker through /proc")
def test_a_job_whose_worker_is_killed_is_finished_and_the_next_gets_another(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with start(file, output) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(output.glob(f"*/{names.WORK}/{names.LOCK}")):
            time.sleep(0.01)
        worker = child_of(process.pid)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        assert process.wait(timeout=300) == 0
