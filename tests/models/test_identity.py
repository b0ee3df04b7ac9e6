"""What a result is known by: its model's files or commit, and the device and precision that it was made with."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.errors import ModelError
from dialora.experiment.plan import plan_runs
from dialora.models import device, loading
from dialora.models.checkpoint import identify_model, pin_models
from dialora.models.loading import load_base_model, load_tokenizer
from tests.conftest import change_base
from tests.models.families.tiny import build_folder


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


def test_another_tokenizer_setting_is_another_model(config: ExperimentConfig, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    copied = config.model_copy(update={"model": str(tmp_path)})
    assert identify_model(copied) == identify_model(config)
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"truncation_side": "left"}))
    assert identify_model(copied) != identify_model(config)


@pytest.mark.parametrize("kind", ["weights", "tokenizer", "config"])
def test_a_pinned_base_is_loaded_as_it_was_or_not_at_all(
    kind: str, experiment: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    config = load_experiment(experiment | {"model": str(folder)})
    pinned = pin_models(config)
    assert identify_model(pinned) == identify_model(config)
    assert pin_models(pinned) == pinned == load_experiment(pinned)
    load_tokenizer(pinned)
    load_base_model(pinned)
    change_base(folder, kind)
    # What was planned stays what it was; what is there now is another.
    assert identify_model(pinned) != identify_model(config)
    for load in (load_tokenizer, load_base_model):
        load(config)
        with pytest.raises(ModelError, match="is not the base model that this was made from"):
            load(pinned)


@pytest.mark.parametrize(("kind", "counts"), [("llama", True), ("bart", True), ("mt5", False)])
def test_generation_settings_count_where_a_summarys_beginning_or_end_is_read_from_them(
    kind: str, counts: bool, experiment: dict[str, Any], tmp_path: Path
) -> None:
    config = load_experiment(experiment | {"model": str(build_folder(kind, tmp_path / kind))})
    pinned = pin_models(config)
    settings = tmp_path / kind / "generation_config.json"
    settings.write_text(json.dumps({"eos_token_id": [2, 7], "forced_bos_token_id": 9}), encoding="utf-8")
    assert (identify_model(config) != identify_model(pinned)) == counts
    if counts:
        with pytest.raises(ModelError, match="is not the base model that this was made from"):
            load_base_model(pinned)
    else:
        load_base_model(pinned)


def test_what_every_entry_stands_on_is_pinned(experiment: dict[str, Any], tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    methods = {"lora": {}, "other": {"method": "lora", "model": str(folder)}}
    pinned = pin_models(load_experiment(experiment | {"methods": methods}))
    assert pin_models(pinned) == pinned == load_experiment(pinned)
    change_base(folder, "weights")
    load_base_model(pinned.for_method("lora"))
    with pytest.raises(ModelError, match="is not the base model that this was made from"):
        load_base_model(pinned.for_method("other"))


def test_a_base_that_is_replaced_while_it_is_read_is_not_used(
    experiment: dict[str, Any], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    config = pin_models(load_experiment(experiment | {"model": str(folder)}))
    read = loading.read_weights

    def replace_before_reading(*args: Any) -> Any:
        change_base(folder, "weights")
        return read(*args)

    monkeypatch.setattr(loading, "read_weights", replace_before_reading)
    with pytest.raises(ModelError, match="is not the base model that this was made from"):
        load_base_model(config)


def test_files_that_are_pinned_are_those_of_a_folder(experiment: dict[str, Any]) -> None:
    config = load_experiment(experiment | {"model": "somebody/model", "model_revision": f"files:{'a' * 64}"})
    with pytest.raises(ModelError, match="no such folder, and model_revision"):
        load_base_model(config)


def test_a_link_that_leads_nowhere_is_told_when_loading(
    experiment: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(tmp_path / "gone")
    linked = load_experiment(experiment | {"model": str(folder)})
    assert identify_model(linked)
    with pytest.raises(ModelError, match="holds no weights"):
        load_base_model(linked)


HUB_SCRIPT = """
import sys
from dialora.config import load_experiment
from dialora.models.checkpoint import identify_model
from dialora.models.loading import load_base_config
config = load_experiment("seed", dict(item.split("=") for item in sys.argv[1:]))
print(identify_model(config), load_base_config(config).d_model)
"""


def test_a_hub_id_is_known_by_its_commit(tiny_model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hub" / "models--google--flan-t5-base"
    (cache / "refs").mkdir(parents=True)
    for commit, width in (("a" * 40, 64), ("b" * 40, 128)):
        snapshot = shutil.copytree(tiny_model, cache / "snapshots" / commit)
        values = json.loads((snapshot / "config.json").read_text())
        (snapshot / "config.json").write_text(json.dumps(values | {"d_model": width}))
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}

    def ask(*settings: str) -> str:
        command = [sys.executable, "-c", HUB_SCRIPT, *settings]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    (cache / "refs" / "main").write_text("a" * 40)
    assert ask() == f"google/flan-t5-base@{'a' * 40} 64"
    (cache / "refs" / "main").write_text("b" * 40)
    assert ask() == f"google/flan-t5-base@{'b' * 40} 128"
    assert ask(f"model_revision={'a' * 40}") == f"google/flan-t5-base@{'a' * 40} 64"


def test_what_auto_stands_for_is_what_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def identify(**training: Any) -> dict[str, str]:
        device._processor_has_bf16.cache_clear()
        return device.identify_device(TrainingConfig(**training))

    monkeypatch.setattr(device, "_sees_gpu", lambda: False)
    monkeypatch.setattr(device, "PROCESSOR", tmp_path / "cpuinfo")
    device.PROCESSOR.write_text("flags\t: fpu avx2 avx512_bf16\n")
    assert identify() == identify(device="cpu") == identify(precision="bf16") == {"device": "cpu", "precision": "bf16"}
    device.PROCESSOR.write_text("flags\t: fpu avx2\n")
    assert identify() == identify(precision="fp32") == {"device": "cpu", "precision": "fp32"}
    # Read where it is not: what a GPU made elsewhere.
    assert identify(device="cuda") == {"device": "cuda", "precision": "bf16"}
    device._processor_has_bf16.cache_clear()


@pytest.mark.parametrize(
    ("hip", "architecture", "expected"),
    [
        ("7.0", "gfx906:sramecc+:xnack-", "fp32"),
        ("7.0", "gfx1030", "fp32"),
        ("7.0", "gfx908:sramecc+", "bf16"),
        ("7.0", "gfx90a:sramecc+:xnack-", "bf16"),
        ("7.0", "gfx942", "bf16"),
        ("7.0", "gfx1100", "bf16"),
        (None, "", "fp32"),
    ],
)
def test_auto_takes_no_bf16_that_a_gpu_only_emulates(
    hip: str | None, architecture: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_sees_gpu", lambda: True)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(gcnArchName=architecture))
    # As torch says of ROCm (every GPU can) and of a T4 (it can if emulating counts).
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: bool(hip) or including_emulation
    )
    device._gpu_has_bf16.cache_clear()
    try:
        assert device.identify_device(TrainingConfig())["precision"] == expected
    finally:
        device._gpu_has_bf16.cache_clear()


def test_the_same_training_lies_in_the_same_place(
    config: ExperimentConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def place(**changes: Any) -> list[str]:
        training = config.training.model_copy(update=changes)
        runs = plan_runs(config.model_copy(update={"training": training}), tmp_path, {"test": "t"})
        return [run.folder.name for run in runs]

    monkeypatch.setattr(device, "_sees_gpu", lambda: False)
    monkeypatch.setattr(device, "_processor_has_bf16", lambda: True)
    bf16 = place()
    assert bf16 == place(device="cpu") == place(precision="bf16")
    monkeypatch.setattr(device, "_processor_has_bf16", lambda: False)
    assert place() == place(precision="fp32") != bf16


def test_the_processor_is_judged_as_torch_judges_it() -> None:
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    device._processor_has_bf16.cache_clear()
    assert device._processor_has_bf16() is native
