"""A run is used with the base model it was made from, and with no other: refused, or told where it cannot be known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dialora
import dialora.api
from dialora.cli import main
from dialora.config import load_experiment
from dialora.errors import ConfigError, ModelError
from dialora.experiment import pipeline
from dialora.systems import find_system
from tests.conftest import build_experiment_values, change_base
from tests.systems.support import summarize, summarize_file

TEXTS = [f"#Person1#: {'So it goes. ' * (n % 5)}That is number {n}." for n in range(8)]
REFUSAL = "is not the base model that this was made from"
UNKNOWN = "whether .* is still that one is not known"


@pytest.fixture(scope="module")
def base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(tiny_model, tmp_path_factory.mktemp("own") / "base")


@pytest.fixture(scope="module")
def finished(base: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished") / "tiny"
    pipeline.compare(load_experiment(build_experiment_values(base, small_data)), output=root)
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "tiny")


@pytest.fixture
def put_back(base: Path, tiny_model: Path) -> Iterator[Callable[[], None]]:
    """Make the base what it was; done after the test at the latest."""

    def copy() -> None:
        shutil.copytree(tiny_model, base, dirs_exist_ok=True)

    yield copy
    copy()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.jsonl"
    path.write_text("".join(json.dumps({"dialogue": text}) + "\n" for text in TEXTS), encoding="utf-8")
    return path


def as_an_earlier_version_left_it(root: Path) -> None:
    """Take the base's files out of every run's configuration."""
    for path in root.glob("*/run.yaml"):
        _, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("model_revision")), encoding="utf-8")


@pytest.mark.parametrize("kind", ["weights", "tokenizer", "config"])
@pytest.mark.parametrize("method", ["zero_shot", "full", "lora"])
def test_a_run_is_not_used_with_another_base(
    root: Path,
    base: Path,
    table: Path,
    tmp_path: Path,
    method: str,
    kind: str,
    put_back: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = summarize(TEXTS, system=root, method=method)
    change_base(base, kind)
    with pytest.raises(ModelError, match=REFUSAL) as caught:
        summarize(TEXTS, system=root, method=method)
    assert "\n" not in str(caught.value)
    output = tmp_path / "out.jsonl"
    command = ["summarize", str(table), "--run", str(root), "--method", method, "--output", str(output)]
    assert main(command) == 2
    assert REFUSAL in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.glob("*out.jsonl*"))
    with pytest.raises(ModelError, match=REFUSAL):
        dialora.api.parity(root, method=method)
    put_back()
    assert summarize(TEXTS, system=root, method=method) == before


def test_a_system_that_was_found_is_not_loaded_from_another_base(
    root: Path, base: Path, put_back: Callable[[], None]
) -> None:
    system = find_system(root, method="lora")
    change_base(base, "weights")
    with pytest.raises(ModelError, match=REFUSAL):
        system.load()
    with pytest.raises(ModelError, match=REFUSAL):
        system.tokenizer  # noqa: B018


def test_what_another_base_was_converted_to_is_not_used(
    root: Path, base: Path, small_data: Path, put_back: Callable[[], None]
) -> None:
    config = load_experiment(build_experiment_values(base, small_data), ["generation.precision=int8"])
    clean = shutil.copytree(root, root.parent / "clean" / "tiny")
    expected = summarize(TEXTS, system=clean, method="lora", set=["generation.precision=int8"])
    as_an_earlier_version_left_it(root)
    change_base(base, "weights")
    with pytest.warns(UserWarning, match=UNKNOWN):
        others = summarize(TEXTS, system=root, method="lora", set=["generation.precision=int8"])
    assert others != expected
    put_back()
    assert summarize(TEXTS, system=root, method="lora", set=["generation.precision=int8"]) == expected
    # Nor does it get into the experiment's own numbers.
    change_base(base, "weights")
    with pytest.warns(UserWarning, match=UNKNOWN):
        summarize(TEXTS, system=root, method="lora", set=["generation.precision=int8"])
    put_back()
    for folder in (root, clean):
        pipeline.compare(config, output=folder)
    made, right = (next(folder.glob("lora-*/generation/predictions.jsonl")).read_bytes() for folder in (root, clean))
    assert made == right


def test_an_interrupted_output_is_not_continued_with_another_base(
    root: Path, base: Path, table: Path, tmp_path: Path, put_back: Callable[[], None]
) -> None:
    output, count = tmp_path / "out.jsonl", 0

    def stop_after_a_chunk(event: dict[str, Any]) -> None:
        nonlocal count
        count += event["event"] == "progress" and event["done"] == event["total"] - 4
        if count > 1:  # the chunk's batches are done, then the chunk is
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        summarize_file(find_system(root, method="lora"), table, output, observer=stop_after_a_chunk, chunk=4)
    written = output.read_bytes()
    assert len(written.splitlines()) == 4
    change_base(base, "weights")
    with pytest.raises(ModelError, match=REFUSAL):
        dialora.api.summarize_files(table, system=root, method="lora", output=output)
    # A run that does not know its base: the output does.
    as_an_earlier_version_left_it(root)
    with pytest.raises(ConfigError, match="another system, setting or input made it"):
        dialora.api.summarize_files(table, system=root, method="lora", output=output)
    assert output.read_bytes() == written
    put_back()
    assert dialora.api.summarize_files(table, system=root, method="lora", output=output) == 4


def test_a_run_of_an_earlier_version_is_known_by_its_name_or_told(
    root: Path, base: Path, tmp_path: Path, put_back: Callable[[], None]
) -> None:
    before = summarize(TEXTS, system=root, method="lora")
    as_an_earlier_version_left_it(root)
    # Warnings are errors in tests: the experiment beside it shows that the base is the same.
    assert summarize(TEXTS, system=root, method="lora") == before
    change_base(base, "tokenizer")
    with pytest.warns(UserWarning, match=UNKNOWN):
        summarize(TEXTS, system=root, method="lora")
    put_back()
    alone = shutil.copytree(next(root.glob("lora-*")), tmp_path / "alone" / "lora-s0-00000000")
    with pytest.warns(UserWarning, match=UNKNOWN):
        assert summarize(TEXTS, system=alone) == before


def test_compare_writes_down_the_base_of_earlier_runs(
    root: Path, base: Path, small_data: Path, put_back: Callable[[], None]
) -> None:
    as_an_earlier_version_left_it(root)
    runs = sorted(path.name for path in root.glob("*-s0-*"))
    pipeline.compare(load_experiment(build_experiment_values(base, small_data)), output=root)
    assert sorted(path.name for path in root.glob("*-s0-*")) == runs
    change_base(base, "weights")
    with pytest.raises(ModelError, match=REFUSAL):
        summarize(TEXTS, system=root, method="lora")
