"""Every kind of base model: trains what it should, saves, reloads anywhere, merges, counts right, resumes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import TrainingPair, tokenize_pairs, tokenize_sources
from dialora.errors import Interrupted, ModelError
from dialora.generation import generate
from dialora.methods import METHODS
from dialora.models.adapters import apply_method, load_system, merged, save_system
from dialora.models.bases import build_prompt, settle
from dialora.models.counting import count_method, count_parameters
from dialora.models.families import FAMILIES
from dialora.models.loading import build_meta_model, check_weights, load_base_model, load_tokenizer
from dialora.training import TrainingResult, train
from tests.conftest import build_experiment_values
from tests.models.families.tiny import CAUSAL, SIZE, build_folder

ENCODER_DECODERS = ("bart", "mbart", "pegasus", "mt5", "umt5", "longt5", "t5gemma")
KINDS = (*CAUSAL, *ENCODER_DECODERS)
CHATTING = ("llama", "qwen3")
"""Those built with a chat template."""
D, F, KV = 32, 48, 16
"""Width, the feed-forward's, and that of keys in models whose heads share them."""


@dataclass
class Base:
    """A base with its data tokenized."""

    kind: str
    config: ExperimentConfig
    pairs: list[TrainingPair]

    def summarize(self, model: Any, *, one_by_one: bool = False) -> list[str]:
        tokenizer, examples = load_tokenizer(self.config), list(load_dataset(self.config.data).test)
        prompt = build_prompt(self.config, tokenizer)
        sources = tokenize_sources([e.dialogue for e in examples], tokenizer, prompt=prompt, max_length=60)
        size = 1 if one_by_one else len(examples)
        starts = range(0, len(examples), size)
        parts = [(examples[at : at + size], sources[at : at + size]) for at in starts]
        decoding = self.config.decoding
        return [p.summary for some, read in parts for p in generate(model, tokenizer, some, read, decoding)]


QUICK = ("llama", "gpt2", "bart", "mt5")
"""Of those that are built alike, one."""


@pytest.fixture(
    scope="module", params=[kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def base(request: Any, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return build_base(request.param, small_data, tmp_path_factory.mktemp("base"))


def build_base(kind: str, data: Path, folder: Path, **options: Any) -> Base:
    build_folder(kind, folder, chat=kind in CHATTING, **options)
    config = settle(load_experiment(build_experiment_values(folder, data)))
    tokenizer = load_tokenizer(config)
    prompt = build_prompt(config, tokenizer)
    examples = load_dataset(config.data).train[:12]
    return Base(
        kind,
        config,
        tokenize_pairs(examples, tokenizer, prompt=prompt, max_source_length=60, max_target_length=16),
    )


def compute_logits(base: Base, model: Any) -> torch.Tensor:
    """The logits on fixed tokens."""
    ids = torch.arange(10, 34).reshape(2, 12)
    apart = {} if FAMILIES[base.kind].is_causal else {"decoder_input_ids": ids[:, :5]}
    with torch.no_grad():
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), **apart).logits


def run(
    base: Base, name: str, work: Path, *, should_stop: Callable[[], bool] = lambda: False, **options: Any
) -> tuple[Any, TrainingResult, Any]:
    method: Any = METHODS[name](**options)
    torch.manual_seed(0)
    model = apply_method(load_base_model(base.config), method, key=name)
    training = TrainingConfig(max_steps=6, precision="fp32", num_evaluations=2, per_device_train_batch_size=4)
    result = train(
        model, base.pairs, base.pairs[:4], training, key=name, learning_rate=0.02, seed=0,
        pad_id=load_tokenizer(base.config).pad_token_id, work=work, method=method, should_stop=should_stop,
    )  # fmt: skip
    return model.eval(), result, method


@pytest.mark.parametrize("name", ["full", "lora"])
def test_it_trains_saves_and_writes_the_same_anywhere(base: Base, name: str, tmp_path: Path) -> None:
    before = apply_method(load_base_model(base.config), METHODS[name](), key=name).state_dict()
    before = {key: tensor.clone() for key, tensor in before.items()}
    model, result, method = run(base, name, tmp_path / "work")
    own = {key for key, p in model.named_parameters(remove_duplicate=False) if p.requires_grad}
    for key, tensor in model.state_dict().items():
        if key not in own:
            assert torch.equal(tensor, before[key]) or "lora_" in key, key
    assert result.losses[-1] < result.losses[0]
    folder = tmp_path / "saved"
    save_system(model, load_tokenizer(base.config), folder, base=base.config.model)
    expected = base.summarize(model)
    again = load_system(base.config, method, folder)
    assert base.summarize(again) == expected
    assert base.summarize(again, one_by_one=True) == expected
    untrained = compute_logits(base, load_base_model(base.config))
    assert not torch.allclose(compute_logits(base, model), untrained, atol=1e-2)
    if base.kind != "umt5":  # whose outputs transformers 5 scales where the head is apart and they should not be
        assert base.summarize(load_plainly(base, folder, is_adapter=name == "lora")) == expected


def load_plainly(base: Base, folder: Path, *, is_adapter: bool) -> Any:
    """Load what was saved with transformers and PEFT alone."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    kind = AutoModelForCausalLM if FAMILIES[base.kind].is_causal else AutoModelForSeq2SeqLM
    if is_adapter:
        return PeftModel.from_pretrained(kind.from_pretrained(base.config.model), folder)
    return kind.from_pretrained(folder)


def test_it_merges_and_the_base_comes_back_bit_for_bit(base: Base, tmp_path: Path) -> None:
    model, _, _ = run(base, "lora_all", tmp_path)
    expected, before = compute_logits(base, model), {key: t.clone() for key, t in model.state_dict().items()}
    with merged(model):
        assert any(not torch.equal(t, before[key]) for key, t in model.state_dict().items())
        torch.testing.assert_close(compute_logits(base, model), expected, rtol=1e-3, atol=1e-3)
    assert all(torch.equal(t, before[key]) for key, t in model.state_dict().items())


def test_a_run_that_was_stopped_ends_like_an_undisturbed_one(base: Base, tmp_path: Path) -> None:
    model, expected, _ = run(base, "lora", tmp_path / "a")
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        run(base, "lora", tmp_path / "b", should_stop=lambda: next(steps) == 2)
    resumed, result, _ = run(base, "lora", tmp_path / "b")
    assert (result.losses, result.validation) == (expected.losses, expected.validation)
    after = resumed.state_dict()
    assert all(torch.equal(after[key], value) for key, value in model.state_dict().items())


def expected_lora(kind: str) -> int:
    """Parameters of LoRA with rank 4 on queries and values, by hand."""
    if kind in ("gpt2", "gpt_neox"):
        return 2 * 4 * (D + 3 * D)
    if kind == "phi3":
        return 2 * 4 * (D + D + 2 * KV)
    if kind in CAUSAL:
        return 2 * 4 * ((D + D) + (D + KV))
    if kind == "t5gemma":
        return (2 + 2 * 2) * 4 * ((D + D) + (D + KV))  # as many decoder layers, which read twice
    return (2 + 2) * 2 * 4 * (D + D)  # two encoder layers; the decoder's one layer reads itself and the encoder


def test_the_parameter_count_equals_the_formula_and_needs_no_weights(base: Base) -> None:
    method = METHODS["lora"](r=4)  # type: ignore[call-arg]
    count = count_method(base.config, method, key="lora")
    assert count.trainable == expected_lora(base.kind)
    assert count == count_parameters(apply_method(load_base_model(base.config), method, key="lora"))
    whole = count_method(base.config, METHODS["full"](), key="full")
    fixed = 2 * 512 * D if base.kind == "pegasus" else 0  # its positions are sines
    assert whole.trainable == whole.total - fixed == load_base_model(base.config).num_parameters() - fixed


@pytest.mark.parametrize("kind", ["llama", pytest.param("t5gemma", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.trains and n not in ("qlora", "full", "lora")])
def test_every_method_trains_it_and_is_there_again(kind: str, name: str, small_data: Path, tmp_path: Path) -> None:
    base = build_base(kind, small_data, tmp_path / "base")
    options: dict[str, Any] = {
        "last_layers": {"num_layers": 1},
        "peft": {"peft_type": "LOHA", "r": 4},
        "prompt_tuning": {"num_virtual_tokens": 3},
        "oft": {"oft_block_size": 8},
        "lora_fa": {"r": 4},
    }.get(name, {})
    if name in ("pissa", "olora"):
        options = {"r": 4}
    model, result, method = run(base, name, tmp_path / "work", **options)
    torch.manual_seed(0)
    before = apply_method(load_base_model(base.config), method, key=name).state_dict()
    own = {key for key, p in model.named_parameters(remove_duplicate=False) if p.requires_grad}  # a tied head too
    moved = {key for key, tensor in model.state_dict().items() if not torch.equal(tensor, before[key])}
    assert moved
    assert moved <= own
    assert result.losses[-1] != result.losses[0]
    save_system(model, load_tokenizer(base.config), tmp_path / "saved", base=base.config.model)
    again = load_system(base.config, method, tmp_path / "saved")
    assert base.summarize(again) == base.summarize(model) == base.summarize(again, one_by_one=True)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bart", "mt5"])
def test_weights_that_are_not_the_configs_are_refused(kind: str, small_data: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = build_base(kind, small_data, tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    name = next(key for key, weight in weights.items() if weight.dim() == 2 and ("layer" in key or ".h." in key))
    changed = {
        "missing": {key: w for key, w in weights.items() if key != name},
        "another shape": weights | {name: weights[name][:-1].contiguous()},
        "no place": weights | {f"{name}.more": weights[name].clone()},
        "not finite": weights | {name: weights[name] * float("nan")},
    }
    for said, broken in changed.items():
        save_file(broken, file, metadata={"format": "pt"})
        with pytest.raises(ModelError, match=said) as caught:
            load_base_model(base.config)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("key", "value"),
    [("auto_map", {"AutoModel": "x.y"}), ("quantization_config", {"bits": 4}), ("attn_implementation", "a/b")],
)
def test_no_kind_takes_a_config_that_steers_loading(
    kind: str, key: str, value: Any, tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, key: value}))
    config = load_experiment(build_experiment_values(tmp_path, small_data))
    with pytest.raises(ModelError, match=key):
        build_meta_model(config)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000, not a whole number from 1 to 256"),
        ({"vocab_size": None}, "vocab_size is missing"),
        ({"eos_token_id": [2, 400]}, r"eos_token_id is \[2, 400\], not the id of one of vocab_size pieces"),
        ({"hidden_act": {"a": "b"}}, "hidden_act"),
        ({"num_attention_heads": 5, "head_dim": None}, "not a multiple"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "which writes nothing"),
        ({"rms_norm_eps": 1e300}, "rms_norm_eps"),
    ],
)
def test_a_config_that_describes_no_model_is_one_line(
    changes: dict[str, Any], said: str, small_data: Path, tmp_path: Path
) -> None:
    base = build_base("llama", small_data, tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(ModelError, match=said) as caught:
        build_meta_model(base.config)
    assert "\n" not in str(caught.value)


def test_a_kind_that_is_not_known_says_which_are_and_how_to_add_one(small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    config = load_experiment(build_experiment_values(tmp_path, small_data))
    with pytest.raises(ModelError, match=r"is a 'mamba' model; dialora adapts T5 .*llama.*docs/architecture\.md"):
        settle(config)


def test_a_checkpoint_without_its_prefix_is_the_same_model(small_data: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = build_base("gpt2", small_data, tmp_path)
    expected = load_base_model(base.config).state_dict()
    file = tmp_path / "model.safetensors"
    bare = {key.removeprefix("transformer."): weight for key, weight in load_file(file).items()}
    bare["h.0.attn.bias"] = torch.ones(1, 1, 4, 4)  # as the first GPT-2 has it
    save_file(bare, file, metadata={"format": "pt"})
    assert check_weights(base.config)
    found = load_base_model(base.config).state_dict()
    assert all(torch.equal(weight, expected[key]) for key, weight in found.items())


def test_a_vocabulary_of_another_size_is_refused(small_data: Path, tmp_path: Path) -> None:
    base = build_base("llama", small_data, tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"vocab_size": SIZE - 50}))
    with pytest.raises(ModelError, match="it is another model's"):
        load_tokenizer(base.config)
