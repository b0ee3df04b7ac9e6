"""Reading weights: once, whatever the checkpoint's files look like."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dialora.config import load_experiment
from dialora.measuring.memory import measure_peak_memory, reset_peak_memory
from dialora.models.loading import load_base_model, load_tokenizer


def write_larger_model(experiment: dict[str, Any], folder: Path) -> None:
    """Write a model of 160 MB in the tiny model's layout."""
    config = load_experiment(experiment)
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    base = model.config
    base.num_layers = base.num_decoder_layers = 2
    base.d_model, base.d_ff, base.vocab_size = 640, 4096, 8000
    larger = type(model)(base)
    larger.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_loading_holds_no_weight_twice(experiment: dict[str, Any], tmp_path: Path) -> None:
    write_larger_model(experiment, tmp_path)
    config = load_experiment(experiment | {"model": str(tmp_path)})
    if not reset_peak_memory():
        pytest.skip("this system cannot reset the peak of memory")
    held = measure_peak_memory()
    model = load_base_model(config)
    taken = measure_peak_memory() - held
    size = sum(p.numel() * 4 for p in model.parameters())
    assert size > 100e6
    assert taken < 1.3 * size


def test_a_checkpoint_in_several_files_is_the_same_model(
    experiment: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    for path in tiny_model.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tiny_model / "model.safetensors")
    where = {name: f"model-0000{1 + at % 2}-of-00002.safetensors" for at, name in enumerate(sorted(weights))}
    for file in set(where.values()):
        part = {name: weight for name, weight in weights.items() if where[name] == file}
        save_file(part, tmp_path / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": where}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    expected = load_base_model(load_experiment(experiment)).state_dict()
    found = load_base_model(load_experiment(experiment | {"model": str(tmp_path)})).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in found.items())


def test_what_a_checkpoint_says_of_generation_is_kept(
    experiment: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    for path in tiny_model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "generation_config.json").write_text(json.dumps({"decoder_start_token_id": 0, "num_beams": 7}))
    model = load_base_model(load_experiment(experiment | {"model": str(tmp_path)}))
    assert model.generation_config.num_beams == 7
    assert model.name_or_path == str(tmp_path)
