"""Every method of the table: trains what it should, counts right, saves, reloads, merges."""

from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError
from dialora.methods import METHODS, LoRA
from dialora.model import (
    apply_method,
    build_meta_model,
    count_parameters,
    load_base_model,
    load_system,
    load_tokenizer,
    merged,
    save_system,
)

TRAINED = [name for name, method in METHODS.items() if method.trains]
MERGEABLE = [name for name, method in METHODS.items() if method.is_mergeable]


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


def expected_trainable(name: str, config: Any) -> int:
    """Trainable parameters by hand, from the sizes of a one-layer T5."""
    d, inner, ff, vocab = config.d_model, config.d_kv * config.num_heads, config.d_ff, config.vocab_size
    attention, norms = 4 * d * inner, d
    encoder = attention + 3 * d * ff + 2 * norms + config.relative_attention_num_buckets * config.num_heads
    decoder = 2 * attention + 3 * d * ff + 3 * norms + config.relative_attention_num_buckets * config.num_heads
    total = 2 * vocab * d + encoder + decoder + 2 * norms
    # q and v in one self-attention of the encoder, two attentions of the decoder.
    by_hand = {"zero_shot": total, "full": total, "lora": 3 * 2 * LoRA().r * (d + inner)}
    return by_hand[name]


def step(model: Any) -> None:
    """Take one optimizer step on nonsense, as training would."""
    torch.manual_seed(1)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.1)
    for _ in range(2):  # LoRA's B starts at zero, so A moves only from the second step on
        ids = torch.arange(5, 25).reshape(2, 10)
        model(input_ids=ids, labels=ids.flip(1)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def logits(model: Any) -> torch.Tensor:
    """The model's logits on fixed inputs, without dropout."""
    model.eval()
    ids = torch.arange(10, 34).reshape(2, 12)
    with torch.no_grad():
        return model(input_ids=ids, decoder_input_ids=ids[:, :5]).logits


@pytest.mark.parametrize("name", METHODS)
def test_the_parameter_count_equals_the_formula(name: str, config: ExperimentConfig) -> None:
    model = apply_method(load_base_model(config), METHODS[name](), key=name)
    on_meta = apply_method(build_meta_model(config), METHODS[name](), key=name)
    base: Any = model.config
    assert count_parameters(model).trainable == expected_trainable(name, base)
    assert count_parameters(on_meta) == count_parameters(model)


@pytest.mark.parametrize("name", TRAINED)
def test_training_moves_only_the_methods_own_weights(name: str, config: ExperimentConfig) -> None:
    model = apply_method(load_base_model(config), METHODS[name](), key=name)
    before = {n: (p.requires_grad, p.detach().clone()) for n, p in model.named_parameters()}
    step(model)
    for weight, parameter in model.named_parameters():
        was_trainable, value = before[weight]
        assert torch.equal(value, parameter) is not was_trainable, weight


@pytest.mark.parametrize("name", TRAINED)
def test_saved_and_loaded_it_computes_the_same(name: str, config: ExperimentConfig, tmp_path: Path) -> None:
    model = apply_method(load_base_model(config), METHODS[name](), key=name)
    untrained = logits(model)
    model.train()
    step(model)
    trained = logits(model)
    save_system(model, load_tokenizer(config), tmp_path, base=config.model)
    loaded = load_system(config, METHODS[name](), tmp_path)
    assert not torch.equal(trained, untrained)
    assert torch.equal(logits(loaded), trained)
    assert not list(tmp_path.glob("*.bin"))


@pytest.mark.parametrize("name", MERGEABLE)
def test_merged_equals_unmerged_and_the_base_comes_back_bit_for_bit(name: str, config: ExperimentConfig) -> None:
    model = apply_method(load_base_model(config), METHODS[name](), key=name)
    step(model)
    expected = logits(model)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    for _ in range(2):
        with merged(model):
            torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-4)
            changed = [n for n, p in model.named_parameters() if not torch.equal(p, before[n])]
            assert changed
        assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_merging_is_undone_when_generation_fails(config: ExperimentConfig) -> None:
    model = apply_method(load_base_model(config), LoRA(), key="lora")
    step(model)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    with pytest.raises(RuntimeError, match="broken"), merged(model):
        raise RuntimeError("broken")
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


@pytest.mark.parametrize("targets", [("wi",), ("q", "wi"), ("query",)])
def test_a_target_that_matches_nothing_lists_what_is_there(targets: tuple[str, ...], config: ExperimentConfig) -> None:
    with pytest.raises(ConfigError) as caught:
        apply_method(load_base_model(config), LoRA(target_modules=targets), key="lora")
    assert f"{targets[-1]!r} matches no linear layer" in str(caught.value)
    assert "Found: k, o, q, v, wi_0, wi_1, wo." in str(caught.value)


def test_a_head_that_is_the_embedding_too_is_no_target(config: ExperimentConfig, tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    tied = T5Config(vocab_size=400, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, decoder_start_token_id=0)
    T5ForConditionalGeneration(tied).save_pretrained(tmp_path)
    model = load_base_model(config.model_copy(update={"model": str(tmp_path)}))
    with pytest.raises(ConfigError, match="its embedding too"):
        apply_method(model, LoRA(target_modules=("q", "lm_head")), key="lora")
    apply_method(load_base_model(config), LoRA(target_modules=("q", "lm_head")), key="lora")
