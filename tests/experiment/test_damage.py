"""Every kind of file of a finished experiment, changed at equal length: none is used silently."""

import json
import shutil
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest

import dialora
import dialora.api
from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import StageError
from dialora.experiment import pipeline
from dialora.store import names
from dialora.systems import find_system
from tests import sizes
from tests.conftest import build_experiment_values
from tests.systems.support import summarize

KINDS = {
    "data": ["data/*"],
    "tokens and losses": ["tokens/*", "lora-*/training/training.json"],
    "configuration beside weights": ["lora-*/training/adapter_config.json", "full-*/training/*.json"],
    "summaries": ["*-s0-*/generation/*"],
    "scores": ["*-s0-*/scoring/*", "yardsticks/*", "faithfulness/*"],
    "the comparison": ["comparison/*"],
    "trials": ["tuning/lora-*/*/result/*"],
    "pages": [
        "*.json",
        "*.yaml",
        "*.md",
        "*.html",
        "figures/*",
        ".checked",
        ".report.json",
        "*-s0-*/run.yaml",
        "work/jobs.json",
    ],
}
WEIGHTS = ["lora-*/training/*.safetensors", "full-*/training/*.safetensors"]


def flip(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def swap(content: bytes) -> bytes:
    at = next(i for i in range(len(content) // 2, len(content)) if content[i] != content[i - 1])
    return content[: at - 1] + content[at : at + 1] + content[at - 1 : at] + content[at + 1 :]


def cut_and_pad(content: bytes) -> bytes:
    return content[: len(content) // 2].ljust(len(content), b"\0")


DAMAGES = [flip, swap, cut_and_pad]
CHANGES = list(zip(KINDS, cycle(DAMAGES), strict=False)) if sizes.IS_QUICK else list(product(KINDS, DAMAGES))


@pytest.fixture(scope="module")
def config(tiny_model: Path, small_data: Path) -> ExperimentConfig:
    values = build_experiment_values(tiny_model, small_data)
    values["tuning"] = {"trials": 2, "halving": False}
    return load_experiment(values)


@pytest.fixture(scope="module")
def finished(config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished") / "tiny"
    pipeline.compare(config, output=root)
    return root


def contents(root: Path) -> dict[str, Any]:
    """All that means something and does not depend on the clock."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix in (".jsonl", ".safetensors", ".yaml") and "work" not in path.parts:
            found[name] = path.read_bytes()
        elif path.name in (names.TRAINING_FACTS, names.TRIAL):
            values = json.loads(path.read_text())
            values = values.get("result", values)
            found[name] = [values["validation"], values["num_steps"]]
        elif path.name == "adapter_config.json":
            values = json.loads(path.read_text())
            found[name] = {key: sorted(value) if isinstance(value, list) else value for key, value in values.items()}
        elif path.name == names.DATA_SUMMARY:
            found[name] = json.loads(path.read_text()) | {"load_seconds": None}
    results = json.loads((root / names.RESULTS).read_text())
    found["results"] = [[s["key"], s["scores"]] for s in results["systems"]], results["comparisons"], results["data"]
    return found


def damage_files(root: Path, patterns: list[str], change: Any) -> list[Path]:
    damaged = sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    assert damaged
    for path in damaged:
        content = path.read_bytes()
        if len(set(content)) > 1:
            path.write_bytes(change(content))
            assert path.stat().st_size == len(content)
            assert path.read_bytes() != content
    return damaged


@pytest.mark.slow
def test_every_file_is_of_a_kind_that_is_damaged_here(finished: Path) -> None:
    known = {path for patterns in [*KINDS.values(), WEIGHTS] for pattern in patterns for path in finished.glob(pattern)}
    files = {path for path in finished.rglob("*") if path.is_file()} - known
    strange = {
        path.relative_to(finished).as_posix()
        for path in files
        if path.name not in (names.LOCK, names.WORKER_LOG) and not path.match("tuning/full-*/*/result/*")
    }
    assert {name for name in strange if not name.startswith(("full-", "lora-"))} == set()
    assert {Path(name).parent.name for name in strange} <= {names.TRAINING}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_what_was_changed_is_made_again(
    kind: str, change: Any, finished: Path, config: ExperimentConfig, tmp_path: Path
) -> None:
    root = tmp_path / "tiny"
    shutil.copytree(finished, root)
    damaged = damage_files(root, KINDS[kind], change)
    events: list[dict[str, Any]] = []
    pipeline.compare(config, output=root, observer=events.append)
    assert contents(root) == contents(finished)
    if kind == "pages":  # which every call looks at
        other = [path.name for path in damaged if path.read_bytes() != (finished / path.relative_to(root)).read_bytes()]
        assert other in ([], [names.CHECKED])  # which is read only where something is to be made
    else:
        assert any("is not what was written" in event["message"] for event in events if event["event"] == "warning")


@pytest.mark.slow
@pytest.mark.parametrize("change", DAMAGES)
def test_weights_that_were_changed_are_not_used(
    change: Any, finished: Path, config: ExperimentConfig, tmp_path: Path
) -> None:
    root = tmp_path / "tiny"
    shutil.copytree(finished, root)
    damage_files(root, WEIGHTS, change)
    for method in ("lora", "full"):
        with pytest.raises(StageError, match=r"\.safetensors is not what was written"):
            find_system(root, method=method)
    events: list[dict[str, Any]] = []
    dialora.api.train(config, output=root, observer=events.append)
    assert any("is not what was written" in event["message"] for event in events if event["event"] == "warning")
    pipeline.compare(config, output=root)
    assert contents(root) == contents(finished)


@pytest.mark.slow
@pytest.mark.parametrize("change", DAMAGES)
def test_a_system_in_use_is_what_was_written(change: Any, finished: Path, tmp_path: Path) -> None:
    root, texts = tmp_path / "tiny", ["#Person1#: So it goes.\n#Person2#: It does."] * 2
    shutil.copytree(finished, root)
    expected = summarize(texts, system=root, method="lora")
    for path in root.glob("lora-*/ctranslate2-*/*"):
        content = path.read_bytes()
        path.write_bytes(change(content))
        assert summarize(texts, system=root, method="lora") == expected
    damage_files(root, ["lora-*/run.yaml"], change)
    with pytest.raises(StageError, match=r"run\.yaml: is not what was written"):
        find_system(root, method="lora")
