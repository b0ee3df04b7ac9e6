"""What several workers make an output from, and the output itself, may be changed by others: it is noticed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dialora.errors import ConfigError, DataError, StageError
from dialora.systems import System, find_system
from tests.systems.shards import CHUNK, NUM_ROWS, summarize, write_table
from tests.systems.support import Echo, summarize_file


@pytest.fixture
def system(root: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: Echo())
    return find_system(root, method="lora")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "table.jsonl", NUM_ROWS)


class EndedError(Exception):
    """The process that hands out work is gone."""


@pytest.fixture
def begun(system: System, table: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An output whose first shard is there, and the folder of the others."""
    output = tmp_path / "b.jsonl"

    def end(event: dict[str, Any]) -> None:
        if output.exists():
            raise EndedError

    with pytest.raises(EndedError):
        summarize(system, table, output, workers=1, observer=end)
    assert 0 < len(output.read_bytes().splitlines()) < NUM_ROWS
    return output, tmp_path / ".b.jsonl.shards"


def cut_short(folder: Path) -> None:
    plan = folder / "plan.json"
    plan.write_text(plan.read_text(encoding="utf-8").replace(f"{CHUNK}, 3]", f"{CHUNK}]"), encoding="utf-8")
    assert plan.read_text(encoding="utf-8").endswith("}")


def swap(folder: Path) -> None:
    one, other = folder / "000002.items", folder / "000003.items"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def copy_without_links(folder: Path) -> None:
    for number in (1, 2):
        (folder / f"{number:06}.owner").unlink(missing_ok=True)
        (folder / f"{number:06}.owner").write_text("worker-9", encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        lambda folder: (folder / "plan.json").write_text("[]"),
        lambda folder: (folder / "plan.json").write_bytes(b"\xff"),
        lambda folder: (folder / "sample.items").unlink(),
        copy_without_links,
    ],
    ids=["shorter plan", "list", "bytes", "no sample", "copied"],
)
def test_what_lies_between_is_made_again_where_it_was_changed(
    system: System, table: Path, tmp_path: Path, begun: tuple[Path, Path], damage: Callable[[Path], None]
) -> None:
    summarize_file(system, table, tmp_path / "a.jsonl", observer=lambda event: None, chunk=CHUNK)
    output, shards = begun
    damage(shards)
    summarize(system, table, output)
    assert output.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert not shards.exists()


def test_shards_do_not_change_places(system: System, table: Path, begun: tuple[Path, Path]) -> None:
    output, shards = begun
    swap(shards)
    with pytest.raises(StageError, match=r"00000[23]\.items: was changed; remove"):
        summarize(system, table, output, workers=1)


def test_what_is_no_folder_of_shards_is_left_as_it_is(system: System, table: Path, tmp_path: Path) -> None:
    (tmp_path / ".b.jsonl.shards").write_text("mine", encoding="utf-8")
    with pytest.raises(StageError, match=r"\.b\.jsonl\.shards: is no folder of dialora's; move it away"):
        summarize(system, table, tmp_path / "b.jsonl")
    assert (tmp_path / ".b.jsonl.shards").read_text(encoding="utf-8") == "mine"


def test_inputs_that_cannot_be_read_leave_no_copy_of_their_texts(system: System, table: Path, tmp_path: Path) -> None:
    with table.open("a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(DataError, match="line 24"):
        summarize(system, table, tmp_path / "b.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"table.jsonl", ".b.jsonl.lock"}


def change(output: Path) -> None:
    content = output.read_bytes()
    output.write_bytes(content.replace(b'"stop"', b'"STOP"', 1))
    assert output.read_bytes() != content


def append(output: Path) -> None:
    with output.open("ab") as file:
        file.write(json.dumps({"row": 0}).encode() + b"\n")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("act", [change, append, os.unlink], ids=["changed", "longer", "gone"])
def test_an_output_that_others_change_meanwhile_is_not_called_whole(
    system: System, table: Path, tmp_path: Path, act: Callable[[Path], None], workers: int
) -> None:
    output, done = tmp_path / "b.jsonl", list[bool]()

    def interfere(event: dict[str, Any]) -> None:
        if not done and output.exists():
            done.append(True)
            act(output)

    write = partial(summarize, workers=workers) if workers else partial(summarize_file, chunk=CHUNK)
    with pytest.raises(ConfigError, match=r"b\.jsonl: was changed while it was written"):
        write(system, table, output, observer=interfere)
    assert done
