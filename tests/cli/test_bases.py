"""What the commands print of several bases, in a terminal of 80 columns."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialora import api
from dialora.cli import main
from tests.models.families.tiny import build_folder


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BART of which the weights are not here."""
    folder = build_folder("bart", tmp_path_factory.mktemp("bases") / "a-bart")
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_folder("llama", tmp_path_factory.mktemp("bases") / "a-llama")


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def write(values: dict[str, Any], folder: Path) -> str:
    path = folder / "bases.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return str(path)


def test_params_prints_every_base_from_its_config_alone(
    experiment: dict[str, Any], bart: Path, llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = {"lora": {}, "lora_bart": {"method": "lora", "model": str(bart)}, "full_llama": {"method": "full"}}
    methods["full_llama"]["model"] = str(llama)
    assert main(["params", write(experiment | {"methods": methods}, tmp_path)]) == 0
    rows = [re.split(r" *│ *", line)[1:3] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert ["PEFT (lora_bart)", "a-bart"] in rows
    assert ["Instruct (full_llama)", "a-llama"] in rows


def test_methods_shows_the_rates_and_layers_of_the_base(
    bart: Path, llama: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {folder: {row.method: row for row in api.methods(set=[f"model={folder}"])} for folder in (bart, llama)}
    assert found[bart]["full"].learning_rate == 3e-5
    assert found[bart]["last_layers"].learning_rate_range == (3e-6, 3e-4)
    assert "1910.13461" in str(found[bart]["full"].learning_rate_source)
    assert found[llama]["full"].learning_rate == 2e-5
    assert found[bart]["lora"].options["target_modules"] == ("q_proj", "v_proj")
    assert found[llama]["ia3"].options["target_modules"] == ("k_proj", "v_proj", "down_proj")
    assert main(["methods", "--set", f"model={bart}"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"│ full +│.*│ +3e-05 │", printed)
    assert re.search(r"│ lora +│.*│ q_proj,( v_proj)? +│", printed)
    assert main(["methods", "--set", f"model={bart}", "--markdown"]) == 0
    assert "| `target_modules` | `[q_proj, v_proj]` |" in capsys.readouterr().out


def test_check_tells_bases_apart_and_leaves_room_for_what_was_found(
    experiment: dict[str, Any], llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"method": "lora", "model": str(llama)}
    begun = "Read this conversation and tell in a sentence or two what it comes to"
    methods = {"lora": {}, "short": own | {"prompt": f"{begun}: {{dialogue}}"}, "long": own}
    methods["long"] = own | {"prompt": f"{begun}, please: {{dialogue}}"}
    file = write(experiment | {"methods": methods}, tmp_path)
    assert main(["check", file, "--json"]) == 0
    names = [finding["check"] for finding in json.loads(capsys.readouterr().out)]
    model = Path(experiment["model"]).name
    assert [name for name in names if name.startswith("lengths")] == [
        f"lengths ({model})", "lengths (a-llama, short)", "lengths (a-llama, long)",
    ]  # fmt: skip
    assert main(["check", file]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"│ lengths \(a-llama, long\) +│ \w+ +│ .*of sources", printed)


def test_two_revisions_of_a_model_are_two_bases() -> None:
    from dialora.config import load_experiment
    from dialora.report.labels import name_bases

    other = {"method": "lora", "model": "a/b", "model_revision": "v2"}
    values = {"model": "a/b", "model_revision": "v1", "data": {"source": "bundled"}}
    config = load_experiment(values | {"methods": {"lora": {}, "newer": other}})
    assert name_bases(config) == {"lora": "b@v1", "newer": "b@v2"}
    assert name_bases(load_experiment(values | {"methods": {"lora": {}}})) is None
