"""Jobs handed over by submitit: the same results, arrays, requeueing, jobs that outlive their submitter."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialora import api
from dialora.cli import main
from dialora.config import load_experiment
from dialora.errors import ConfigError, Interrupted, ModelError, StageError
from dialora.experiment import pipeline
from dialora.experiment.launchers import remote, slurm
from dialora.experiment.launchers.remote import Remote, RemoteJob, RemoteLauncher
from dialora.store import names
from tests.conftest import build_experiment_values
from tests.experiment.same_results import read_results

pytest.importorskip("submitit")

LOCAL = {"launch.engine": "slurm", "launch.executor": "local"}


@pytest.fixture(scope="module")
def here(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """An experiment, and its folder as one local worker makes it."""
    values = build_experiment_values(tiny_model, small_data) | {"methods": {"lora": {"r": 4}}, "seeds": [0, 1]}
    root = tmp_path_factory.mktemp("here") / "tiny"
    pipeline.compare(load_experiment(values), output=root)
    return values, root


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # submitit's debug job leaves its log open
@pytest.mark.parametrize("executor", ["local", "debug"])
def test_submitits_executors_give_what_a_local_worker_gives(
    executor: str, here: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    values, root = here
    events: list[dict[str, Any]] = []
    config = load_experiment(values, {"launch.engine": "slurm", "launch.executor": executor})
    pipeline.compare(config, output=tmp_path / "tiny", observer=events.append)
    gc.collect()
    assert read_results(tmp_path / "tiny") == read_results(root)
    trained = {event["run"] for event in events if event["event"] == "progress" and event["stage"] == "training"}
    assert len(trained) == 2
    assert not list((tmp_path / "tiny").rglob("*.pkl"))
    assert not list((tmp_path / "tiny").rglob(names.EVENTS))


def test_what_fails_elsewhere_is_said_here_in_a_line(here: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    model = shutil.copytree(here[0]["model"], tmp_path / "model")
    values = here[0] | {"model": str(model), "seeds": [0]}

    def lose_weights(event: dict[str, Any]) -> None:
        if event["event"] == "stage" and event["stage"] == "start":
            (model / "model.safetensors").unlink(missing_ok=True)

    with pytest.raises(ModelError, match="model") as error:
        pipeline.compare(load_experiment(values, LOCAL), output=tmp_path / "tiny", observer=lose_weights)
    assert "\n" not in str(error.value)
    failed = [job for job in api.status(tmp_path / "tiny").jobs if job.state == "failed"]
    assert [job.message for job in failed] == [str(error.value)]


def test_the_batch_script_is_shown_and_nothing_is_done(
    here: tuple[dict[str, Any], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.yaml"
    launch = {
        "engine": "slurm",
        "workers": 8,
        "partition": "gpu",
        "gpus": 1,
        "cpus": 6,
        "minutes": 90,
        "memory_gb": 32,
        "dependency": "afterok:17",
        "setup": ["module load cuda"],
        "options": {"mail-type": "END"},
    }
    file.write_text(yaml.safe_dump(here[0] | {"launch": launch}), encoding="utf-8")
    output = tmp_path / "out"
    assert main(["compare", str(file), "--output", str(output), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "2 runs" in shown
    for flag in (
        "partition=gpu",
        "gpus-per-node=1",
        "cpus-per-task=6",
        "time=90",
        "mem=32GB",
        "array=0-1%2",
        "dependency=afterok:17",
        "mail-type=END",
        "signal=USR2@120",
        "requeue",
    ):
        assert f"#SBATCH --{flag}" in shown, flag
    assert "module load cuda" in shown
    assert "srun" in shown
    assert not output.exists()
    assert main(["compare", str(file), "--output", str(output), "--dry-run", "--set", "launch.engine=local"]) == 2
    plain = ["compare", "bundled", "--dry-run", "--set", "launch.workers=2"]
    assert main(plain) == 0
    assert "worker 2: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"launch.minutes": 0}, "launch.minutes: input should be greater"),
        ({"launch.executor": "pbs"}, "launch.executor: input should be 'slurm', 'local' or 'debug'"),
        ({"launch.partitions": "gpu"}, "launch.partitions: unknown key; did you mean 'partition'"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_experiment("bundled", {"launch.engine": "slurm"} | options)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(problem)


def test_without_slurm_nothing_begins(
    here: tuple[dict[str, Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs sbatch and srun, which this machine does not have"):
        pipeline.compare(load_experiment(here[0], {"launch.engine": "slurm"}), output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # What has no jobs asks for no cluster.
    again = load_experiment(here[0], {"launch.engine": "slurm"})
    assert api.report(again, output=here[1]).num_examples == 8
    checks = api.check(again)
    assert checks.loc["launch"].status == "failed"


class Elsewhere(Remote):
    """A job of which the test says what becomes."""

    def __init__(self) -> None:
        self.stays, self.is_cancelled = True, False

    def is_there(self) -> bool:
        return self.stays

    def describe(self) -> str:
        return "node failed"

    def cancel(self) -> None:
        self.stays, self.is_cancelled = False, True

    def let_go(self) -> None: ...


class Submitting(RemoteLauncher):
    """Hands jobs over to nobody."""

    def __init__(self) -> None:
        super().__init__(1)
        self.elsewhere = Elsewhere()

    def submit(self, job: Any) -> Remote:
        return self.elsewhere

    def close(self) -> None: ...


@pytest.fixture
def job(tmp_path: Path) -> Any:
    from types import SimpleNamespace

    place = SimpleNamespace(name="lora-s0-00000000", key="lora", work=tmp_path / "work")
    return SimpleNamespace(place=place, opening="start", to_json=dict)


def test_a_job_that_is_gone_without_a_word_is_one_line(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.01)
    launcher = Submitting()
    launcher.elsewhere.stays = False
    with pytest.raises(StageError, match=r"ended without a word \(node failed\)"):
        launcher.do(job, lambda event: None)


def test_ctrl_c_takes_back_what_waits_and_asks_what_runs_to_save(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.01)
    waiting = Submitting()
    threading.Timer(0.3, waiting.interrupt).start()
    with pytest.raises(Interrupted):
        waiting.do(job, lambda event: None)
    assert waiting.elsewhere.is_cancelled
    running, events = Submitting(), job.place.work / names.EVENTS

    def answer() -> None:
        deadline = time.monotonic() + 20
        while not (job.place.work / names.STOP).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        with events.open("a") as file:
            file.write('{"event": "ended", "error": "Interrupted", "message": "saved at step 3"}\n')

    threading.Timer(0.1, lambda: events.write_text('{"event": "progress"}\n{"event": "cu')).start()
    threading.Timer(0.4, lambda: events.write_text('{"event": "progress"}\n{"event": "cut"}\n')).start()
    threading.Timer(0.6, running.interrupt).start()
    threading.Thread(target=answer).start()
    seen: list[dict[str, Any]] = []
    with pytest.raises(Interrupted, match="saved at step 3"):
        running.do(job, seen.append)
    assert [event["event"] for event in seen] == ["stage", "progress", "cut"]
    assert not running.elsewhere.is_cancelled
    assert not (job.place.work / names.STOP).exists()


FAKE = """#!{python}
# A SLURM of one machine, as far as submitit asks: sbatch runs each task of an array in the background.
import json, os, re, subprocess, sys
from pathlib import Path
jobs, name = Path({jobs!r}), Path(sys.argv[0]).name
if name == "sbatch":
    text = Path(sys.argv[-1]).read_text()
    number = len(list(jobs.iterdir())) + 100
    found = re.search(r"--array=0-(\\d+)", text)
    tasks = range(int(found[1]) + 1) if found else [None]
    (jobs / str(number)).mkdir()
    (jobs / str(number) / "script").write_text(text)
    for task in tasks:
        own = {{"SLURM_JOB_ID": str(number), "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_NODEID": "0",
               "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}}
        if task is not None:
            own |= {{"SLURM_ARRAY_JOB_ID": str(number), "SLURM_ARRAY_TASK_ID": str(task)}}
        with open(jobs / str(number) / f"log-{{task}}", "w") as log:
            process = subprocess.Popen(["bash", sys.argv[-1]], env=os.environ | own, stdout=log, stderr=log,
                                       start_new_session=True)
        (jobs / str(number) / f"pid-{{task}}").write_text(str(process.pid))
    print("Submitted batch job", number)
elif name == "srun":
    words = sys.argv[1:]
    while words[0].startswith("--"):
        words = words[1 if words[0] == "--unbuffered" else 2:]
    os.execvp(words[0], words)
elif name == "sacct":
    print("JobID|State|NodeList")
    for folder in jobs.iterdir():
        for path in folder.glob("pid-*"):
            task, pid = path.name.partition("-")[2], int(path.read_text())
            try:
                state = Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                state = "Z"
            one = folder.name if task == "None" else f"{{folder.name}}_{{task}}"
            print(f"{{one}}|{{'COMPLETED' if state == 'Z' else 'RUNNING'}}|here")
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a SLURM that runs everything here."""
    jobs, programs = tmp_path / "jobs", tmp_path / "bin"
    jobs.mkdir()
    programs.mkdir()
    for name in ("sbatch", "srun", "sacct", "scancel"):
        (programs / name).write_text(FAKE.format(python=sys.executable, jobs=str(jobs)), encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return jobs


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_runs_go_as_one_array_and_outlive_their_submitter(
    here: tuple[dict[str, Any], Path], cluster: Path, tmp_path: Path
) -> None:
    values, root = here
    file, output = tmp_path / "tiny.yaml", tmp_path / "tiny"
    launch = {"engine": "slurm", "cpus": 1}
    file.write_text(yaml.safe_dump(values | {"launch": launch}, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "dialora", "compare", str(file), "--output", str(output)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as driver:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and len(list(output.glob(f"lora-*/{names.WORK}/{names.SUBMITTED}"))) < 2:
            time.sleep(0.02)
        os.killpg(driver.pid, signal.SIGKILL)
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert read_results(output) == read_results(root)
    scripts = [(path / "script").read_text() for path in sorted(cluster.iterdir())]
    assert len(scripts) == 2, "one for the tokens, one for both runs; none twice"
    assert "--array=0-1%2" in scripts[1]


@pytest.mark.slow
def test_a_job_whose_time_is_up_saves_and_goes_on(here: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    output = tmp_path / "tiny"
    config = load_experiment(
        here[0], {**LOCAL, "training.checkpoint_seconds": 1000.0, "training.num_train_epochs": 200}
    )
    events: list[dict[str, Any]] = []
    sent = threading.Event()

    def preempt(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "progress" and event["stage"] == "training" and not sent.is_set():
            sent.set()
            for path in output.glob(f"lora-*/{names.WORK}/{names.HEARTBEAT}"):
                pid = json.loads(path.read_text())["pid"]
                worker = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                task = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
                os.kill(task, signal.SIGUSR2)

    pipeline.compare(config, output=output, observer=preempt)
    assert sent.is_set()
    assert any(event["event"] == "note" and event["message"] == remote.MOVING for event in events)
    facts = [json.loads(path.read_text()) for path in output.glob("lora-*/training/training.json")]
    assert [fact["result"]["num_steps"] for fact in facts] == [1200, 1200]
    assert any(fact["wall_seconds"] is None for fact in facts)


def test_relative_paths_count_from_where_the_command_was_given(
    job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").mkdir()
    job.place.work = Path("work")
    monkeypatch.setattr(remote, "load_job", lambda values: job)
    monkeypatch.setattr(remote.WorkerProcess, "run", lambda *_: Path("made").touch())
    monkeypatch.chdir(tmp_path / "given")
    handed = RemoteJob({}, {})
    monkeypatch.chdir(tmp_path)
    handed()
    assert (tmp_path / "given" / "made").exists()
    assert (tmp_path / "given" / "work" / names.EVENTS).read_text().startswith('{"event": "ended", "error": null')


def test_a_remote_job_is_plain_values() -> None:
    one = RemoteJob({"root": "x"}, {"OMP_NUM_THREADS": "1"})
    assert one.checkpoint().function.values == {"root": "x"}
    assert slurm.GATHER_SECONDS > 0
