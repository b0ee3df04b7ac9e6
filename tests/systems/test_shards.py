"""Several workers summarize into one output: the bytes of one process, whoever dies, and nothing made twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dialora.api import summarize_files
from dialora.cli import main
from dialora.errors import ConfigError, DataError, StageError
from dialora.generation import Written
from dialora.store.heartbeat import Heartbeat, write_heartbeat
from dialora.systems import System, find_system
from dialora.systems.items import open_inputs
from dialora.systems.shards import Shards
from tests.systems.shards import CHUNK, NUM_ROWS, HereLaunch, list_left, summarize, write_table
from tests.systems.support import Echo, summarize_file


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Echo]:
    """The engines that were opened, one for each worker."""
    opened: list[Echo] = []

    def open_engine(system: System, sources: Any, on_warning: Callable[[str], None]) -> Echo:
        opened.append(Echo())
        return opened[-1]

    monkeypatch.setattr(System, "open_engine", open_engine)
    return opened


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "table.jsonl", NUM_ROWS)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet", ".txt"])
def test_workers_write_what_one_process_writes_in_every_format(
    root: Path, table: Path, tmp_path: Path, engines: list[Echo], suffix: str
) -> None:
    system, alone, shared = find_system(root, method="lora"), tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    summarize_file(system, table, alone, observer=lambda event: None, chunk=CHUNK)
    engines.clear()
    assert summarize(system, table, shared, workers=3) == NUM_ROWS
    assert shared.read_bytes() == alone.read_bytes()
    assert sum(engine.rows for engine in engines) == NUM_ROWS
    assert 1 <= len(engines) <= 3
    alone.unlink()
    assert not {name for name in list_left(tmp_path, shared) if shared.name in name}
    assert summarize(system, table, shared) == 0


def test_transcripts_come_out_the_same_whatever_their_folder_is_called(
    root: Path, tmp_path: Path, engines: list[Echo]
) -> None:
    talks = tmp_path / os.fsdecode(b"talks-\xff")
    talks.mkdir()
    for n in range(7):
        (talks / f"{n}.txt").write_text(f"[0:0{n}] Anna: Shall we, {n}?\n[0:09] Bob: No.\n", encoding="utf-8")
    system = find_system(root, method="lora")
    summarize_file(system, talks, tmp_path / "a.jsonl", observer=lambda event: None, chunk=CHUNK)
    output = talks / "b.jsonl"  # what lies beside it is none of the inputs
    assert summarize(system, talks, output) == 7
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()


def test_what_is_told_is_one_display_with_notes_at_the_end(root: Path, tmp_path: Path, engines: list[Echo]) -> None:
    table = tmp_path / "table.csv"
    rows = [f'd{n};"A: Hi | B: Yo {n}"' for n in range(NUM_ROWS)]
    table.write_text("\n".join(["id;dialogue", *rows]) + "\n", encoding="utf-8")
    system, told, events = find_system(root, method="lora"), list[dict[str, Any]](), list[dict[str, Any]]()
    summarize_file(system, table, tmp_path / "a.jsonl", observer=told.append, chunk=CHUNK)
    summarize(system, table, tmp_path / "b.jsonl", observer=events.append)
    assert {event["run"] for event in events if event["event"] in ("stage", "progress")} == {
        event["run"] for event in told if event["event"] in ("stage", "progress")
    }
    counts = [event["done"] for event in events if event["event"] == "progress"]
    assert counts == sorted(counts)
    assert counts[-1] == NUM_ROWS
    notes = [event for event in told if event["event"] == "note"]
    assert notes
    assert events[-len(notes) :] == notes
    assert [event for event in events if event["event"] == "note"] == notes


class EndedError(Exception):
    """A worker or the process that hands out work is gone."""


def test_it_goes_on_with_the_parts_that_are_done_and_the_batches_of_those_under_way(
    root: Path, table: Path, tmp_path: Path, engines: list[Echo], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = find_system(root, method="lora", set=["decoding.max_batch_tokens=8"])  # a batch for each row
    summarize_file(system, table, tmp_path / "a.jsonl", observer=lambda event: None, chunk=CHUNK)
    engines.clear()

    def write(self: Echo, batches: Any) -> Iterator[list[Written]]:
        for batch in batches:
            if sum(engine.rows for engine in engines) == 13:
                raise EndedError
            self.rows += len(batch)
            yield [Written([*ids[-12:-9], 1]) for ids in batch]

    output = tmp_path / "b.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(Echo, "write", write)
        with pytest.raises(EndedError):
            summarize(system, table, output, workers=1)
    assert len(output.read_bytes().splitlines()) == 10
    assert summarize(system, table, output, workers=2) == 13
    assert sum(engine.rows for engine in engines) == NUM_ROWS
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()


def test_what_one_process_began_workers_end_and_the_other_way_round(
    root: Path, table: Path, tmp_path: Path, engines: list[Echo], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = find_system(root, method="lora")
    summarize_file(system, table, tmp_path / "a.jsonl", observer=lambda event: None, chunk=CHUNK)
    output = tmp_path / "b.jsonl"

    def stop(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["done"] >= 2 * CHUNK:
            raise EndedError

    with pytest.raises(EndedError):
        summarize_file(system, table, output, observer=stop, chunk=CHUNK)
    begun = len(output.read_bytes().splitlines())
    assert 0 < begun < NUM_ROWS
    assert summarize(system, table, output) == NUM_ROWS - begun
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    output.unlink()
    with pytest.raises(EndedError):
        summarize(system, table, output, observer=stop)
    assert Shards(tmp_path / ".b.jsonl.shards").list_missing()
    monkeypatch.setattr("dialora.systems.summaries.LocalLaunch", lambda: HereLaunch(1))
    summarize_file(system, table, output, observer=lambda event: None, chunk=CHUNK)
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert not (tmp_path / ".b.jsonl.shards").exists()


def test_a_part_is_one_workers_until_it_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialora.systems.shards.CLAIM_SECONDS", 0)
    shards = Shards(tmp_path / "shards")
    with open_inputs([write_table(tmp_path / "table.jsonl", 3)]) as inputs:
        from dialora.config import DataConfig

        items = list(inputs.stream(DataConfig(source="bundled"), notes=[]))
    assert shards.cut([[item] for item in items], start=0) == [1, 1, 1]
    assert shards.load_items(2) == items[2:]
    owner = shards.folder / "worker-1"
    owner.mkdir()
    assert shards.claim(0, "worker-1")
    write_heartbeat(owner, Heartbeat.of("worker-1"))
    assert not shards.claim(0, "worker-2")
    assert shards.claim(0, "worker-1")  # begun again, it goes on with its own
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write_heartbeat(owner, Heartbeat.from_json(Heartbeat.of("worker-1").to_json() | {"pid": dead.pid}))
    assert shards.claim(0, "worker-2")
    shards.save_rows(0, b"row\n")
    assert shards.list_missing() == [1, 2]
    assert shards.load_rows(0) == b"row\n"
    shards.drop(0)
    assert not shards.claim(0, "worker-3")  # it is in the output
    assert shards.list_missing() == [1, 2]


def end_at(step: str, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something that ends where it comes to this step."""

    def end(*_: object) -> None:
        raise EndedError

    with monkeypatch.context() as patch:
        patch.setattr(step, end)
        with pytest.raises(EndedError):
            act()


def test_rows_that_were_changed_are_made_again(
    root: Path, table: Path, tmp_path: Path, engines: list[Echo], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, output = find_system(root, method="lora"), tmp_path / "b.jsonl"
    summarize_file(system, table, tmp_path / "a.jsonl", observer=lambda event: None, chunk=CHUNK)
    end_at(
        "dialora.systems.output.SummariesFile.append_rows",
        monkeypatch,
        lambda: summarize(system, table, output, workers=1),
    )
    made = tmp_path / ".b.jsonl.shards" / "000000.rows"
    made.write_bytes(made.read_bytes().replace(b"stop", b"STOP"))
    told: list[dict[str, Any]] = []
    summarize(system, table, output, observer=told.append)
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert any("was changed" in event["message"] for event in told if event["event"] == "warning")


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_what_is_to_be_summarized_is_what_was_read(
    root: Path, table: Path, tmp_path: Path, engines: list[Echo], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    system, output = find_system(root, method="lora"), tmp_path / "b.jsonl"
    summarize_file(system, table, tmp_path / "a.jsonl", observer=lambda event: None, chunk=CHUNK)
    step = "dialora.systems.shards.Shards.save_rows"
    end_at(step, monkeypatch, lambda: summarize(system, table, output, workers=1))
    shards = tmp_path / ".b.jsonl.shards"
    items = shards / "000003.items"
    if damage == "gone":
        items.unlink()
    else:
        items.write_bytes(items.read_bytes().replace(b"Number", b"number"))
        with pytest.raises(StageError, match=r"000003\.items: was changed; remove .*\.b\.jsonl\.shards"):
            summarize(system, table, output, workers=1)
        shutil.rmtree(shards)
    summarize(system, table, output)
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()


def test_a_bad_line_is_known_before_anything_is_written(
    root: Path, table: Path, tmp_path: Path, engines: list[Echo]
) -> None:
    with table.open("a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(DataError, match="line 24"):
        summarize(find_system(root, method="lora"), table, tmp_path / "b.jsonl")
    assert not engines
    assert not (tmp_path / "b.jsonl").exists()
    assert not (tmp_path / "b.jsonl.manifest.json").exists()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--workers", "2"], "workers write into a file; give --output"),
        (["--workers", "0", "--output", "o.jsonl"], "launch.workers: input should be greater"),
        (["--launch", "slurm", "--output", "o.jsonl"], "launch.engine: slurm does not summarize; local or ray does."),
        (["--launch", "cloud", "--output", "o.jsonl"], "launch.engine: unknown engine"),
        (["--workers", "2", "--set", "launch.speed=9", "--output", "o.jsonl"], "launch.speed: unknown key"),
    ],
)
def test_what_cannot_be_is_one_line(
    root: Path, table: Path, tmp_path: Path, arguments: list[str], problem: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundled").mkdir()  # as where runs are
    assert main(["summarize", str(table), "--system", str(root), "--method", "lora", *arguments]) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert problem in said
    assert "Traceback" not in said
    assert not (tmp_path / "o.jsonl").exists()


def test_a_system_that_workers_could_not_find_is_refused(root: Path, table: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    system = replace(find_system(root, method="lora"), asked_for=None)
    with pytest.raises(ConfigError, match="use one worker"):
        summarize_files(table, output=tmp_path / "o.jsonl", system=system, launch={"workers": 2})
