"""Processes of several workers are killed with -9, and the file is the same; nothing is made twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dialora.api import summarize_files
from dialora.store.heartbeat import read_heartbeat
from tests import sizes
from tests.systems.shards import list_left, watch, write_table


@sizes.thorough
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")
def test_workers_and_the_command_are_killed_and_the_file_is_the_same(root: Path, tmp_path: Path) -> None:
    table, output = write_table(tmp_path / "table.jsonl", 3000), tmp_path / "b.jsonl"
    told = {"decoding.max_new_tokens": 60, "generation.engine": "ctranslate2"}
    summarize_files(table, output=tmp_path / "a.jsonl", system=root, method="lora", set=told)
    shards = tmp_path / ".b.jsonl.shards"
    done = set[int]()
    for victim in ("worker", "command", None):
        command = start(root, table, output, told)
        while command.poll() is None:
            watch(shards, done)
            if victim and (pid := find_victim(shards, command, victim)):
                os.kill(pid, signal.SIGKILL)
                victim = ""
            time.sleep(0.01)
        said = command.communicate()[0].decode()
        assert victim == "" or victim is None, f"it was done before the kill: {said}"
        assert command.returncode == (0 if victim is None else command.returncode), said
        assert victim is None or command.returncode != 0
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert done
    assert list_left(tmp_path, output) == {"a.jsonl", "a.jsonl.manifest.json", ".a.jsonl.lock"}


def start(root: Path, table: Path, output: Path, told: dict[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dialora", "summarize", str(table), "--system", str(root), "--method", "lora"]
    command += ["--output", str(output), "--workers", "2", *(f"--set={name}={value}" for name, value in told.items())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def find_victim(shards: Path, command: subprocess.Popen[bytes], victim: str) -> int | None:
    """Return the process to kill once both workers have something under way; None until then."""
    if len(list(shards.glob("*.partial"))) < 2:
        return None
    sign = read_heartbeat(shards / "worker-2")
    return command.pid if victim == "command" else sign and sign.pid
