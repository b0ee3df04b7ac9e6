"""One base read with two prompts in one experiment: each system keeps its own, and the report says so once."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dialora.config import load_experiment
from dialora.experiment.pipeline import compare
from dialora.report.terminal import print_report
from dialora.systems import find_system
from tests.conftest import build_experiment_values
from tests.systems.support import summarize

OWN, OTHER = "Summarize: {dialogue}", "What is said here? {dialogue}\nIn short:"
SENTENCE = "PEFT (asked) has another prompt than Original, the first system: "


@pytest.fixture(scope="module")
def finished(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    lora = {"method": "lora", "r": 4, "learning_rate": 1e-2}
    values = build_experiment_values(tiny_model, small_data)
    values["training"] |= {"num_train_epochs": 0.5}
    values |= {"prompt": OWN, "methods": {"zero_shot": {}, "lora": lora, "asked": lora | {"prompt": OTHER}}}
    folder = tmp_path_factory.mktemp("prompts") / "it"
    return compare(load_experiment(values), output=folder), folder


def test_each_system_is_trained_and_used_with_its_own_prompt(finished: tuple[Any, Path]) -> None:
    found, folder = finished
    assert {system.base for system in found.systems} == {None}
    assert len(list(folder.glob("tokens*"))) == 2
    prompts = {path.parent.name.partition("-")[0]: load_experiment(path).prompt for path in folder.rglob("run.yaml")}
    assert prompts["lora"] == OWN
    assert prompts["asked"] == OTHER
    examples = [json.loads(line) for line in (folder / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    said = [example["dialogue"] for example in examples]
    written = {}
    for method in ("lora", "asked"):
        assert find_system(folder, method=method).config.prompt == prompts[method]
        path = next(folder.glob(f"{method}-*/generation/predictions.jsonl"))
        written[method] = [json.loads(line)["summary"] for line in path.read_text(encoding="utf-8").splitlines()]
        as_it_stands = {"speakers": "names", "on_long": "truncate"}
        assert summarize(said, system=folder, method=method, **as_it_stands) == written[method]
    assert written["lora"] != written["asked"]


def test_that_prompts_differ_is_said_once_behind_the_headline(finished: tuple[Any, Path]) -> None:
    found, folder = finished
    assert found.verdict.count(SENTENCE) == 1
    assert found.verdict.partition(SENTENCE)[0].count(". ") == 1
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["verdict"] == found.verdict
    assert not [note for note in found.document.notes if "another prompt" in note]
    console = Console(file=io.StringIO(), width=400, record=True)
    print_report(found.document, console)
    assert console.export_text().count(SENTENCE) == 1
    for name in ("report.md", "report.html"):
        assert (folder / name).read_text(encoding="utf-8").count("has another prompt than Original") == 1
