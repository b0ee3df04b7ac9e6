"""Summarizing as tasks of a Ray cluster of two nodes with a core each: the same file, also when a node, a worker and
the command are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dialora.api import summarize_files
from dialora.store.heartbeat import read_heartbeat
from tests import sizes
from tests.ray_cluster import add_node, open_cluster
from tests.systems.shards import list_left, watch, write_table

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

NUM_ROWS = 20_000
VICTIMS = ("node", "worker", "command", "node", "worker", "command", "worker", "node", "command", "worker")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with open_cluster() as found:
        yield found


def start(root: Path, table: Path, output: Path, told: dict[str, Any], address: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dialora", "summarize", str(table), "--system", str(root), "--method", "lora"]
    command += ["--output", str(output), "--launch", "ray", f"--set=launch.address={address}"]
    command += [f"--set={name}={value}" for name, value in told.items()]
    with output.with_name("table.jsonl.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def find_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def kill_worker(shards: Path) -> bool:
    """Kill Ray's process of a worker that is at work; False where none is."""
    signs = (read_heartbeat(path) for path in shards.glob("worker-*"))
    for sign in [sign for sign in signs if sign is not None and sign.is_alive]:
        with contextlib.suppress(OSError):
            os.kill(find_parent(find_parent(sign.pid)), signal.SIGKILL)
            return True
    return False


def kill_node(cluster: Any) -> bool:
    """Let a node die, and another one come."""
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    add_node(cluster)
    return True


@sizes.thorough
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")
def test_a_node_a_worker_and_the_command_die_and_the_file_is_the_same(root: Path, cluster: Any, tmp_path: Path) -> None:
    table, output = write_table(tmp_path / "table.jsonl", NUM_ROWS), tmp_path / "b.jsonl"
    told = {"decoding.max_new_tokens": 60, "generation.engine": "ctranslate2"}
    summarize_files(table, output=tmp_path / "a.jsonl", system=root, method="lora", set=told)
    shards, done = tmp_path / ".b.jsonl.shards", set[int]()
    kills, victims = list[str](), list(VICTIMS)
    command = start(root, table, output, told, cluster.address)
    seen = set[str]()
    while command.poll() is None:
        watch(shards, done)
        # The next one dies when something is under way that was not when the last one did.
        under_way = {path.name for path in shards.glob("*.partial")} - seen
        if victims and under_way:
            victim = victims[0]
            if victim == "worker" and not kill_worker(shards):
                continue
            if victim == "node":
                kill_node(cluster)
            if victim == "command":
                command.kill()
                command.wait()
                command = start(root, table, output, told, cluster.address)
            kills.append(victims.pop(0))
            seen |= {path.name for path in shards.glob("*.partial")}
        time.sleep(0.02)
    said = (tmp_path / "table.jsonl.log").read_text()
    assert command.returncode == 0, said[-3000:]
    assert kills == list(VICTIMS), said[-3000:]
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert done
    (tmp_path / "table.jsonl.log").unlink()
    assert list_left(tmp_path, output) == {"a.jsonl", "a.jsonl.manifest.json", ".a.jsonl.lock"}
