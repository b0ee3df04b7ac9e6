"""Killed at whatever step it is, `summarize` goes on and ends as if it had not been: every form of output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SWEEP = """
import os, sys
from pathlib import Path

import dialora.store.files as files
from dialora.generation import Written
from dialora.systems import System, find_system
from tests.systems.shards import summarize
from tests.systems.support import Echo, summarize_file

root, table, kept, output = map(Path, sys.argv[1:5])
has_workers = sys.argv[5] == "workers"
System.open_engine = lambda self, sources, on_warning: Echo()
system = find_system(root, method="zero_shot")
system.tokenizer, system.identity


def write(path):
    if has_workers and path == output:
        return summarize(system, table, path, workers=1)
    return summarize_file(system, table, path, observer=lambda event: None, chunk=5)


def dies_at(step):
    '''Whether a process that is killed before its so-manyth change of the disk gets that far.'''
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    done = 0

    def counted(change):
        def run(*args, **kwargs):
            nonlocal done
            done += 1
            if done == step:
                os._exit(9)
            return change(*args, **kwargs)
        return run

    files.sync = counted(files.sync)
    os.fsync = counted(os.fsync)
    for change in ("replace", "unlink", "write_bytes", "symlink_to", "mkdir"):
        setattr(Path, change, counted(getattr(Path, change)))
    os.unlink, os.rmdir = map(counted, (os.unlink, os.rmdir))
    write(output)
    os._exit(0)


write(kept)
step = 1
while dies_at(step):
    write(output)
    assert output.read_bytes() == kept.read_bytes(), f"other bytes when killed before step {step}"
    assert write(output) == 0
    left = {path.name for path in output.parent.iterdir()}
    known = {output.name, f"{output.name}.manifest.json", f".{output.name}.lock"}
    assert left <= known, (step, left - known)
    for name in left:
        (output.parent / name).unlink()
    step += 1
print(step)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "by"),
    [
        (".jsonl", "itself"),
        (".csv", "itself"),
        (".parquet", "itself"),
        (".txt", "itself"),
        (".csv", "workers"),
        (".parquet", "workers"),
    ],
)
def test_killed_before_any_change_of_the_disk_it_ends_the_same(
    root: Path, tmp_path: Path, suffix: str, by: str
) -> None:
    table, folder = tmp_path / "table.jsonl", tmp_path / "out"
    folder.mkdir()
    table.write_text("".join(json.dumps({"id": f"d{n}", "dialogue": f"#Person1#: So, {n}."}) + "\n" for n in range(10)))
    arguments = [str(root), str(table), str(tmp_path / f"kept{suffix}"), str(folder / f"out{suffix}"), by]
    command = [sys.executable, "-W", "ignore", "-c", SWEEP, *arguments]
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
