"""CTranslate2 writes what torch writes, one by one, with every kind of base that has a loader; others keep torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import DecodingConfig, ExperimentConfig, GenerationConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import tokenize_sources
from dialora.experiment.checks import check_experiment
from dialora.generation import TorchEngine, check_parity, convert_system, converted_stage, open_engine, write_all
from dialora.generation.convert import QUANTIZATION, name_tokens
from dialora.generation.ctranslate2_engine import CTranslate2Engine
from dialora.generation.loaders import LOADERS
from dialora.methods import METHODS
from dialora.models.adapters import apply_method
from dialora.models.bases import build_prompt, settle
from dialora.models.families import FAMILIES, family_of
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage
from tests.conftest import DIALOGUES, build_experiment_values
from tests.models.families.tiny import CAUSAL, SIZE, build_folder

APART = ("smollm3", "olmo2", "longt5", "t5gemma")
"""Those that CTranslate2 does not know."""
ENCODER_DECODERS = ("bart", "mbart", "pegasus", "mt5", "umt5")
KINDS = (*(kind for kind in CAUSAL if kind not in APART), *ENCODER_DECODERS)
OPTIONS: dict[str, dict[str, Any]] = {
    "gemma": {"tie_word_embeddings": False},  # it would repeat its last token
    "gemma2": {"attn_logit_softcapping": None, "sliding_window": 512},
    **{kind: {"sliding_window": 512} for kind in ("mistral", "phi3", "gemma3_text")},
}
LENGTH = 88
GREEDY = DecodingConfig(max_new_tokens=10)
OTHERS = {
    "ban": DecodingConfig(max_new_tokens=10, no_repeat_ngram_size=1),
    "beams": DecodingConfig(max_new_tokens=10, num_beams=3, early_stopping=True, length_penalty=0.7),
}


@dataclass
class Base:
    """A base, and dialogues as it reads them."""

    config: ExperimentConfig
    model: Any
    tokenizer: Any
    sources: list[list[int]]


def load(kind: str, data: Path, folder: Path, **options: Any) -> Base:
    build_folder(kind, folder, chat=kind in ("llama", "qwen3"), **(OPTIONS.get(kind, {}) | options))
    if "forced_bos_token_id" in options:
        file = folder / "generation_config.json"
        file.write_text(
            json.dumps(json.loads(file.read_text()) | {"forced_bos_token_id": options["forced_bos_token_id"]})
        )
    config = settle(load_experiment(build_experiment_values(folder, data)))
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    lines = (DIALOGUES / "test.jsonl").read_text(encoding="utf-8").splitlines()[:5]
    dialogues = [json.loads(line)["dialogue"] for line in lines]
    dialogues = [text[: len(text) if i % 2 else 20 * (i + 1)] for i, text in enumerate(dialogues)]
    read = tokenize_sources(dialogues, tokenizer, prompt=build_prompt(config, tokenizer), max_length=LENGTH)
    heed_source(model)
    return Base(config, model, tokenizer, [source.input_ids for source in read])


def heed_source(model: Any) -> None:
    """Let what a decoder reads of its encoder weigh more than what it has written, as it does once it is trained."""
    for name, parameter in model.named_parameters():
        if "encoder_attn" in name or "EncDecAttention" in name:
            parameter.data *= 3.0


@pytest.fixture(scope="module", params=KINDS)
def base(request: Any, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load(request.param, small_data, tmp_path_factory.mktemp("base"))


def convert(base: Base, folder: Path, decoding: DecodingConfig, *, model: Any = None, precision: str = "fp32") -> Any:
    stage = converted_stage(folder, system="it", precision=precision)
    made = convert_system(model or base.model, base.tokenizer, stage, precision=precision)
    return CTranslate2Engine(made, decoding, precision=precision, threads=1)


def write_one_by_one(base: Base, decoding: DecodingConfig, *, model: Any = None) -> list[list[int]]:
    with TorchEngine(model or base.model, base.tokenizer, decoding) as engine:
        return [written.new_ids for (written,) in engine.write([ids] for ids in base.sources)]


def test_every_token_is_that_of_torch_one_by_one(base: Base, tmp_path: Path) -> None:
    expected = write_one_by_one(base, GREEDY)
    assert len(set(map(tuple, expected))) > 1
    written = write_all(convert(base, tmp_path, GREEDY), base.sources, GREEDY)
    assert [one.new_ids for one in written] == expected
    for name, decoding in OTHERS.items():
        parity = check_parity(
            convert(base, tmp_path, decoding), TorchEngine(base.model, base.tokenizer, decoding), base.sources, decoding
        )
        assert parity.is_exact, (name, parity)


def test_an_adapter_is_merged_and_comes_off_again(base: Base, tmp_path: Path) -> None:
    model = apply_method(load_base_model(base.config), METHODS["lora_all"](r=4), key="lora_all")  # type: ignore[call-arg]
    heed_source(model)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    expected = write_one_by_one(base, GREEDY, model=model)
    assert expected != write_one_by_one(base, GREEDY)
    for precision in ("fp32", "int8"):
        written = write_all(convert(base, tmp_path, GREEDY, model=model, precision=precision), base.sources, GREEDY)
        assert precision == "int8" or [one.new_ids for one in written] == expected
        assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())


def test_int8_finds_the_same_words_nearly_as_likely(base: Base, tmp_path: Path) -> None:
    expected = write_one_by_one(base, GREEDY)
    model = load_base_model(base.config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter *= 0.25  # weights as large as the tests' others double every error in every layer
    low, high, other = (
        measure_likelihood(base, expected, model, tmp_path / name, precision)
        for name, model, precision in (("low", model, "int8"), ("high", model, "fp32"), ("other", base.model, "fp32"))
    )
    assert (low - high).abs().mean() < 0.25
    assert (other - high).abs().mean() > 0.5


def measure_likelihood(base: Base, texts: list[list[int]], model: Any, folder: Path, precision: str) -> torch.Tensor:
    """The log probabilities of texts' first tokens, each behind its source."""
    import ctranslate2

    engine = convert(base, folder, GREEDY, model=model, precision=precision)
    names = name_tokens(base.tokenizer, model.config.vocab_size)
    kind = ctranslate2.Generator if family_of(model).is_causal else ctranslate2.Translator
    scorer = kind(str(folder / f"ctranslate2-{precision}"), compute_type=QUANTIZATION[engine.precision])
    source, target = ([[names[i] for i in ids] for ids in each] for each in (base.sources, texts))
    if family_of(model).is_causal:
        scored = scorer.score_batch([[*a, *b] for a, b in zip(source, target, strict=True)])
        sizes = map(len, base.sources)
        return torch.tensor([one.log_probs[size - 1] for one, size in zip(scored, sizes, strict=True)])
    return torch.tensor([one.log_probs[0] for one in scorer.score_batch(source, target)])


def test_every_loader_is_some_familys_and_every_family_names_one_there_is() -> None:
    named = set()
    for kind, family in FAMILIES.items():
        from transformers import AutoConfig

        config = AutoConfig.for_model(kind, **OPTIONS.get(kind, {}))
        try:
            named.add(family.name_loader(config))
        except ValueError:
            assert kind in APART
    assert named == set(LOADERS)


LLAMA3 = {"rope_type": "llama3", "rope_theta": 1e4, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("llama", {"rope_parameters": {**LLAMA3, "factor": 4.0, "original_max_position_embeddings": 64}}),
    ("llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}}),
    (
        "llama",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}, "attention_bias": True, "mlp_bias": True},
    ),
    ("llama", {"head_dim": 16, "rms_norm_eps": 0.3, "hidden_act": "gelu", "tie_word_embeddings": True}),
    ("llama", {"vocab_size": SIZE + 200}),
    ("mistral", {"sliding_window": None}),
    ("gemma2", {"attn_logit_softcapping": None, "sliding_window": 512, "final_logit_softcapping": 2.0}),
    ("gemma3_text", {"layer_types": ["full_attention", "sliding_attention"], "query_pre_attn_scalar": 3}),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True, "layer_norm_epsilon": 0.3}),
    ("gpt2", {"scale_attn_weights": False, "n_inner": 24, "n_positions": LENGTH + 10}),
    ("gpt_neox", {"use_parallel_residual": False, "attention_bias": False}),
    ("phi", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.25}}),
    ("bart", {"scale_embedding": True, "decoder_attention_heads": 2, "max_position_embeddings": LENGTH}),
    ("bart", {"forced_bos_token_id": 7, "activation_function": "relu"}),
    ("mbart", {"forced_bos_token_id": 9, "decoder_start_token_id": 8}),
    ("mt5", {"layer_norm_epsilon": 0.3, "feed_forward_proj": "relu"}),
    ("umt5", {"tie_word_embeddings": False}),
]


@pytest.mark.parametrize(("kind", "options"), VARIANTS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_config_says_is_heard(kind: str, options: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    base = load(kind, small_data, tmp_path / "base", **options)
    if kind == "bart":
        base.model.final_logits_bias += torch.linspace(-3, 3, SIZE)
    for decoding in (GREEDY, OTHERS["beams"]):
        engine = convert(base, tmp_path, decoding)
        parity = check_parity(engine, TorchEngine(base.model, base.tokenizer, decoding), base.sources, decoding)
        assert parity.is_exact, parity
    written = [one.new_ids for one in write_all(engine, base.sources, GREEDY)]
    if "vocab_size" in options:  # rows that no piece of the tokenizer has
        assert max(max(ids) for ids in written) >= SIZE
    if "forced_bos_token_id" in options:
        assert {ids[0] for ids in written} == {options["forced_bos_token_id"]}


@pytest.mark.parametrize("kind", ["llama", "bart"])
def test_a_summary_ends_with_any_stop_and_pieces_of_one_name_stay_apart(
    kind: str, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load(kind, small_data, tmp_path / "base")
    known = base.tokenizer.convert_ids_to_tokens
    # As tokenizers of bytes and of padded vocabularies have it.
    names = [known(i) if i % 3 else "<0x0A>\x00" for i in range(SIZE)]
    monkeypatch.setattr(base.tokenizer, "convert_ids_to_tokens", lambda ids: [names[i] for i in ids])
    written = write_all(convert(base, tmp_path, GREEDY), base.sources, GREEDY)
    assert [one.new_ids for one in written] == write_one_by_one(base, GREEDY)
    stops = family_of(base.model).list_stops(base.model, base.tokenizer)
    assert len(stops) == (2 if kind == "llama" else 1)
    for stop in stops:
        (folder := tmp_path / str(stop)).mkdir()
        with torch.no_grad():
            head = base.model.lm_head.weight
            if kind == "llama":
                head.zero_()
                head[stop] = base.model.model(torch.tensor([base.sources[0]])).last_hidden_state[0, -1]
            else:
                base.model.final_logits_bias[0, stop] = 1e3
        expected = write_one_by_one(base, GREEDY)
        written = write_all(convert(base, folder, GREEDY), base.sources, GREEDY)
        assert [one.new_ids for one in written] == expected


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("smollm3", {}, "it has no models of model_type smollm3"),
    ("longt5", {}, "it has no models of model_type longt5"),
    ("gemma2", {"attn_logit_softcapping": 50.0}, "it has no attn_logit_softcapping"),
    ("phi", {"qk_layernorm": True}, "it has no qk_layernorm"),
    ("llama", {"hidden_act": "tanh"}, "it has no activation tanh (hidden_act of the base's config.json)"),
    (
        "llama",
        {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
        "it has no rotary positions of type dynamic",
    ),
    (
        "mistral",
        {"sliding_window": 64},
        "it has no window of attention, and the base's (sliding_window) is of 64 tokens",
    ),
]


@pytest.mark.parametrize(
    ("kind", "options", "reason"), REFUSED, ids=[f"{case[0]}-{n}" for n, case in enumerate(REFUSED)]
)
def test_what_it_lacks_is_said_before_training_and_torch_writes(
    kind: str, options: dict[str, Any], reason: str, small_data: Path, tmp_path: Path
) -> None:
    base = load(kind, small_data, tmp_path / "base", **options)
    warnings: list[str] = []
    engine = open_engine(
        base.config.generation, GREEDY, base.model, base.tokenizer, stage=Stage(tmp_path / "converted", "key"),
        sources=[ids[:20] for ids in base.sources], max_source_length=LENGTH, on_warning=warnings.append,
    )  # fmt: skip
    assert engine.name == "torch"
    assert warnings == [f"ctranslate2 cannot write here: {explain(base)}; torch is used."]
    assert reason in warnings[0]
    asked = base.config.model_copy(update={"generation": GenerationConfig(precision="int8")})
    findings = check_experiment(asked, load_dataset(asked.data), output=tmp_path / "x")
    (finding,) = [finding for finding in findings if finding.check == "engine"]
    assert finding.status == "failed"
    assert f"needs ctranslate2, and {reason}" in finding.detail


def explain(base: Base) -> str | None:
    return family_of(base.model).explain_conversion(base.model.config, LENGTH + GREEDY.max_new_tokens)
