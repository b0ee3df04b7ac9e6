"""An experiment's folder with two systems, and an engine that writes what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import dialora
from dialora.api import tables as tables_module
from dialora.config import load_experiment
from dialora.data.examples import load_dataset
from dialora.methods import LoRA
from dialora.models.adapters import apply_method, save_system
from dialora.models.checkpoint import pin_models
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage, save_records
from dialora.systems import System
from tests.systems.support import Echo


@pytest.fixture(scope="module")
def root(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment's folder as it lies after its runs: zero-shot and LoRA."""
    from tests.conftest import build_experiment_values

    config = load_experiment(build_experiment_values(tiny_model, small_data))
    root = tmp_path_factory.mktemp("runs") / "tiny"
    root.mkdir()
    config = pin_models(config)
    (root / "experiment.yaml").write_text(config.to_yaml(), encoding="utf-8")
    with Stage(root / "data", "key").writing() as folder:
        save_records(load_dataset(config.data).test, folder / "test.jsonl")
    model = apply_method(load_base_model(config), LoRA(r=4), key="lora")
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    with Stage(root / "lora-s0-00000000" / "training", "lora's key").writing() as folder:
        save_system(model, load_tokenizer(config), folder, base=config.model)
    for run in ("lora-s0-00000000", "zero_shot-s0-11111111"):
        with Stage(root / run / "generation", "key").writing():
            pass
        (root / run / "run.yaml").write_text(config.to_yaml(), encoding="utf-8")
    return root


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    engine = Echo()
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: engine)
    return engine


@pytest.fixture
def no_table_system() -> Iterator[None]:
    """No system of tables is loaded in this process."""
    tables_module._open.cache_clear()
    yield
    tables_module._open.cache_clear()


@pytest.fixture
def summarize(root: Path, echo: Echo) -> dialora.TableSummarizer:
    return dialora.TableSummarizer(root, method="lora")
