"""Summaries written by several processes: those of one, whoever is stopped or killed on the way."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from dialora.config import load_experiment
from dialora.errors import GenerationError, Interrupted, StageError, TrainingError
from dialora.experiment import pipeline
from dialora.experiment.job import GENERATION, TRAINING, RunJob
from dialora.experiment.launchers.local import LocalLauncher
from dialora.experiment.plan import plan_experiment, require_runs
from dialora.experiment.workspace import read_data
from dialora.measuring.environment import CORES
from dialora.records import Observer, ignore_events
from dialora.store import ExperimentFolder, Run, names
from tests.conftest import DIALOGUES, build_experiment_values
from tests.processes import find_worker, interrupt, kill_first, kill_second

NUM_DIALOGUES = 120


@pytest.fixture(scope="module")
def launcher() -> Iterator[LocalLauncher]:
    """One worker for all: it loads the libraries once."""
    with LocalLauncher() as launcher:
        yield launcher


@pytest.fixture(scope="module")
def many_dialogues(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small data with a longer test split, so that there is time to disturb its summaries."""
    folder = tmp_path_factory.mktemp("many")
    for name in ("train", "validation"):
        (folder / f"{name}.jsonl").write_bytes((small_data / f"{name}.jsonl").read_bytes())
    lines = (DIALOGUES / "train.jsonl").read_text(encoding="utf-8").splitlines()[24:]
    (folder / "test.jsonl").write_text("\n".join(lines[:NUM_DIALOGUES]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def values(tiny_model: Path, many_dialogues: Path) -> dict[str, Any]:
    """Two systems, written by torch in some forty batches."""
    values = build_experiment_values(tiny_model, many_dialogues)
    values["methods"] = {"zero_shot": {}, "lora": {"r": 4, "learning_rate": 1e-2}}
    values["training"] |= {"max_steps": 2}
    return values | {
        "generation": {"engine": "torch"},
        "decoding": {"max_new_tokens": 24, "max_batch_tokens": 512},
    }


def make_run(
    values: dict[str, Any],
    root: Path,
    launcher: LocalLauncher,
    size: int,
    observer: Observer = ignore_events,
    key: str = "zero_shot",
    until: str = GENERATION,
) -> Run:
    """Make one run as the pipeline does, in so many processes."""
    root.mkdir(exist_ok=True)
    config = load_experiment(values, {"training.num_processes": size})
    plan = plan_experiment(read_data(config, ExperimentFolder(root), ignore_events), launcher)
    plan = pipeline.tokenize(plan, ignore_events)
    runs = require_runs(plan)
    run = next(run for run in runs.runs if run.key == key)
    job = RunJob(runs.config.for_method(key), plan.workspace.folder, plan.tokens.get(key), run, until)
    launcher.run(job, observer)
    return run


def read(run: Run) -> tuple[str, dict[str, Any]]:
    folder = run.generation.folder
    return (folder / names.PREDICTIONS).read_text(), json.loads((folder / names.GENERATION_FACTS).read_text())


def find_logs(root: Path) -> list[Path]:
    return sorted(root.rglob("partial*.jsonl"))


def disturbing(root: Path, launcher: LocalLauncher, do: Callable[[int], object], processes: int = 2) -> Observer:
    """Observe until each process has written a batch; then do something with the worker's process id, once."""
    done: list[int] = []

    def observe(event: dict[str, Any]) -> None:
        is_under_way = event["event"] == "progress" and event["stage"] == "generation"
        if is_under_way and not done and len(find_logs(root)) == processes:
            done.append(find_worker(launcher))
            do(done[0])

    return observe


@pytest.mark.slow
@pytest.mark.parametrize("key", ["zero_shot", "lora"])
def test_two_processes_write_what_one_writes_each_its_share(
    key: str, values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    logs: set[str] = set()

    def watch(event: dict[str, Any]) -> None:
        logs.update(path.name for path in find_logs(tmp_path / "two"))

    one = make_run(values, tmp_path / "one", launcher, 1, key=key)
    if key != "zero_shot":  # two processes draw other numbers while they train
        make_run(values, tmp_path / "two", launcher, 1, key=key, until=TRAINING)
    two = make_run(values, tmp_path / "two", launcher, 2, watch, key=key)
    assert read(two)[0] == read(one)[0]
    assert logs == {"partial.jsonl", "partial-1.jsonl"}
    assert read(two)[1]["environment"]["processes"] == "2"
    assert "processes" not in read(one)[1]["environment"]
    assert two.folder.name == one.folder.name
    assert not find_logs(tmp_path)  # nothing is left of a stage that is done


@pytest.mark.slow
def test_a_single_batch_is_written_by_the_first_process(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    values["decoding"]["max_batch_tokens"] = 100_000
    made = [read(make_run(values, tmp_path / str(size), launcher, size))[0] for size in (1, 2)]
    assert made[0] == made[1]


@pytest.mark.slow
def test_what_was_stopped_goes_on_in_another_number_of_processes(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    whole = make_run(values, tmp_path / "whole", launcher, 1)
    parts = tmp_path / "parts"
    seen: list[int] = []

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["stage"] == "generation":
            seen.append(event["done"])

    for size in (2, 1):
        with pytest.raises(Interrupted, match=rf"stopped after \d+ of {NUM_DIALOGUES} summaries"):
            make_run(values, parts, launcher, size, disturbing(parts, launcher, interrupt))
    num_logged = sum(bool(line) for path in find_logs(parts) for line in path.read_bytes().splitlines())
    assert num_logged >= 3
    run = make_run(values, parts, launcher, 2, watch)
    assert seen[0] >= num_logged  # what is there is not written again
    assert seen == sorted(seen)
    assert seen[-1] == NUM_DIALOGUES
    assert read(run)[0] == read(whole)[0]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_job_with_its_number_and_what_it_wrote_stays(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    parts = tmp_path / "parts"
    with pytest.raises(GenerationError, match=r"process 2 of 2 was ended \(signal 9\).*goes on from the last batch"):
        make_run(values, parts, launcher, 2, disturbing(parts, launcher, kill_second))
    assert len(find_logs(parts)) == 2
    whole = make_run(values, tmp_path / "whole", launcher, 1)
    assert read(make_run(values, parts, launcher, 1))[0] == read(whole)[0]


@pytest.mark.slow
def test_neither_process_nor_file_outlives_the_first_that_writes(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[psutil.Process] = []
    temporary, root = tmp_path / "temporary", tmp_path / "runs"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))

    def kill(worker: int) -> None:
        assert list(temporary.glob("dialora-peers-*"))
        others.extend(kill_first(worker))

    with LocalLauncher() as launcher, pytest.raises(StageError, match="the worker was killed"):
        make_run(values, root, launcher, 2, disturbing(root, launcher, kill))
    assert len(others) == 1
    assert not psutil.wait_procs(others, timeout=20)[1]
    assert not list(temporary.glob("dialora-peers-*"))


@pytest.mark.slow
def test_ctranslate2_has_all_cores_in_one_process(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    pytest.importorskip("ctranslate2")
    values["generation"] = {"engine": "auto"}
    facts = read(make_run(values, tmp_path, launcher, 2))[1]
    assert facts["engine"] == "ctranslate2"
    assert "processes" not in facts["environment"]


@pytest.mark.slow
def test_a_report_says_that_several_processes_wrote(values: dict[str, Any], tmp_path: Path) -> None:
    config = load_experiment(values, {"training.num_processes": 2})
    pipeline.compare(config, output=tmp_path / "two")
    report = (tmp_path / "two" / "report.md").read_text()
    assert "trained by 2 processes at once" in report
    assert "summaries were written by 2 processes at once" in report


@pytest.mark.slow
def test_a_stop_counts_what_all_processes_have_written(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    with pytest.raises(Interrupted, match=rf"stopped after \d+ of {NUM_DIALOGUES} summaries") as stopped:
        make_run(values, tmp_path, launcher, 2, disturbing(tmp_path, launcher, interrupt))
    first, second = (count_rows(path) for path in sorted(find_logs(tmp_path), key=lambda path: len(path.name)))
    assert second > 0
    # The second one may write one more batch before it ends.
    assert first < int(str(stopped.value).split()[2]) <= first + second


def count_rows(log: Path) -> int:
    lines = [line.partition(" ")[2] for line in log.read_text().splitlines() if line]
    return sum(len(json.loads(line)["rows"]) for line in lines)


@pytest.mark.slow
def test_a_disk_that_is_full_for_another_process_is_told_and_the_first_stops_soon(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    seen: list[int] = []

    def fill(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["stage"] == "generation":
            seen.append(event["done"])
        for work in tmp_path.glob("zero_shot-*/work"):
            with suppress(FileExistsError):
                (work / names.shared_log(names.PARTIAL, 1)).symlink_to("/dev/full")

    with pytest.raises(GenerationError, match=r"process 2 of 2 failed: .*: the disk is full\. .*from the last batch"):
        make_run(values, tmp_path, launcher, 2, fill)
    assert max(seen, default=0) < NUM_DIALOGUES


@pytest.mark.slow
def test_more_processes_than_cores_write_no_summaries(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CORES, str(min(os.sched_getaffinity(0))))
    with (
        LocalLauncher() as launcher,
        pytest.raises(TrainingError, match=r"num_processes is 2, one for each core, .* has 1 core .*; lower it to 1"),
    ):
        make_run(values, tmp_path, launcher, 2)


@pytest.mark.slow
def test_no_other_process_stays_while_ctranslate2_writes(
    values: dict[str, Any], tmp_path: Path, launcher: LocalLauncher
) -> None:
    pytest.importorskip("ctranslate2")
    values["generation"] = {"engine": "auto"}
    counts: list[int] = []

    def count(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            others = [
                process
                for process in psutil.Process(find_worker(launcher)).children(recursive=True)
                if process.status() != psutil.STATUS_ZOMBIE
            ]
            counts.append(len(others))

    make_run(values, tmp_path, launcher, 2, count, key="lora")
    assert counts[0] == 2
    assert counts[-1] == 1
