"""Every method of the table: trains what it should, counts right, saves, reloads, merges, resumes."""

import json
import math
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import TrainingPair, tokenize_pairs, tokenize_sources
from dialora.errors import ConfigError, Interrupted
from dialora.generation import generate
from dialora.methods import METHODS, LoRA, Method
from dialora.models.adapters import apply_method, load_system, merged, save_system
from dialora.models.counting import count_method, count_parameters
from dialora.models.loading import build_meta_model, load_base_model, load_tokenizer
from dialora.training import TrainingResult, train
from tests.conftest import build_experiment_values

OPTIONS: dict[str, dict[str, Any]] = {
    "last_layers": {"num_layers": 1},
    "peft": {"peft_type": "LOHA", "r": 8},
    "prompt_tuning": {"num_virtual_tokens": 7},
}
"""Options where the defaults do not fit a model this small, or there are none."""

TRAINED = [
    pytest.param(
        name, marks=pytest.mark.skipif(name == "qlora" and not find_spec("bitsandbytes"), reason="no bitsandbytes")
    )
    for name, method in METHODS.items()
    if method.trains
]
MERGEABLE = {name for name, method in METHODS.items() if method.is_mergeable}
V, D, INNER, F, H, BUCKETS = 400, 64, 128, 192, 8, 32
"""Vocabulary, d_model, d_kv · heads, d_ff, heads, buckets of the relative position bias."""
ENCODER, DECODER = 2, 1
"""Layers. An encoder layer has one attention and two norms, a decoder layer two and three."""


def build(name: str, **options: Any) -> Method:
    return METHODS[name](**(OPTIONS.get(name, {}) | options))


def expected_trainable(name: str) -> int:
    """Trainable parameters by hand."""
    attentions, forwards = ENCODER + 2 * DECODER, ENCODER + DECODER
    norms = (2 * ENCODER + 1 + 3 * DECODER + 1) * D
    bias = BUCKETS * H
    total = 2 * V * D + attentions * 4 * D * INNER + forwards * 3 * D * F + norms + 2 * bias
    decoder_layer = 2 * 4 * D * INNER + 3 * D * F + 3 * D
    queries_and_values = 2 * attentions
    lora = queries_and_values * 32 * (D + INNER)
    all_linear = 32 * (attentions * 4 * (D + INNER) + forwards * 3 * (D + F))
    by_hand = {
        "zero_shot": total,
        "full": total,
        "decoder": DECODER * decoder_layer + D + bias + V * D,
        "last_layers": decoder_layer + D + bias,  # the position bias lives in the first layer, here also the last
        "lora": lora,
        "rslora": lora,
        "lora_plus": lora,
        "pissa": lora,
        "olora": lora,
        "lora_fa": queries_and_values * 32 * INNER,
        "dora": lora + queries_and_values * INNER,
        "lora_decoder": 2 * 2 * DECODER * 32 * (D + INNER),
        "lora_all": all_linear,
        "qlora": all_linear,
        "adalora": 12 * (attentions * 4 * (D + INNER + 1) + forwards * 3 * (D + F + 1)),
        "vera": queries_and_values * (256 + INNER),
        "randlora": queries_and_values * (math.ceil(min(D, INNER) / 32) * (32 + min(D, INNER))),
        "oft": queries_and_values * (D // 32) * (32 * 31 // 2),
        "boft": queries_and_values * ((D // 8) * 8 * 8 + INNER),
        "ia3": 2 * attentions * INNER + forwards * F,
        "ln_tuning": norms,
        "prompt_tuning": 7 * D,
        "p_tuning": 20 * D + (D * 128 + 128) + (128 * 128 + 128) + (128 * D + D),
        "prefix_tuning": 20 * 2 * DECODER * INNER,
        # LoHa has two low-rank products per target.
        "peft": queries_and_values * 2 * 8 * (D + INNER),
    }
    return by_hand[name]


@pytest.fixture(scope="module")
def base(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> ExperimentConfig:
    """An experiment on a T5 in which no two sizes are alike: heads that do not add up to d_model, a shallow decoder."""
    from transformers import T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("odd")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / name, folder)
    torch.manual_seed(3)
    config = T5Config(
        vocab_size=V, d_model=D, d_kv=INNER // H, d_ff=F, num_layers=ENCODER, num_decoder_layers=DECODER, num_heads=H,
        relative_attention_num_buckets=BUCKETS, feed_forward_proj="gated-gelu", decoder_start_token_id=0,
        dropout_rate=0.0, tie_word_embeddings=False,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config)
    model._tied_weights_keys = {k: v for k, v in model._tied_weights_keys.items() if k != "lm_head.weight"}
    model.all_tied_weights_keys.pop("lm_head.weight", None)
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.05)
    model.save_pretrained(folder)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"tie_word_embeddings": False}))
    return load_experiment(build_experiment_values(folder, small_data))


@pytest.fixture(scope="module")
def pairs(base: ExperimentConfig) -> list[TrainingPair]:
    examples = load_dataset(base.data).train
    return tokenize_pairs(
        examples, load_tokenizer(base), prompt=base.prompt, max_source_length=48, max_target_length=16
    )


def run(
    base: ExperimentConfig,
    pairs: list[TrainingPair],
    method: Any,
    work: Path,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    **options: Any,
) -> tuple[Any, TrainingResult]:
    """Put a method on a fresh base and train it by dialora's own training."""
    torch.manual_seed(0)
    model = apply_method(load_base_model(base), method, key=method.name)
    training = TrainingConfig(**({"max_steps": 8, "precision": "fp32", "num_evaluations": 2} | options))
    result = train(
        model, pairs, pairs[:4], training, key=method.name, learning_rate=method.learning_rate, seed=0, pad_id=0,
        work=work, method=method, should_stop=should_stop,
    )  # fmt: skip
    return model, result


@dataclass
class Trained:
    """A method after some steps: its model, the weights before, and where it is saved."""

    method: Any
    model: Any
    result: TrainingResult
    before: dict[str, torch.Tensor]
    folder: Path


@pytest.fixture(scope="module", params=TRAINED)
def trained(request: Any, base: Any, pairs: Any, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    # Large enough a rate that eight steps show.
    method = build(request.param, learning_rate=0.05)
    torch.manual_seed(0)
    untrained = apply_method(load_base_model(base), method, key=method.name)
    before = {name: t.detach().clone() for name, t in untrained.state_dict().items()}
    model, result = run(base, pairs, method, tmp_path_factory.mktemp("work"))
    folder = tmp_path_factory.mktemp("saved")
    save_system(model, load_tokenizer(base), folder, base=base.model)
    return Trained(method, model.eval(), result, before, folder)


def logits(model: Any) -> torch.Tensor:
    """The model's logits on fixed inputs, without dropout."""
    model.eval()
    ids = torch.arange(10, 34).reshape(2, 12)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": ids[:, :5]}
    with torch.no_grad():
        return model(**inputs).logits


def summaries(base: ExperimentConfig, model: Any) -> list[str]:
    tokenizer, examples = load_tokenizer(base), list(load_dataset(base.data).test)
    sources = tokenize_sources([e.dialogue for e in examples], tokenizer, prompt=base.prompt, max_length=48)
    return [p.summary for p in generate(model, tokenizer, examples, sources, base.decoding)]


@pytest.mark.parametrize("name", METHODS)
def test_the_parameter_count_equals_the_formula(name: str, base: ExperimentConfig) -> None:
    assert count_method(base, build(name), key=name).trainable == expected_trainable(name)


def test_there_are_twenty_methods_and_each_says_where_it_comes_from() -> None:
    assert len(METHODS) >= 20
    assert len({method.label for method in METHODS.values()}) == len(METHODS)
    for name, method in METHODS.items():
        assert method.paper.startswith("https://")
        if method.trains:
            low, high = method.learning_rate_range
            assert low < method.model_fields["learning_rate"].default < high, name
            assert method.learning_rate_source


def test_a_real_model_counts_as_its_layout_does(trained: Trained, base: ExperimentConfig) -> None:
    on_meta = count_parameters(apply_method(build_meta_model(base), trained.method, key=trained.method.name))
    assert count_parameters(trained.model) == on_meta


def test_training_moves_only_the_methods_own_weights(trained: Trained) -> None:
    own = {name for name, p in trained.model.named_parameters(remove_duplicate=False) if p.requires_grad}
    assert own
    for name, value in trained.model.state_dict().items():
        assert torch.equal(value, trained.before[name]) is (name not in own), name
    assert trained.result.num_steps == 8
    assert trained.result.losses[-1] != trained.result.losses[0]


def test_saved_and_loaded_it_writes_the_same(trained: Trained, base: ExperimentConfig) -> None:
    loaded = load_system(base, trained.method, trained.folder)
    torch.testing.assert_close(logits(loaded), logits(trained.model), rtol=1e-4, atol=1e-4)
    assert summaries(base, loaded) == summaries(base, trained.model)
    assert not torch.allclose(logits(loaded), logits(load_base_model(base)), atol=1e-2)
    assert not list(trained.folder.glob("*.bin"))
    assert (trained.folder / "adapter_config.json").is_file() is trained.method.is_peft


def test_it_merges_where_it_says_so_and_the_base_comes_back_bit_for_bit(trained: Trained) -> None:
    model = trained.model
    expected = logits(model)
    before = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    for _ in range(2):
        with merged(model):
            torch.testing.assert_close(logits(model), expected, rtol=1e-3, atol=1e-3)
            changed = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
            assert bool(changed) is (trained.method.name in MERGEABLE)
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


RESUMED = ["decoder", "lora_plus", "lora_fa", "pissa", "adalora", "vera", "ia3", "prompt_tuning", "prefix_tuning"]


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_that_was_stopped_ends_like_an_undisturbed_one(name: str, base: Any, pairs: Any, tmp_path: Path) -> None:
    method = build(name)
    model, expected = run(base, pairs, method, tmp_path / "a")
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        run(base, pairs, method, tmp_path / "b", should_stop=lambda: next(steps) == 4)
    resumed, result = run(base, pairs, method, tmp_path / "b")
    assert (result.losses, result.validation) == (expected.losses, expected.validation)
    after = resumed.state_dict()
    assert all(torch.equal(after[weight], value) for weight, value in model.state_dict().items())
    assert torch.equal(logits(resumed), logits(model))


def test_lora_plus_moves_the_second_matrix_faster(base: ExperimentConfig) -> None:
    method: Any = build("lora_plus")
    model = apply_method(load_base_model(base), method, key="lora_plus")
    rates = {}
    for group in method.build_optimizer(model, learning_rate=1e-4, weight_decay=0.1).param_groups:
        for name, parameter in model.named_parameters():
            if any(parameter is p for p in group["params"]):
                rates[name.split(".")[-3]] = (group["lr"], group["weight_decay"])
    assert rates == {"lora_A": (1e-4, 0.1), "lora_B": (16e-4, 0.1)}


def test_adalora_spends_its_budget_and_saves_only_what_it_kept(base: Any, pairs: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    method = build("adalora", init_r=6, target_r=2, learning_rate=0.05)
    model, _ = run(base, pairs, method, tmp_path, max_steps=12)
    kept = model.peft_config["default"].rank_pattern
    targets = 4 * (ENCODER + 2 * DECODER) + 3 * (ENCODER + DECODER)
    assert len(kept) == targets
    # Scores that tie at the threshold may keep or drop one more.
    assert sum(map(sum, kept.values())) == pytest.approx(2 * targets, abs=2)
    assert len({sum(mask) for mask in kept.values()}) > 1
    save_system(model, load_tokenizer(base), tmp_path / "saved", base=base.model)
    saved = load_file(tmp_path / "saved" / "adapter_model.safetensors")
    assert sum(t.shape[0] for name, t in saved.items() if "lora_A" in name) == sum(map(sum, kept.values()))


def test_adaloras_penalty_is_not_in_the_validation_loss(base: Any, pairs: Any, tmp_path: Path) -> None:
    method = build("adalora", orth_reg_weight=0.5)
    model, result = run(base, pairs, method, tmp_path, num_evaluations=1)
    with_penalty = model.peft_config["default"].orth_reg_weight
    total = tokens = 0.0
    with torch.no_grad(), ExitStack() as stack:
        stack.enter_context(method.validating(model.eval()))
        for pair in pairs[:4]:
            labels = torch.tensor([pair.labels])
            total += float(model(input_ids=torch.tensor([pair.input_ids]), labels=labels).loss) * labels.numel()
            tokens += labels.numel()
    assert with_penalty == 0.5
    assert result.validation[-1][1] == pytest.approx(total / tokens, rel=1e-4)
    # The training loss has it: with random singular vectors it is far above ln(vocabulary).
    assert result.losses[0] > result.validation[-1][1] + 0.1


@pytest.mark.parametrize("name", ["pissa", "olora"])
def test_an_adapter_that_changed_the_base_is_saved_as_plain_lora(name: str, base: Any, tmp_path: Path) -> None:
    model = apply_method(load_base_model(base), build(name), key=name)
    changed = dict(model.named_parameters())[
        "base_model.model.decoder.block.0.layer.0.SelfAttention.q.base_layer.weight"
    ]
    original = load_base_model(base).decoder.block[0].layer[0].SelfAttention.q.weight
    assert not torch.allclose(changed, original, atol=1e-3)
    save_system(model, load_tokenizer(base), tmp_path, base=base.model)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["init_lora_weights"], config["r"], config["lora_alpha"]) == (True, 64, 64)
    # Untrained, it is the base model again.
    torch.testing.assert_close(
        logits(load_system(base, build(name), tmp_path)), logits(load_base_model(base)), rtol=1e-4, atol=1e-4
    )


def test_merging_is_undone_when_generation_fails(base: ExperimentConfig) -> None:
    model: Any = apply_method(load_base_model(base), LoRA(), key="lora")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    with pytest.raises(RuntimeError, match="broken"), merged(model):
        raise RuntimeError("broken")
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_all_linear_is_every_linear_layer_but_the_head(base: ExperimentConfig) -> None:
    model: Any = apply_method(load_base_model(base), build("lora_all"), key="lora_all")
    assert model.peft_config["default"].target_modules == {"q", "k", "v", "o", "wi_0", "wi_1", "wo"}


@pytest.mark.parametrize("targets", [("wi",), ("q", "wi"), ("query",)])
@pytest.mark.parametrize("name", ["lora", "lora_decoder", "adalora", "vera", "oft", "ia3", "peft"])
def test_a_target_that_matches_nothing_lists_what_is_there(
    name: str, targets: tuple[str, ...], base: ExperimentConfig
) -> None:
    options: dict[str, Any] = {"feedforward_modules": ()} if name == "ia3" else {}
    given = list(targets) if name == "peft" else targets
    with pytest.raises(ConfigError) as caught:
        apply_method(load_base_model(base), build(name, target_modules=given, **options), key="mine")
    assert f"methods.mine.target_modules: {targets[-1]!r} matches no linear layer" in str(caught.value)
    assert "Found: k, o, q, v, wi_0, wi_1, wo." in str(caught.value)


def test_a_head_that_is_the_embedding_too_is_no_target(base: ExperimentConfig, tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    tied = T5Config(vocab_size=400, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, decoder_start_token_id=0)
    T5ForConditionalGeneration(tied).save_pretrained(tmp_path)
    model = load_base_model(base.model_copy(update={"model": str(tmp_path)}))
    with pytest.raises(ConfigError, match="its embedding too"):
        apply_method(model, LoRA(target_modules=("q", "lm_head")), key="lora")
    apply_method(load_base_model(base), LoRA(target_modules=("q", "lm_head")), key="lora")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pissa", {"r": 65}, "methods.mine.r: 65 is more than the 64 ranks of"),
        ("oft", {"oft_block_size": 5}, "methods.mine.oft_block_size: 5 does not divide the 64 inputs of q"),
        ("last_layers", {"num_layers": 3}, "methods.mine.num_layers: 3 is more than the decoder's 1"),
        ("peft", {"peft_type": "LOHAA"}, "PEFT has no 'LOHAA'; did you mean 'LOHA'?"),
        ("peft", {"peft_type": "XLORA"}, "it mixes adapters that are trained already"),
        ("peft", {"peft_type": "LOHA", "rr": 3}, "methods.mine.rr: LOHA has no such option; did you mean 'r'?"),
        ("peft", {"peft_type": "LOHA", "r": "many"}, "methods.mine.r: Input should be a valid integer"),
        ("peft", {"peft_type": "HRA", "r": 0}, "methods.mine: PEFT says: "),
        ("peft", {"peft_type": "LORA", "init_lora_weights": "pissa"}, "or the methods pissa and olora"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(
    name: str, options: dict[str, Any], message: str, base: ExperimentConfig
) -> None:
    given = options if name == "peft" and "peft_type" in options else OPTIONS.get(name, {}) | options
    if name == "peft":
        given = {"r": 8} | given if given["peft_type"] != "XLORA" else given
    with pytest.raises(ConfigError) as caught:
        apply_method(load_base_model(base), METHODS[name](**given), key="mine")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "peft_type", ["LOKR", "HRA", "DELORA", "FOURIERFT", "LILY", "OSF", "BEFT", "GRALORA", "TINYLORA"]
)
def test_other_tuners_of_peft_train_reload_and_keep_the_base(
    peft_type: str, base: Any, pairs: Any, tmp_path: Path
) -> None:
    method = METHODS["peft"](peft_type=peft_type, learning_rate=0.01)
    model, _ = run(base, pairs, method, tmp_path)
    save_system(model, load_tokenizer(base), tmp_path / "saved", base=base.model)
    expected = logits(model)
    torch.testing.assert_close(logits(load_system(base, method, tmp_path / "saved")), expected, rtol=1e-4, atol=1e-4)
    before = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    with merged(model):
        torch.testing.assert_close(logits(model), expected, rtol=1e-2, atol=1e-2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_prefix_tuning_and_gradient_checkpointing_exclude_each_other(base: ExperimentConfig) -> None:
    with pytest.raises(ConfigError, match=r"methods\.prefix_tuning: .*does not work with training\.gradient_checkp"):
        load_experiment(base, {"methods.prefix_tuning": {}, "training.gradient_checkpointing": True})


def test_without_bitsandbytes_qlora_says_what_to_install(
    base: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialora.methods.quantized.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"QLoRA needs bitsandbytes.*pip install bitsandbytes"):
        apply_method(load_base_model(base), build("qlora"), key="qlora")
