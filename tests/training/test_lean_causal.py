"""The lean step of Llama-like models: losses, gradients and weights of the plain forward, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from torch import nn
from torch.nn import functional
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from dialora.store import names
from dialora.training.lean import lean, split_batch
from dialora.training.lean.causal_kernels import BLOCK, apply_lora, attend, gate_linear_unit, rotate
from dialora.training.lean.kernels import LEVELS

SIZES: dict[str, Any] = {
    "vocab_size": 120, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
UNTIED = "llama, biases, untied"
FAMILIES: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=True)),
    UNTIED: lambda: LlamaForCausalLM(LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True)),
    "llama, gelu": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, hidden_act="gelu")),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=None)),
    "mistral, window": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=7)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=16)),
    "smollm3": lambda: SmolLM3ForCausalLM(SmolLM3Config(**SIZES, no_rope_layers=[1, 0])),
}
METHODS: dict[str, Any] = {
    "full": None,
    "lora": LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules="all-linear"),
    "lora, bias": LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"], lora_bias=True),
    "lora on the head": LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["o_proj", "lm_head"]),
    "dora": LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "up_proj"], use_dora=True),
    "prompt": PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
    "prefix": PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
}
Batch = dict[str, torch.Tensor]


def build(family: str = "llama", method: str = "lora", *, dropout: float = 0.0) -> Any:
    torch.manual_seed(0)
    model = FAMILIES[family]()
    config = METHODS[method]
    if config is not None:
        if isinstance(config, LoraConfig):
            config.lora_dropout = dropout
        model = get_peft_model(model, config)
    model.config.use_cache = False
    for name, parameter in model.named_parameters():  # an update that is 0 would hide what it should do
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    return model.train()


@pytest.fixture
def batches() -> list[Batch]:
    """Prompts of 3 to 150 tokens with summaries of 2 to 6, padded on the right."""
    made = []
    generator = torch.Generator().manual_seed(1)
    for lengths in ([(9, 3), (5, 4), (3, 2)], [(150, 6), (70, 5)], [(20, 2)]):
        longest = max(map(sum, lengths))
        ids = torch.randint(3, 120, (len(lengths), longest), generator=generator)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for row, (source, target) in enumerate(lengths):
            mask[row, : source + target] = 1
            labels[row, source : source + target] = ids[row, source : source + target]
        made.append({"input_ids": ids * mask, "attention_mask": mask, "labels": labels})
    return made


def loss_of(model: Any, batch: Batch, precision: str = "fp32") -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        return model(**batch).loss.float()


def leaner(model: Any, work: Path, precision: str, *, is_lean: bool) -> Any:
    return lean(model, precision=precision, work=work) if is_lean else nullcontext()


def find_gradients(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss_of(model, batch).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad and p.grad is not None}


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_losses_and_gradients_are_those_of_the_plain_forward(
    family: str, method: str, batches: list[Batch], tmp_path: Path
) -> None:
    model = build(family, method)
    for batch in batches:
        loss, expected = loss_of(model, batch), find_gradients(model, batch)
        with lean(model, precision="fp32", work=tmp_path):
            torch.testing.assert_close(loss_of(model, batch), loss, rtol=1e-5, atol=1e-6)
            found = find_gradients(model, batch)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=2e-6, msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_of_every_family_is_leaner(family: str, tmp_path: Path) -> None:
    model = build(family)
    before = {id(module): type(module) for module in model.modules()}
    with lean(model, precision="fp32", work=tmp_path):
        changed = [before[id(module)].__name__ for module in model.modules() if type(module) is not before[id(module)]]
    layers = SIZES["num_hidden_layers"]
    assert sum(name.endswith("Attention") for name in changed) == layers
    assert sum(name.endswith("MLP") for name in changed) == layers
    assert sum(name.endswith("RMSNorm") for name in changed) >= 2 * layers + 1
    assert changed.count("Linear") == 7 * layers
    assert sum(name.endswith("ForCausalLM") and "Peft" not in name for name in changed) == 1


def train(model: Any, batches: list[Batch], work: Path, precision: str, *, is_lean: bool) -> list[float]:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    with leaner(model, work, precision, is_lean=is_lean):
        for _ in range(6):
            for batch in batches:
                loss = loss_of(model, batch, precision)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 2e-5), ("bf16", 6e-3)])
def test_trajectories_are_those_of_the_plain_step(
    method: str, precision: str, tolerance: float, batches: list[Batch], tmp_path: Path
) -> None:
    family = UNTIED if method in ("lora, bias", "lora on the head") else "llama"
    plain, model, untouched = (build(family, method) for _ in range(3))
    expected = train(plain, batches, tmp_path, precision, is_lean=False)
    found = train(model, batches, tmp_path, precision, is_lean=True)
    assert found == pytest.approx(expected, rel=tolerance)
    assert found[-1] != found[2]
    assert [type(m) for m in model.modules()] == [type(m) for m in untouched.modules()]
    frozen = {name: p for name, p in untouched.named_parameters() if not p.requires_grad}
    assert all(torch.equal(p, frozen[name]) for name, p in model.named_parameters() if name in frozen)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.config._attn_implementation == untouched.config._attn_implementation
    assert not list(tmp_path.rglob(names.FROZEN_WEIGHTS))


def test_a_mask_that_is_not_of_right_padding_is_heard(batches: list[Batch], tmp_path: Path) -> None:
    model, batch = build(), batches[0]
    batch["attention_mask"] = batch["attention_mask"].clone()
    batch["attention_mask"][:, :2] = 0
    expected = loss_of(model, batch).detach()
    with lean(model, precision="fp32", work=tmp_path), torch.no_grad():
        torch.testing.assert_close(loss_of(model, batch), expected)
        ignored = loss_of(model, batch | {"attention_mask": torch.ones_like(batch["attention_mask"])})
    assert float(ignored) != pytest.approx(float(expected), rel=1e-4)


def test_logits_are_made_where_there_are_labels_alone(batches: list[Batch], tmp_path: Path) -> None:
    model, sizes = build(), []
    with lean(model, precision="fp32", work=tmp_path), torch.autograd.graph.saved_tensors_hooks(
        lambda t: sizes.append((t.shape, t.numel())) or t, lambda t: t
    ):  # fmt: skip
        loss_of(model, batches[1])
    vocabulary = SIZES["vocab_size"]
    assert not [shape for shape, _ in sizes if vocabulary in shape and batches[1]["input_ids"].shape[1] in shape]


def test_without_labels_a_model_says_what_it_says_otherwise(batches: list[Batch], tmp_path: Path) -> None:
    model = build().eval()
    inputs = {key: value for key, value in batches[0].items() if key != "labels"}
    with torch.no_grad():
        expected, written = model(**inputs).logits, model.generate(**inputs, max_new_tokens=5, do_sample=False)
        with lean(model, precision="fp32", work=tmp_path):
            at = inputs["attention_mask"].bool()
            torch.testing.assert_close(model(**inputs).logits[at], expected[at], rtol=1e-4, atol=1e-5)
            assert torch.equal(model.generate(**inputs, max_new_tokens=5, do_sample=False), written)


def test_activation_checkpointing_gives_the_same_gradients(batches: list[Batch], tmp_path: Path) -> None:
    model = build(dropout=0.2)
    with lean(model, precision="fp32", work=tmp_path):
        torch.manual_seed(3)
        expected = find_gradients(model, batches[1])
        model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
        torch.manual_seed(3)
        found = find_gradients(model, batches[1])
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, msg=name)


def test_adapters_that_are_switched_off_are_not_heard(batches: list[Batch], tmp_path: Path) -> None:
    model = build()
    with model.disable_adapter():
        expected = loss_of(model, batches[0]).detach()
    with lean(model, precision="fp32", work=tmp_path), torch.no_grad():
        assert float(loss_of(model, batches[0])) != pytest.approx(float(expected), rel=1e-4)
        with model.disable_adapter():
            torch.testing.assert_close(loss_of(model, batches[0]), expected)


def compare(found: torch.Tensor, expected: torch.Tensor, inputs: list[torch.Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(5))
    made = [torch.autograd.grad((each * weights).sum(), inputs) for each in (found, expected)]
    for gradient, other in zip(*made, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [1, BLOCK, 2 * BLOCK + 5])
def test_attention_over_shared_keys_is_that_of_the_formula(length: int) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 2, length, *s, requires_grad=True) for s in ((3, 8), (8,), (8,)))
    scores = torch.einsum("bksgd,bktd->bkgst", query, key)
    scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), float("-inf"))
    expected = torch.einsum("bkgst,bktd->bksgd", scores.softmax(-1), value)
    compare(attend(query, key, value), expected, [query, key, value])


def test_rotation_turns_both_halves_of_a_head() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 2, 3, 8, requires_grad=True)
    cos, sin = torch.randn(2, 1, 1, 5, 1, 8)
    ahead = x.transpose(1, 2)
    turned = torch.cat([-ahead[..., 4:], ahead[..., :4]], dim=-1)
    compare(rotate(x, cos, sin), ahead * cos + turned * sin, [x])


def test_the_gated_unit_is_that_of_the_formula() -> None:
    torch.manual_seed(0)
    gate, up = torch.randn(2, 3, 150, 7, requires_grad=True)
    compare(gate_linear_unit(gate, up), functional.silu(gate) * up, [gate, up])


@pytest.mark.parametrize("level", [0, 60])
@pytest.mark.parametrize("has_bias", [False, True])
def test_lora_in_one_piece_is_that_of_the_formula(level: int, has_bias: bool) -> None:
    torch.manual_seed(0)
    x, a, b = (torch.randn(shape, requires_grad=True) for shape in ((2, 9, 6), (3, 6), (5, 3)))
    weight, bias = torch.randn(5, 6), torch.randn(5) if has_bias else None
    torch.manual_seed(7)
    found = apply_lora(x, weight, bias, a, b, scaling=1.5, level=level)
    # The same draw, seen through an update that shows what it reads.
    torch.manual_seed(7)
    ones, eye = torch.ones(2, 9, 6), torch.eye(6)
    kept = apply_lora(ones, torch.zeros(6, 6), None, eye, eye, scaling=1.0, level=level)
    assert float(kept.max()) == pytest.approx(LEVELS / (LEVELS - level))
    assert bool((kept == 0).any()) == bool(level)
    compare(found, functional.linear(x, weight, bias) + 1.5 * (x * kept) @ a.T @ b.T, [x, a, b])


def test_a_step_in_micro_batches_is_the_same_step(batches: list[Batch], tmp_path: Path) -> None:
    model, batch = build(), batches[0]
    tokens = (batch["labels"] != -100).sum()
    expected = find_gradients(model, batch)
    with lean(model, precision="fp32", work=tmp_path):
        model.zero_grad()
        pieces = split_batch(batch, 14)
        for piece in pieces:
            assert piece["labels"].shape == piece["input_ids"].shape
            (loss_of(model, piece) * ((piece["labels"] != -100).sum() / tokens)).backward()
    assert [len(piece["labels"]) for piece in pieces] == [1, 1, 1]
    assert sum(int((piece["labels"] != -100).sum()) for piece in pieces) == int(tokens)
    for name, gradient in expected.items():
        parameter = dict(model.named_parameters())[name]
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=2e-6, msg=name)
