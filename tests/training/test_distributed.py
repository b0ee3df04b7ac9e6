"""One training in several processes: the losses of one process, checkpoints for any number, and trouble is named."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dialora.config import TrainingConfig, load_experiment
from dialora.errors import ConfigError, Interrupted, StageError, TrainingError
from dialora.experiment import pipeline
from dialora.experiment.job import TRAINING, RunJob
from dialora.experiment.launchers.local import LocalLauncher
from dialora.experiment.plan import Plan, plan_experiment, require_runs
from dialora.experiment.workspace import read_data
from dialora.records import Observer, ignore_events
from dialora.store import ExperimentFolder, names
from dialora.training import distributed
from tests.conftest import build_experiment_values
from tests.processes import find_worker, interrupt, kill_first, kill_second

STEPS = 50


@pytest.fixture(scope="module")
def launcher() -> Iterator[LocalLauncher]:
    """One worker for all: it loads the libraries once."""
    with LocalLauncher() as launcher:
        yield launcher


@pytest.fixture(scope="module")
def still_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model without dropout: what is drawn differs between numbers of processes."""
    folder = tmp_path_factory.mktemp("still") / "model"
    shutil.copytree(tiny_model, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dropout_rate": 0.0}))
    return folder


def build_values(model: Path, data: Path, **training: Any) -> dict[str, Any]:
    values = build_experiment_values(model, data)
    # Every second batch of 23 has one row, of which the second process has none.
    values["training"] = {
        "max_steps": STEPS,
        "per_device_train_batch_size": 23,
        "num_evaluations": 5,
        "precision": "fp32",
    } | training
    values["methods"] = {
        "full": {"learning_rate": 1e-3},
        "lora": {"r": 4, "learning_rate": 1e-2, "lora_dropout": 0.0},
        "adalora": {"lora_dropout": 0.0},
        "lora_decoder": {"lora_dropout": 0.0},
    }
    return values


def train(
    values: dict[str, Any], root: Path, launcher: LocalLauncher, key: str, size: int, observer: Observer = ignore_events
) -> Any:
    """Train one method as the pipeline does; return what its training stage says."""
    plan = open_plan(values, root, launcher, size)
    runs = require_runs(plan)
    run = next(run for run in runs.runs if run.key == key)
    job = RunJob(runs.config.for_method(key), plan.workspace.folder, plan.tokens[key], run, TRAINING)
    launcher.run(job, observer)
    assert run.training is not None
    return json.loads((run.training.folder / names.TRAINING_FACTS).read_text())


def open_plan(values: dict[str, Any], root: Path, launcher: LocalLauncher, size: int) -> Plan:
    root.mkdir(exist_ok=True)
    own = {"training.num_processes": size} | ({"training.fsdp": False} if size == 1 else {})
    config = load_experiment(values, own)
    plan = plan_experiment(read_data(config, ExperimentFolder(root), ignore_events), launcher)
    return pipeline.tokenize(plan, ignore_events)


def first_step(do: Callable[[int], None], launcher: LocalLauncher) -> Observer:
    """Observe until the first step is told of; then do something with the worker's process id, once."""
    done: list[int] = []

    def observe(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["stage"] == "training" and not done:
            done.append(find_worker(launcher))
            do(done[0])

    return observe


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("full", {"per_device_train_batch_size": 5, "gradient_accumulation_steps": 2, "max_steps": 10}),
        ("lora", {}),
        ("adalora", {"max_steps": 12}),
        ("lora_decoder", {"max_steps": 8, "cache_encoder": True}),
        ("lora", {"max_steps": 8, "lean": False, "gradient_checkpointing": True}),
        ("full", {"lean": False, "fsdp": True, "early_stopping_patience": 9, "max_steps": 30}),
    ],
)
def test_two_processes_have_the_losses_of_one(
    key: str, options: Any, still_model: Path, small_data: Path, tmp_path: Path, launcher: LocalLauncher
) -> None:
    values = build_values(still_model, small_data, **options)
    one, two = (train(values, tmp_path / str(size), launcher, key, size) for size in (1, 2))
    assert len(two["result"]["losses"]) == values["training"]["max_steps"]
    assert two["result"]["losses"] == pytest.approx(one["result"]["losses"], rel=1e-5)
    assert [loss for _, loss in two["result"]["validation"]] == pytest.approx(
        [loss for _, loss in one["result"]["validation"]], rel=1e-5
    )
    assert two["cost"]["num_train_tokens"] == one["cost"]["num_train_tokens"]
    assert two["environment"]["processes"] == "2"
    assert "processes" not in one["environment"]


@pytest.mark.slow
@pytest.mark.parametrize(("key", "is_sharded"), [("lora", False), ("full", True)])
def test_a_checkpoint_goes_on_in_another_number_of_processes(
    key: str, is_sharded: bool, still_model: Path, small_data: Path, tmp_path: Path, launcher: LocalLauncher
) -> None:
    values = build_values(still_model, small_data, lean=False, fsdp=is_sharded, max_steps=30)
    expected = train(values, tmp_path / "whole", launcher, key, 1)["result"]
    for size in (1, 2):
        with pytest.raises(Interrupted, match="stopped after step"):
            train(values, tmp_path / "parts", launcher, key, size, first_step(interrupt, launcher))
    found = train(values, tmp_path / "parts", launcher, key, 1)["result"]
    assert found["was_resumed"]
    assert found["losses"] == pytest.approx(expected["losses"], rel=1e-5)
    assert [step for step, _ in found["validation"]] == [step for step, _ in expected["validation"]]


@pytest.mark.slow
def test_two_processes_that_were_stopped_end_like_undisturbed_ones_with_dropout(
    tiny_model: Path, small_data: Path, tmp_path: Path, launcher: LocalLauncher
) -> None:
    values = build_values(tiny_model, small_data, per_device_train_batch_size=4, max_steps=30)
    expected = train(values, tmp_path / "whole", launcher, "lora", 2)["result"]
    with pytest.raises(Interrupted):
        train(values, tmp_path / "parts", launcher, "lora", 2, first_step(interrupt, launcher))
    found = train(values, tmp_path / "parts", launcher, "lora", 2)["result"]
    assert found["was_resumed"]
    assert found["losses"] == expected["losses"]
    assert found["validation"] == expected["validation"]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_training_with_its_number(
    tiny_model: Path, small_data: Path, tmp_path: Path, launcher: LocalLauncher
) -> None:
    values = build_values(tiny_model, small_data, max_steps=2000, checkpoint_seconds=0.1)

    with pytest.raises(TrainingError, match=r"process 2 of 2 was ended \(signal 9\).*goes on from the last checkpoint"):
        train(values, tmp_path / "killed", launcher, "lora", 2, first_step(kill_second, launcher))
    assert not psutil.Process(find_worker(launcher)).children()


@pytest.mark.slow
def test_no_process_outlives_the_first(
    tiny_model: Path, small_data: Path, tmp_path: Path, launcher: LocalLauncher
) -> None:
    values = build_values(tiny_model, small_data, max_steps=2000)
    others: list[psutil.Process] = []

    with pytest.raises(StageError, match="the worker was killed"):
        train(
            values,
            tmp_path / "killed",
            launcher,
            "lora",
            2,
            first_step(lambda worker: others.extend(kill_first(worker)), launcher),
        )
    assert len(others) == 1
    assert not psutil.wait_procs(others, timeout=20)[1]


@pytest.mark.slow
def test_an_experiment_in_two_processes_says_so_in_its_report(
    tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    values = build_values(tiny_model, small_data, max_steps=4, per_device_train_batch_size=8)
    values |= {"methods": {name: values["methods"][name] for name in ("full",)}, "tuning": {"trials": 2}}
    config = load_experiment(values, {"training.num_processes": 2, "training.fsdp": True})
    pipeline.compare(config, output=tmp_path / "two")
    assert len(list((tmp_path / "two").rglob(names.PREDICTIONS))) == 1
    results = json.loads((tmp_path / "two" / names.RESULTS).read_text())
    assert results["environment"]["processes"].startswith("2 (training")
    assert "trained by 2 processes at once" in (tmp_path / "two" / "report.md").read_text()
    trials = [json.loads(path.read_text()) for path in (tmp_path / "two").rglob(names.TRIAL)]
    assert {trial["outcome"] for trial in trials} <= {"finished", "stopped"}
    assert len(trials) >= 2


def test_one_process_is_in_no_key_and_several_are_in_no_run_s(
    tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    values = build_experiment_values(tiny_model, small_data)
    plain = load_experiment(values)
    assert plain.hash == load_experiment(values, {"training.num_processes": 1}).hash
    assert "num_processes" not in plain.to_yaml()
    assert "num_processes" not in plain.training.model_dump(exclude={"report_to"})
    assert "report_to" not in plain.training.model_dump(exclude={"report_to"})
    folders = [[run.folder for run in require_runs(open_plan_alone(values, tmp_path, size)).runs] for size in (1, 2)]
    assert folders[0] == folders[1]
    assert load_experiment(load_experiment(values, {"training.num_processes": 2})).training.num_processes == 2


def open_plan_alone(values: dict[str, Any], root: Path, size: int) -> Plan:
    config = load_experiment(values, {"training.num_processes": size})
    return plan_experiment(read_data(config, ExperimentFolder(root), ignore_events), LocalLauncher())


def test_more_processes_than_cores_are_refused_before_anything_is_trained(
    experiment: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "count_cores", lambda: 2)
    config = load_experiment(experiment, {"training.num_processes": 3})
    with pytest.raises(ConfigError, match=r"num_processes is 3, one for each core, .* 2 cores .*; lower it to 2"):
        pipeline.compare(config, output=tmp_path / "refused")
    distributed.require_devices(TrainingConfig(num_processes=2))


def test_a_machine_is_shared_out_once(experiment: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"launch\.workers: 2 and training\.num_processes: 2 .* set one of them to 1"):
        load_experiment(experiment, {"training.num_processes": 2, "launch.workers": 2})


def test_weights_are_shared_out_over_several_processes(experiment: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"fsdp shares weights out over num_processes, which is 1"):
        load_experiment(experiment, {"training.fsdp": True})
    with pytest.raises(ConfigError, match="num_processes"):
        load_experiment(experiment, {"training.nproc_per_node": 2})
