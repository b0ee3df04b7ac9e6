"""Jobs as tasks of a Ray cluster of two nodes with a core each: the same results, also when nodes, workers and drivers
are killed; nothing is made twice, nothing is lost."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from dialora.config import load_experiment
from dialora.errors import ConfigError, Interrupted
from dialora.experiment import pipeline
from dialora.store import names
from dialora.store.heartbeat import read_heartbeat
from tests import sizes
from tests.conftest import build_experiment_values
from tests.experiment.same_results import read_results
from tests.ray_cluster import add_node, open_cluster

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


def build_values(model: Path, data: Path) -> dict[str, Any]:
    """Six cells: two methods, three seeds."""
    values = build_experiment_values(model, data) | {"seeds": [0, 1, 2]}
    values["methods"] = {"full": {"learning_rate": 1e-3}, "lora": {"r": 4, "learning_rate": 1e-2}}
    values["training"] = values["training"] | {"checkpoint_seconds": 1e-6}
    values["decoding"] = values["decoding"] | {"max_batch_tokens": 128}
    return values


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with open_cluster() as found:
        yield found


def start(values: dict[str, Any], address: str, folder: Path) -> subprocess.Popen[bytes]:
    file = folder / "tiny.yaml"
    launch = {"engine": "ray", "address": address, "cpus": 1}
    file.write_text(yaml.safe_dump(values | {"launch": launch}, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "dialora", "compare", str(file), "--output", str(folder / "tiny")]
    with (folder / "driver.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


class Watch(threading.Thread):
    """Sees which stages become whole, and whether one of them is made again."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.root, self.seen, self.made_twice, self.ended = root, dict[Path, int](), list[Path](), threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            for stage in (names.TRAINING, names.GENERATION):
                for path in self.root.glob(f"*-s*/{stage}/{names.MANIFEST}"):
                    with contextlib.suppress(FileNotFoundError):
                        if self.seen.setdefault(path, path.stat().st_mtime_ns) != path.stat().st_mtime_ns:
                            self.made_twice.append(path)


def find_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def kill_worker(root: Path, rng: random.Random) -> bool:
    """Kill Ray's process of a job under way; False where none is."""
    signs = [sign for path in root.glob(f"*-s*/{names.WORK}") if (sign := read_heartbeat(path)) and sign.is_alive]
    for sign in rng.sample(signs, len(signs)):
        with contextlib.suppress(OSError):
            os.kill(find_parent(find_parent(sign.pid)), signal.SIGKILL)
            return True
    return False


def kill_node(cluster: Any, rng: random.Random) -> None:
    """Let a node die, and another one come."""
    cluster.remove_node(rng.choice(list(cluster.worker_nodes)), allow_graceful=False)
    add_node(cluster)


@pytest.fixture(scope="module")
def here(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """An experiment, and its folder as one local worker makes it."""
    values = build_values(tiny_model, small_data)
    root = tmp_path_factory.mktemp("here") / "tiny"
    pipeline.compare(load_experiment(values), output=root)
    return values, root


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")
def test_nodes_workers_and_drivers_die_and_the_results_are_the_same(
    here: tuple[dict[str, Any], Path], cluster: Any, tmp_path: Path
) -> None:
    values, root = here
    output = tmp_path / "tiny"
    rng = random.Random(os.environ.get("DIALORA_KILL_SEED", "0"))
    watch = Watch(output)
    watch.start()
    kills: list[str] = []
    order = [("node", "worker", "driver")[at % 3] for at in range(sizes.NUM_KILLS_ON_RAY)]
    driver = start(values, cluster.address, tmp_path)
    while order:
        time.sleep(rng.uniform(1, 6))
        what = rng.choice(order)
        if driver.poll() is not None:
            assert driver.returncode == 0, (tmp_path / "driver.log").read_text()[-3000:]
            # Finished in spite of it all: take the last runs apart and go on killing.
            for path in sorted(output.glob(f"*-s*/*/{names.MANIFEST}"))[:6]:
                watch.seen.pop(path, None)
                path.unlink()
            driver = start(values, cluster.address, tmp_path)
            continue
        if what == "worker" and not kill_worker(output, rng):
            continue
        if what == "node":
            kill_node(cluster, rng)
        if what == "driver":
            driver.kill()
            driver.wait()
            driver = start(values, cluster.address, tmp_path)
        order.remove(what)
        kills.append(what)
    assert driver.wait(timeout=600) == 0, (kills, (tmp_path / "driver.log").read_text()[-3000:])
    watch.ended.set()
    watch.join()
    assert read_results(output) == read_results(root), kills
    assert watch.made_twice == []
    assert len(watch.seen) == 12
    assert not list(output.rglob("*.writing"))
    assert not list(output.rglob("checkpoint-*"))


@pytest.mark.slow
def test_events_come_back_and_costs_say_that_nodes_are_shared(
    here: tuple[dict[str, Any], Path], cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    values = here[0] | {"methods": {"lora": {"r": 4, "learning_rate": 1e-2}}}
    launch = {"launch.engine": "ray", "launch.address": cluster.address, "launch.placement": "spread"}
    events: list[dict[str, Any]] = []
    try:
        pipeline.compare(load_experiment(values, launch), output=tmp_path / "tiny", observer=events.append)
        assert not ray.is_initialized()
    finally:
        ray.shutdown()
    trained = {event["run"] for event in events if event["event"] == "progress" and event["stage"] == "training"}
    assert len(trained) == 3
    assert sum(event["event"] == "done" for event in events) >= 3


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"launch.placement": "pile"}, "launch.placement: input should be 'pack' or 'spread'"),
        ({"launch.num_cpus": 2}, "launch.num_cpus: unknown key"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_experiment("bundled", {"launch.engine": "ray"} | options)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(problem)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense", "127.0.0.1:99999"])
def test_without_a_cluster_it_is_one_line(address: str, tmp_path: Path) -> None:
    config = load_experiment("bundled", {"launch.engine": "ray", "launch.address": address})
    before = time.monotonic()
    with pytest.raises(ConfigError, match=r"launch\.address: no Ray cluster at") as error:
        pipeline.compare(config, output=tmp_path / "out")
    assert len(error.value.problems) == 1
    assert time.monotonic() - before < 60
    assert not (tmp_path / "out").exists()


def test_what_no_node_has_is_told_and_not_waited_for_in_silence(cluster: Any, tmp_path: Path) -> None:
    import ray

    from dialora.config.launch import Launch

    def open_with(**options: Any) -> Any:
        given = {f"launch.{name}": value for name, value in options.items()}
        launch = load_experiment("bundled", {"launch.engine": "ray"} | given).launch
        assert isinstance(launch, Launch)
        return launch.open(tmp_path)

    told = list[dict[str, Any]]()
    with open_with(address=cluster.address, cpus=64) as launcher:
        launcher._is_interrupted = True  # nothing is to wait in the queue
        for _ in range(2):
            with pytest.raises(Interrupted):
                launcher.do(SimpleNamespace(place=SimpleNamespace(name="lora-s0")), told.append)
    (event,) = told
    assert event["event"] == "warning"
    assert "no node of the cluster has what each task asks for, CPU 64 (the most that one has is 1)" in event["message"]
    with open_with(address=cluster.address, cpus=1) as launcher:
        launcher._is_interrupted = True
        with pytest.raises(Interrupted):
            launcher.do(SimpleNamespace(place=SimpleNamespace(name="lora-s0")), told.append)
    assert told == [event]
    with pytest.raises(ConfigError, match=r"launch: no node .* CPU 64 .*; lower what each task asks for"):
        open_with(address="local", cpus=64)
    assert not ray.is_initialized()
