"""Generation on a GPU: the CPU's greedy tokens, whichever engine writes; torch leaves the GPU to the one that does."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import DecodingConfig, GenerationConfig
from dialora.generation import TorchEngine, open_engine, write_all
from dialora.models.adapters import apply_method
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]

TIES = 1
"""Dialogues that may come out otherwise: where two words tie to the last bits, another order of sums decides."""


def build(config: Any, key: str | None = None) -> Any:
    """The base, or an adapter on it that says something."""
    model = load_base_model(config)
    if key is None:
        return model
    torch.manual_seed(1)
    model = apply_method(model, config.methods[key], key=key)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return model


def write(model: Any, config: Any, sources: Any, decoding: DecodingConfig, precision: str = "fp32") -> list[list[int]]:
    engine = TorchEngine(model, load_tokenizer(config), decoding, precision=precision)
    return [written.new_ids for written in write_all(engine, sources, decoding)]


def open_on_gpu(config: Any, sources: Any, folder: Path, **generation: Any) -> tuple[Any, Any, list[str]]:
    """The engine, the model that it was made from, and the warnings."""
    model, warnings = build(config, "lora").to("cuda"), []
    engine = open_engine(
        GenerationConfig(**generation), config.decoding, model, load_tokenizer(config), stage=Stage(folder, "key"),
        sources=sources, on_warning=warnings.append,
    )  # fmt: skip
    return engine, model, warnings


@pytest.mark.parametrize("key", [None, "lora"])
@pytest.mark.parametrize("num_beams", [1, 3])
def test_summaries_are_those_of_the_processor(
    device: str, config: Any, sources: Any, key: str | None, num_beams: int
) -> None:
    decoding = config.decoding.model_copy(update={"num_beams": num_beams})
    expected = write(build(config, key), config, sources, decoding)
    model = build(config, key).to(device)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    found = write(model, config, sources, decoding)
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= len(sources) - TIES
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_batches_change_nothing(device: str, config: Any, sources: Any) -> None:
    model = build(config).to(device)
    alone = write(model, config, sources, config.decoding.model_copy(update={"max_batch_tokens": 8}))
    together = write(model, config, sources, config.decoding)
    assert sum(a == b for a, b in zip(alone, together, strict=True)) >= len(sources) - TIES


def test_what_there_is_no_memory_for_is_written_in_parts(
    device: str, config: Any, sources: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(config).to(device)
    expected, whole, sizes = write(model, config, sources, config.decoding), model.generate, []

    def generate(input_ids: Any, **options: Any) -> Any:
        sizes.append(len(input_ids))
        if len(input_ids) > 2:
            torch.empty(1 << 50, dtype=torch.uint8, device=device)  # a petabyte
        return whole(input_ids=input_ids, **options)

    monkeypatch.setattr(model, "generate", generate)
    found = write(model, config, sources, config.decoding)
    assert max(sizes) > 2 >= sizes[-1]
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= len(sources) - TIES


def test_auto_is_torch_and_bf16_writes(device: str, config: Any, sources: Any, tmp_path: Path) -> None:
    engine, model, warnings = open_on_gpu(config, sources, tmp_path / "a", precision="bf16")
    assert (engine.name, engine.device, engine.precision, warnings) == ("torch", device, "bf16", [])
    assert all(written.new_ids for written in write_all(engine, sources, config.decoding))
    assert not [name for name, p in model.named_parameters() if p.requires_grad and "lora_" not in name]


@pytest.mark.parametrize("settings", [{"precision": "int8"}, {"engine": "ctranslate2"}])
def test_ctranslate2_writes_on_the_gpu_or_says_why_not_and_torch_leaves_it(
    device: str, config: Any, sources: Any, tmp_path: Path, settings: dict[str, str]
) -> None:
    # On the GPU too, so that what its libraries keep for themselves is there before.
    expected = write(build(config, "lora").to(device), config, sources, config.decoding)
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    engine, model, warnings = open_on_gpu(config, sources, tmp_path / "a", **settings)
    assert engine.name == "ctranslate2"
    assert (engine.device == device) or any("cannot use the GPU" in warning for warning in warnings), warnings
    found = [written.new_ids for written in write_all(engine, sources, config.decoding)]
    # In int8 other words come here and there, but it is the same system: summaries begin alike.
    length = 1 if "precision" in settings else None
    same = sum(a[:length] == b[:length] for a, b in zip(found, expected, strict=True))
    assert same >= (len(sources) - TIES if length is None else len(sources) // 2)
    gc.collect()
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    assert torch.cuda.memory_allocated() <= before
