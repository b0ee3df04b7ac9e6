"""An adapter goes on the base that it was trained on: of several of one shape, another is refused, or told of."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

import dialora
from dialora import api
from dialora.errors import ConfigError, ModelError
from dialora.models.adapters import save_system
from dialora.models.checkpoint import find_other_base, resolve_model
from dialora.models.loading import load_tokenizer
from tests.conftest import build_experiment_values, change_base


@pytest.fixture(scope="module")
def bases(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bases of one shape."""
    root = tmp_path_factory.mktemp("bases")
    first, second = (Path(shutil.copytree(tiny_model, root / name)) for name in ("first", "second"))
    change_base(second, "weights")
    return first, second


@pytest.fixture(scope="module")
def values(bases: tuple[Path, Path], small_data: Path) -> dict[str, Any]:
    made = build_experiment_values(bases[0], small_data)
    lora = {"method": "lora", "r": 2, "learning_rate": 1e-2}
    made["methods"] = {"lora": lora, "lora_second": lora | {"model": str(bases[1])}}
    made["training"]["max_steps"] = 1
    return made


@pytest.fixture(scope="module")
def root(values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "two"
    api.train(values, output=folder)
    return folder


@pytest.fixture(scope="module")
def trained(root: Path) -> dict[str, Path]:
    """The adapters by the entry that trained them."""
    return {path.parent.name.partition("-")[0]: path for path in root.glob("*/training")}


def test_an_adapter_of_the_bundled_base_goes_on_it_without_a_word(tmp_path: Path) -> None:
    model = dialora.load_model("bundled")
    adapter = get_peft_model(model, LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, target_modules=["q"]))
    save_system(adapter, load_tokenizer(dialora.load_experiment("bundled")), tmp_path, base="bundled")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dialora.load_model("bundled", adapter=tmp_path)


def head(model: Any) -> torch.Tensor:
    return model.get_base_model().lm_head.weight


def test_an_adapter_of_a_run_goes_on_the_base_of_its_own_entry_alone(
    root: Path, trained: dict[str, Path], values: dict[str, Any], bases: tuple[Path, Path]
) -> None:
    file = root / "experiment.yaml"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = dialora.load_model(file, method="lora_second", adapter=trained["lora_second"])
        first = dialora.load_model(file, adapter=trained["lora"])
        assert not torch.equal(head(first), head(second))
        assert torch.equal(head(second), dialora.load_model(file, method="lora_second").lm_head.weight)
    for key, method, other, expected in (
        ("lora_second", None, bases[0], 'give method="lora_second"'),
        ("lora", "lora_second", bases[1], 'give method="lora"'),
    ):
        with pytest.raises(ModelError) as caught:
            dialora.load_model(file, method=method, adapter=trained[key])
        message = str(caught.value)
        theirs = bases[1] if other == bases[0] else bases[0]
        assert f"was trained on {theirs}, and the base loaded is {other}; {expected}" in message
        assert "\n" not in message


def test_an_experiment_without_the_base_is_told_where_it_is_named(
    trained: dict[str, Path], values: dict[str, Any]
) -> None:
    adapter = trained["lora_second"]
    alone = values | {"methods": {"zero_shot": {}}}
    with pytest.raises(ModelError, match="as the experiment and method=") as caught:
        dialora.load_model(alone, adapter=adapter)
    found = re.search(r'give "(.*)" as the experiment and method="(.*)"', str(caught.value))
    assert found is not None
    dialora.load_model(found[1], method=found[2], adapter=adapter)


def test_a_base_may_move_and_not_change(
    trained: dict[str, Path], values: dict[str, Any], bases: tuple[Path, Path], tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(bases[1], tmp_path / "moved"))
    alone = values | {"methods": {"zero_shot": {}}, "model": str(moved)}
    dialora.load_model(alone, adapter=trained["lora_second"])
    change_base(moved, "config")
    with pytest.raises(ModelError, match="was trained on"):
        dialora.load_model(alone, adapter=trained["lora_second"])


def test_a_method_that_is_no_entry_is_named(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"method lora_third: .* Found: lora, lora_second\."):
        dialora.load_model(root / "experiment.yaml", method="lora_third")


def copy(adapter: Path, folder: Path, **changes: Any) -> Path:
    """An adapter that lies in no run's folder."""
    shutil.copytree(adapter, folder)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize("named", ["hub/second", "/gone/first", "", None])
def test_another_adapter_that_names_another_base_is_told_of(
    named: str | None, trained: dict[str, Path], values: dict[str, Any], bases: tuple[Path, Path], tmp_path: Path
) -> None:
    adapter = copy(trained["lora"], tmp_path / "adapter", base_model_name_or_path=named)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dialora.load_model(values, adapter=adapter)
    told = [str(each.message) for each in caught if each.filename == __file__]
    assert len(told) == (named == "hub/second")
    for text in told:
        assert f"names hub/second as its base and is put on {bases[0]}" in text
        assert "\n" not in text


@pytest.mark.parametrize("change", [{"target_modules": ["q_proj"]}, {"r": 4}])
def test_an_adapter_that_does_not_fit_says_which_base_it_names(
    change: dict[str, Any], trained: dict[str, Path], values: dict[str, Any], tmp_path: Path
) -> None:
    adapter = copy(trained["lora"], tmp_path / "adapter", base_model_name_or_path="google/gemma-3-1b-it", **change)
    with pytest.raises(ModelError, match=r"It names google/gemma-3-1b-it as its base; give .*method=") as caught:
        dialora.load_model(values, adapter=adapter)
    assert "\n" not in str(caught.value)
    settings = adapter / "adapter_config.json"
    settings.write_text(settings.read_text().replace("google/gemma-3-1b-it", "first"))
    with pytest.raises(ModelError) as same:
        dialora.load_model(values, adapter=adapter)
    assert "as its base" not in str(same.value)


@pytest.mark.parametrize(
    ("named", "source", "differs"),
    [
        ("google/flan-t5-base", "models/flan-t5-base", False),
        ("/cache/models--google--flan-t5-base/snapshots/0123", "google/flan-t5-base", False),
        ("C:\\models\\flan-t5-base\\", "google/FLAN-T5-base", False),
        ("bundled", resolve_model("bundled"), False),
        ("google/flan-t5-small", "google/flan-t5-base", True),
        ("bundled", "google/flan-t5-base", True),
    ],
)
def test_bases_are_told_apart_by_their_own_names(named: str, source: str, differs: bool, tmp_path: Path) -> None:
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({"base_model_name_or_path": named}))
    assert find_other_base(path, source) == (named if differs else None)
