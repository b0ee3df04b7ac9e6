"""Finished runs of a tiny experiment, put together without training: what is exported is what lies there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dialora import api
from dialora.config import load_experiment
from dialora.data.examples import load_dataset
from dialora.models.adapters import apply_method, save_system
from dialora.models.bases import settle
from dialora.models.checkpoint import pin_models
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage, save_records
from tests.conftest import build_experiment_values

METHODS: dict[str, dict[str, Any]] = {
    "zero_shot": {},
    "full": {},
    "lora": {"r": 4},
    "prompt": {"method": "prompt_tuning", "num_virtual_tokens": 4},
}


def build_runs(root: Path, model: Path, data: Path, methods: dict[str, dict[str, Any]] | None = None) -> Path:
    """Lay out an experiment with a run of every method, whose weights are random."""
    values = build_experiment_values(model, data) | {"methods": methods or METHODS}
    whole = pin_models(settle(load_experiment(values)))
    root.mkdir(parents=True)
    (root / "experiment.yaml").write_text(whole.to_yaml(), encoding="utf-8")
    with Stage(root / "data", "key").writing() as folder:
        save_records(load_dataset(whole.data).test, folder / "test.jsonl")
    for number, key in enumerate(whole.methods):
        run = root / f"{key}-s0-{number:08d}"
        config = whole.model_copy(update={"methods": {key: whole.methods[key]}})
        if config.methods[key].trains:
            with Stage(run / "training", key).writing() as folder:
                system = apply_method(load_base_model(config), config.methods[key], key=key)
                torch.manual_seed(1)
                for name, parameter in system.named_parameters():
                    if "lora_B" in name or (key == "full" and parameter.dim() > 1):
                        parameter.data.add_(torch.randn_like(parameter) * (0.5 if "lora_B" in name else 0.02))
                save_system(system, load_tokenizer(config), folder, base=config.model)
        with Stage(run / "generation", "key").writing():
            pass
        (run / "run.yaml").write_text(config.to_yaml(), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def runs(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment's folder."""
    return build_runs(tmp_path_factory.mktemp("runs") / "tiny", tiny_model, small_data)


class Exports(dict[str, Path]):
    """LoRA's run in every form, by name, made when it is first asked for."""

    def __init__(self, runs: Path, root: Path) -> None:
        super().__init__()
        self.runs, self.root = runs, root

    def __missing__(self, to: str) -> Path:
        made = api.export_run(self.runs, method="lora", to=to, output=self.root / to)
        assert made.verdict.passed
        self[to] = made.folder
        return made.folder


@pytest.fixture(scope="session")
def exports(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(runs, tmp_path_factory.mktemp("exports"))
