"""Adapters made by hand: weights for any adapter_config.json, and the model that they and their base come to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

SETTINGS = {
    "base_model_name_or_path": "google/flan-t5-base",
    "lora_alpha": 16,
    "peft_type": "LORA",
    "r": 4,
    "target_modules": ["q", "v"],
    "task_type": "SEQ_2_SEQ_LM",
}


def make_adapter(
    base: Path, folder: Path, settings: Mapping[str, Any] = SETTINGS, *, suffix: str = ".safetensors", seed: int = 0
) -> Path:
    """A LoRA adapter with settings as they are, and random weights for a base's matrices that they name."""
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(dict(settings)), encoding="utf-8")
    generator, weights = torch.Generator().manual_seed(seed), dict[str, Tensor]()
    for module, weight in list_targets(base, settings).items():
        rows, columns = weight.shape
        for name, shape in (("lora_A", (settings["r"], columns)), ("lora_B", (rows, settings["r"]))):
            weights[f"base_model.model.{module}.{name}.weight"] = torch.randn(shape, generator=generator) * 0.2
    if suffix == ".bin":
        torch.save(weights, folder / "adapter_model.bin")
    else:
        save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder


def merge_by_hand(base: Path, adapter: Path, folder: Path) -> Path:
    """A whole model's folder: W + alpha / r · BA."""
    settings = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    shutil.copytree(base, folder)
    pickled = adapter / "adapter_model.bin"
    found = torch.load(pickled) if pickled.is_file() else load_file(adapter / "adapter_model.safetensors")
    weights = load_file(base / "model.safetensors")
    for module in list_targets(base, settings):
        low, high = (found[f"base_model.model.{module}.lora_{name}.weight"] for name in "AB")
        weights[f"{module}.weight"] += settings["lora_alpha"] / settings["r"] * high @ low
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def list_targets(base: Path, settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """The matrices that a list of names means, by module."""
    modules = {name.removesuffix(".weight"): weight for name, weight in load_file(base / "model.safetensors").items()}
    return {name: weight for name, weight in modules.items() if name.rpartition(".")[2] in settings["target_modules"]}
