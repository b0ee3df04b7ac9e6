"""CTranslate2 writes what torch writes, one by one, with every kind of base that has a loader; others keep torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import DecodingConfig, ExperimentConfig, load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.generation import TorchEngine, check_parity, convert_system, converted_stage, write_all
from dialora.generation.convert import QUANTIZATION, name_tokens
from dialora.generation.ctranslate2_engine import CTranslate2Engine
from dialora.generation.loaders import LOADERS
from dialora.methods import METHODS
from dialora.models.adapters import apply_method
from dialora.models.bases import build_prompt, settle
from dialora.models.families import FAMILIES, family_of
from dialora.models.loading import load_base_model, load_tokenizer
from tests.conftest import DIALOGUES, build_experiment_values
from tests.models.families.tiny import CAUSAL, build_folder

APART = ("smollm3", "olmo2", "longt5")
"""Those that CTranslate2 does not know."""
ENCODER_DECODERS = ("bart", "mbart", "pegasus", "mt5", "umt5")
KINDS = (*(kind for kind in CAUSAL if kind not in APART), *ENCODER_DECODERS)
OPTIONS: dict[str, dict[str, Any]] = {
    "gemma": {"tie_word_embeddings": False},  # it would repeat its last token
    "gemma2": {"attn_logit_softcapping": None, "sliding_window": 512},
    **{kind: {"sliding_window": 512} for kind in ("mistral", "phi3", "gemma3_text")},
}
LENGTH = 90
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
