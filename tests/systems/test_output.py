"""What `summarize` has written stays as it was written: no row lost, doubled or changed, whoever else is at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dialora.errors import ConfigError, StageError
from dialora.systems.items import Item
from dialora.systems.output import SummariesFile, open_output
from dialora.systems.summary import Summary
from tests.conftest import build_experiment_values

ROWS = [Item(n, f"d{n}", "", f"Text {n}.") for n in range(1, 13)]


def predict(items: list[Item]) -> list[Summary]:
    return [Summary(f"Summary of {item.id}.", id=item.id) for item in items]


def fill(path: Path, *, upto: int = len(ROWS)) -> int:
    """Write what is missing, four rows at a time; return how many rows were."""
    with open_output(path, key="key", run="run") as file:
        start = file.num_rows
        for at in range(start, upto, 4):
            file.append(ROWS[at : at + 4], predict(ROWS[at : at + 4]))
    return upto - start


@pytest.fixture(params=[".jsonl", ".csv"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"out{request.param}"


def manifest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def flip(content: bytes) -> bytes:
    at = content.index(b"d7")
    return content[:at] + b"d8" + content[at + 2 :]


def double_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:7], lines[6], *lines[8:]])


def put_in_garbage(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:6], b"garbage\n", *lines[6:]])


def lose_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:6], *lines[7:]])


def blank_a_half(content: bytes) -> bytes:
    return content[: len(content) // 2].ljust(len(content), b"\0")


def lose_the_end(content: bytes) -> bytes:
    return content[:-5]


def add_a_line(content: bytes) -> bytes:
    return content + b"a line of my own\n"


def add_its_last_line_again(content: bytes) -> bytes:
    return content + content.splitlines(keepends=True)[-1]


CHANGES = [flip, double_a_line, put_in_garbage, lose_a_line, blank_a_half, lose_the_end, add_a_line]


@pytest.mark.parametrize("upto", [12, 8])
@pytest.mark.parametrize("change", [*CHANGES, add_its_last_line_again])
def test_an_output_that_was_changed_is_refused_and_left_as_it_is(path: Path, change: Any, upto: int) -> None:
    fill(path, upto=upto)
    changed = change(path.read_bytes())
    path.write_bytes(changed)
    manifest = manifest_of(path).read_bytes()
    with pytest.raises(
        ConfigError, match=r"what was written there.*move the file away, or give another --output"
    ) as told:
        fill(path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == changed
    assert manifest_of(path).read_bytes() == manifest


@pytest.mark.parametrize("written", [0, 1, 40, 10**9])
@pytest.mark.parametrize("upto", [0, 8])
def test_what_a_kill_leaves_of_a_chunk_is_made_again(
    path: Path, upto: int, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    whole = path.read_bytes()
    for left in path.parent.iterdir():
        left.unlink()
    fill(path, upto=upto)
    start = len(path.read_bytes()) if path.exists() else 0

    def die(file: SummariesFile) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, open_output(path, key="key", run="run") as file:
        patch.setattr(SummariesFile, "save_manifest", die)
        with pytest.raises(KeyboardInterrupt):
            file.append(ROWS[upto : upto + 4], predict(ROWS[upto : upto + 4]))
        kept = file.appended.read_bytes()
    os.truncate(path, min(start + written, path.stat().st_size))
    (path.parent / f"{path.name}.appended").write_bytes(kept)
    assert fill(path) == 12 - upto
    assert path.read_bytes() == whole
    assert {left.name for left in path.parent.iterdir()} <= {path.name, manifest_of(path).name, f".{path.name}.lock"}


def test_rows_are_counted_and_not_believed(path: Path) -> None:
    fill(path, upto=4)
    values = json.loads(manifest_of(path).read_text())
    for chunk in values["chunks"]:
        chunk["rows"] = 8
    manifest_of(path).write_text(json.dumps(values))
    assert fill(path) == 8
    assert [f"Summary of d{n}." in path.read_text() for n in range(1, 13)] == [True] * 12


def test_a_place_where_no_file_can_be_made_is_told_as_that() -> None:
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    with pytest.raises(ConfigError, match="no file can be made there"):
        fill(Path("/proc/out.jsonl"))


def test_one_output_is_written_by_one_at_a_time(path: Path) -> None:
    fill(path, upto=4)
    before = path.read_bytes()
    with open_output(path, key="key", run="run"):
        with pytest.raises(StageError, match="another dialora is writing it"):
            fill(path)
        link = path.with_name(f"link{path.suffix}")
        link.symlink_to(path)
        with pytest.raises(StageError, match="another dialora is writing it"):
            fill(link)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["remove", "empty", "other"])
def test_a_file_whose_manifest_is_not_its_own_is_left_as_it_is(path: Path, damage: str) -> None:
    fill(path)
    before = path.read_bytes()
    manifest = manifest_of(path)
    if damage == "remove":
        manifest.unlink()
    elif damage == "empty":
        manifest.write_text("[]")
    else:
        manifest.write_text(json.dumps({"key": "another"}))
    with pytest.raises(ConfigError, match="is there already"):
        fill(path)
    assert path.read_bytes() == before


def test_a_chunk_is_named_only_when_it_is_there(path: Path) -> None:
    file = SummariesFile(path, "key", "run")
    with pytest.raises(ValueError, match="shorter"):
        file.append(ROWS[:4], predict(ROWS[:3]))
    assert not path.exists()
    assert file.num_rows == 0


SWEEP = """
import os, random, signal, sys, time
from pathlib import Path

from dialora.errors import StageError
from dialora.generation import Written
from dialora.store import ExperimentFolder
from tests.systems.support import summarize_file
from dialora.systems import System, find_system

root, table, kept, output = map(Path, sys.argv[1:])
rng = random.Random(0)


class Engine:
    name, precision, device, stops, seconds = "echo", "fp32", "cpu", frozenset([1]), 0.0

    def __enter__(self): return self
    def __exit__(self, *args): return None

    def write(self, batches):
        for batch in batches:
            time.sleep(self.seconds)
            yield [Written([*ids[-12:-9], 1]) for ids in batch]


engine = Engine()
System.open_engine = lambda self, sources, on_warning: engine
system = find_system(root, method="zero_shot", set=["decoding.max_batch_tokens=256"])
system.tokenizer
summarize_file(system, table, kept, observer=lambda event: None, chunk=32)
engine.seconds = 0.004


def start():
    pid = os.fork()
    if pid == 0:
        try:
            summarize_file(system, table, output, observer=lambda event: None, chunk=32)
        except StageError:
            os._exit(7)
        os._exit(0)
    return pid


kills = refused = 0
while kills < 20:
    pids = [start(), start()]
    time.sleep(rng.uniform(0.01, 0.15))
    for pid in pids:
        if os.waitpid(pid, os.WNOHANG)[0] == 0 and rng.random() < 0.7:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            kills += os.WIFSIGNALED(status)
    for pid in pids:
        try:
            refused += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        except ChildProcessError:
            pass
    if output.exists() and output.read_bytes() == kept.read_bytes():
        for path in output.parent.glob(f"{output.name}*"):
            path.unlink()
summarize_file(system, table, output, observer=lambda event: None, chunk=32)
print(kills)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_killed_and_contended_it_ends_like_an_undisturbed_one(
    suffix: str, tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    from dialora.config import load_experiment
    from dialora.store import Stage

    root = tmp_path / "tiny"
    with Stage(root / "zero_shot-s0-11111111" / "generation", "key").writing():
        pass
    text = load_experiment(build_experiment_values(tiny_model, small_data)).to_yaml()
    for folder in (root, root / "zero_shot-s0-11111111"):
        (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    (root / "zero_shot-s0-11111111" / "experiment.yaml").rename(root / "zero_shot-s0-11111111" / "run.yaml")
    table, kept, output = tmp_path / "table.jsonl", tmp_path / f"kept{suffix}", tmp_path / f"out{suffix}"
    lines = [json.dumps({"id": f"d{n}", "dialogue": f"#Person1#: {'So it goes. ' * (n % 5)}{n}."}) for n in range(300)]
    table.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-c", SWEEP, str(root), str(table), str(kept), str(output)]
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20
    assert output.read_bytes() == kept.read_bytes()
    assert len(kept.read_bytes().splitlines()) == 300 + (suffix == ".csv")
    assert not list(tmp_path.glob("*.partial"))
