"""A checkpoint of FLAN-T5-base's size and layout, with random weights: what tiny models cannot show."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import tokenize_pairs
from dialora.models.adapters import apply_method, load_adapter, merged, save_system
from dialora.models.counting import count_parameters
from dialora.models.loading import build_meta_model, load_base_model, load_tokenizer
from dialora.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExperimentConfig]:
    """The notebook's experiment on a random checkpoint saved as plain transformers saves it, untied."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("flan")
    for path in (real_data / "flan-t5-base").iterdir():
        shutil.copy(path, folder / path.name)
    layout = load_experiment("seed", {"model": str(folder), "data.source": "bundled"})
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.ones(value.shape)
        if "layer_norm" in name
        else torch.randn(value.shape, generator=generator) * (1.0 if "shared" in name else 0.03)
        for name, value in build_meta_model(layout).state_dict().items()
        if not name.endswith("embed_tokens.weight")
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    del weights
    yield layout
    shutil.rmtree(folder)


def test_load_lora_train_save_load_with_plain_peft(config: ExperimentConfig, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSeq2SeqLM

    base = load_base_model(config)
    assert count_parameters(base).total == 247_577_856
    head = base.lm_head.weight.detach().clone()
    model: Any = apply_method(base, config.methods["lora"], key="lora")
    assert (count_parameters(model).trainable, count_parameters(model).total) == (3_538_944, 251_116_800)
    tokenizer = load_tokenizer(config)
    pairs = tokenize_pairs(
        load_dataset(config.data).train[:8], tokenizer, prompt=config.prompt, max_source_length=64, max_target_length=16
    )
    training = TrainingConfig(max_steps=3, per_device_train_batch_size=2, warmup_ratio=0)
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    train(model, pairs, [], training, key="lora", learning_rate=1e-2, seed=0, pad_id=0, work=tmp_path / "work")
    assert all(not torch.equal(p, before[n]) for n, p in model.named_parameters() if p.requires_grad)
    with merged(model):
        pass
    assert torch.equal(model.get_base_model().lm_head.weight, head)
    save_system(model, tokenizer, tmp_path / "adapter", base=config.model)
    ids = torch.arange(100, 140).reshape(2, 20)
    inputs = {"input_ids": ids, "decoder_input_ids": ids[:, :6]}
    with torch.no_grad():
        ours = model.eval()(**inputs).logits
    del model, base
    plain = PeftModel.from_pretrained(AutoModelForSeq2SeqLM.from_pretrained(config.model), tmp_path / "adapter").eval()
    with torch.no_grad():
        torch.testing.assert_close(plain(**inputs).logits, ours, rtol=1e-4, atol=1e-4)
    assert not torch.equal(plain.get_base_model().lm_head.weight, plain.get_base_model().shared.weight)


def test_somebody_elses_adapter_loads(config: ExperimentConfig, real_data: Path) -> None:
    model: Any = load_adapter(load_base_model(config), real_data / "lora-adapter-flan-t5-base-r8")
    assert count_parameters(model).total == 247_577_856 + 884_736
    trained = {n: p for n, p in model.named_parameters() if "lora_B" in n}
    assert len(trained) == 72
    assert all(p.abs().sum() > 0 for p in trained.values())
