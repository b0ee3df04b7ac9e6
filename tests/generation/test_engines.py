"""Engines: CTranslate2 writes what torch writes, tied or not, merged or whole; where it cannot, torch does."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import DecodingConfig, ExperimentConfig, GenerationConfig, load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.errors import ConfigError, GenerationError
from dialora.experiment.pipeline import compare
from dialora.experiment.plan import plan_runs
from dialora.generation import TorchEngine, check_parity, convert_system, converted_stage, open_engine, write_all
from dialora.generation.convert import name_tokens, read_converting_seconds
from dialora.generation.ctranslate2_engine import CTranslate2Engine
from dialora.methods import METHODS, LoRA
from dialora.models.adapters import apply_method
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage
from tests.conftest import DIALOGUES

GREEDY = DecodingConfig(max_new_tokens=12)
BEAMS = DecodingConfig(max_new_tokens=12, num_beams=4, early_stopping=True)


def read_sources(tokenizer: Any, size: int | None = 6, max_length: int = 128) -> list[list[int]]:
    """Token ids of bundled test dialogues, each once."""
    lines = (DIALOGUES / "test.jsonl").read_text(encoding="utf-8").splitlines()
    dialogues = list(dict.fromkeys(json.loads(line)["dialogue"] for line in lines))[:size]
    prompt = "Summarize the following conversation.\n\n{dialogue}\n\nSummary: "
    return [s.input_ids for s in tokenize_sources(dialogues, tokenizer, prompt=prompt, max_length=max_length)]


def convert(model: Any, tokenizer: Any, folder: Path, decoding: DecodingConfig, precision: str = "fp32") -> Any:
    stage = converted_stage(folder, system="it", precision=precision)
    made = convert_system(model, tokenizer, stage, precision=precision)
    return CTranslate2Engine(made, decoding, precision=precision, threads=1)


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


@pytest.fixture
def tied_model(tmp_path: Path) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    tied = T5Config(vocab_size=420, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, decoder_start_token_id=0)
    model = T5ForConditionalGeneration(tied)
    assert model.config.scale_decoder_outputs
    with torch.no_grad():
        # Tied, it would repeat what it is given: the start token, which a trained model never writes, and which only
        # transformers counts among the words that may not come again.
        model.shared.weight[0] = 0
    return model


def with_adapter(config: ExperimentConfig) -> Any:
    model = apply_method(load_base_model(config), LoRA(r=4), key="lora")
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return model


def test_an_engine_leaves_torch_its_threads(config: ExperimentConfig, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with convert(load_base_model(config), load_tokenizer(config), tmp_path, GREEDY) as engine:
            list(engine.write([read_sources(load_tokenizer(config))]))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("widest", "chosen", "expected"),
    [("AVX512", None, "AVX512"), ("AVX512", "AVX2", "AVX2"), ("AVX2", None, None)],
)
def test_instructions_are_the_widest_unless_the_user_chose(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    widest: str,
    chosen: str | None,
    expected: str | None,
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: widest)
    monkeypatch.setenv("CT2_FORCE_CPU_ISA", chosen or "")
    if chosen is None:
        monkeypatch.delenv("CT2_FORCE_CPU_ISA")
    # CTranslate2 has asked the environment before, in this process; what it is told is what counts here.
    with pytest.raises(GenerationError, match="cannot load"):
        CTranslate2Engine(_make_broken(tmp_path), GREEDY, precision="fp32", threads=1)
    assert os.environ.get("CT2_FORCE_CPU_ISA") == expected


def _make_broken(folder: Path) -> Path:
    (folder / "shared_vocabulary.json").write_text("[]", encoding="utf-8")
    (folder / "dialora.json").write_text(
        json.dumps({"is_causal": False, "first_ids": [], "end_ids": [1]}), encoding="utf-8"
    )
    return folder


@pytest.mark.parametrize("decoding", [GREEDY, GREEDY.model_copy(update={"no_repeat_ngram_size": 2}), BEAMS])
@pytest.mark.parametrize("kind", ["untied", "tied", "adapter"])
def test_every_token_and_score_is_torchs(
    config: ExperimentConfig, tied_model: Any, tmp_path: Path, kind: str, decoding: DecodingConfig
) -> None:
    model = {"untied": load_base_model, "tied": lambda _: tied_model, "adapter": with_adapter}[kind](config)
    tokenizer = load_tokenizer(config)
    sources = read_sources(tokenizer)
    parity = check_parity(
        convert(model, tokenizer, tmp_path, decoding), TorchEngine(model, tokenizer, decoding), sources, decoding
    )
    assert parity.is_exact, parity
    assert (parity.largest_score_difference is None) == (decoding.num_beams == 1)


def test_the_bundled_base_writes_the_same_for_every_test_dialogue(tmp_path: Path) -> None:
    config = load_experiment("bundled")
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    greedy, beams = config.decoding, DecodingConfig(max_new_tokens=20, num_beams=4, early_stopping=True)
    sources = read_sources(tokenizer, None, max_length=512)
    for decoding, asked in ((greedy, sources), (beams, sources[:12])):
        engine = convert(model, tokenizer, tmp_path, decoding)
        parity = check_parity(engine, TorchEngine(model, tokenizer, decoding), asked, decoding)
        assert parity.is_exact, parity


def test_batches_are_asked_for_when_they_are_needed_and_given_when_there_are_no_more(
    config: ExperimentConfig, tmp_path: Path
) -> None:
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    sources = read_sources(tokenizer)
    engine = convert(model, tokenizer, tmp_path, config.decoding)
    asked: list[int] = []
    given: list[tuple[int, int]] = []

    def feed(sizes: list[int]) -> Any:
        for at, size in enumerate(sizes):
            asked.append(at)
            yield sources[:size]

    with engine:
        for made in engine.write(feed([6, 6, 6, 6])):
            given.append((len(made), len(asked)))
        # One batch is cut into a piece for each thread, so that no more than one need lie ready behind it.
        assert given == [(6, 2), (6, 3), (6, 4), (6, 4)]
        asked.clear()
        given.clear()
        for made in engine.write(feed([6, 0, 0, 6, 0])):
            given.append((len(made), len(asked)))
        assert [size for size, _ in given] == [6, 0, 0, 6, 0]
        assert given[0] == (6, 2)


def test_a_wrong_scale_fails_the_gate(config: ExperimentConfig, tmp_path: Path) -> None:
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    engine = convert(model, tokenizer, tmp_path, BEAMS)
    with torch.no_grad():
        model.lm_head.weight *= model.config.d_model**-0.5
    assert not check_parity(engine, TorchEngine(model, tokenizer, BEAMS), read_sources(tokenizer), BEAMS).is_exact


def test_no_two_ids_have_one_name(config: ExperimentConfig) -> None:
    tokenizer = load_tokenizer(config)
    tokenizer.add_tokens(["<unused_415>", "a new word"])
    names = name_tokens(tokenizer, 420)
    assert len(set(names)) == 420
    assert names[: len(tokenizer)] == tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_system_is_converted_once_and_left_as_it_was(
    config: ExperimentConfig, tmp_path: Path, precision: str
) -> None:
    model, tokenizer = with_adapter(config), load_tokenizer(config)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    stage = converted_stage(tmp_path, system="it", precision=precision)
    folder = convert_system(model, tokenizer, stage, precision=precision)
    changed = (folder / "model.bin").stat().st_mtime_ns
    convert_system(model, tokenizer, stage, precision=precision)
    assert (folder / "model.bin").stat().st_mtime_ns == changed
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    other = converted_stage(tmp_path, system="another", precision=precision)
    assert not other.is_complete
    # What making it took is kept with it: finding it there takes nothing.
    taken = json.loads((folder / "dialora.json").read_text())["seconds"]
    assert read_converting_seconds(stage) == taken > 0
    assert read_converting_seconds(other) is None


@pytest.mark.parametrize("damage", ["foreign", "truncated", "other vocabulary"])
def test_a_converted_model_that_is_not_what_was_written_is_made_anew(
    config: ExperimentConfig, tmp_path: Path, damage: str
) -> None:
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    stage = converted_stage(tmp_path, system="it", precision="int8")
    convert_system(model, tokenizer, stage, precision="int8")
    file = stage.folder / ("shared_vocabulary.json" if damage == "other vocabulary" else "model.bin")
    written = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(written[:-100])
    elif damage == "foreign":  # of the same size and layout: nothing but its content tells it from this one
        other = load_base_model(config)
        with torch.no_grad():
            other.lm_head.weight.neg_()
        foreign = converted_stage(tmp_path / "foreign", system="other", precision="int8")
        convert_system(other, tokenizer, foreign, precision="int8")
        file.write_bytes((foreign.folder / "model.bin").read_bytes())
        assert len(file.read_bytes()) == len(written)
    else:
        names = json.loads(written)
        file.write_text(json.dumps([names[0], *reversed(names[1:])], separators=(", ", ": ")))
        file.write_bytes(file.read_bytes().ljust(len(written))[: len(written)])
    assert file.read_bytes() != written
    convert_system(model, tokenizer, stage, precision="int8")
    assert file.read_bytes() == written
    assert stage.is_intact


def pretend_gpu(model: Any) -> Any:
    """Let the model lie elsewhere than in main memory, without weights to be read there, until it is moved back."""
    others = {name: torch.nn.Parameter(p.to("meta"), p.requires_grad) for name, p in model.named_parameters()}

    def move(device: Any) -> Any:
        for name, parameter in list(model.named_parameters()):
            if parameter.device.type != torch.device(device).type:
                torch.utils.swap_tensors(parameter, others[name])
        return model

    model.to = move
    return model.to("meta")


def find_devices(model: Any) -> set[str]:
    return {parameter.device.type for parameter in model.parameters()}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("kind", ["base", "adapter"])
def test_a_system_on_a_gpu_is_converted_from_main_memory(
    config: ExperimentConfig, tmp_path: Path, kind: str, precision: str
) -> None:
    model = {"base": load_base_model, "adapter": with_adapter}[kind](config)
    tokenizer, made = load_tokenizer(config), []
    for name, place in (("cpu", lambda model: model), ("gpu", pretend_gpu)):
        place(model)
        stage = converted_stage(tmp_path / name, system="it", precision=precision)
        made.append((convert_system(model, tokenizer, stage, precision=precision) / "model.bin").read_bytes())
    assert made[0] == made[1]
    assert find_devices(model) == {"meta"}


@pytest.mark.parametrize(("num_gpus", "reason"), [(0, "it finds none that computes in int8"), (1, "CUDA")])
def test_int8_goes_to_the_processor_where_ctranslate2_cannot_use_the_gpu_and_says_so(
    config: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_gpus: int, reason: str
) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("CTranslate2 can use the GPU of this machine")
    known = ctranslate2.get_supported_compute_types("cpu")
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: num_gpus)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda device: known)
    model = pretend_gpu(load_base_model(config))
    engine, warnings = choose(config, model, tmp_path, GenerationConfig(precision="int8"))
    assert (engine.name, engine.device, engine.precision) == ("ctranslate2", "cpu", "int8")
    assert len(warnings) == 1
    assert re.fullmatch(rf"ctranslate2 cannot use the GPU \(.*{reason}.*\); it writes on the processor\.", warnings[0])
    # What it took of the GPU is free for other work.
    assert find_devices(model) == {"cpu"}
    assert all(len(each.new_ids) <= 5 for each in write_all(engine, read_sources(load_tokenizer(config)), GREEDY))


def test_auto_keeps_to_torch_on_a_gpu(config: ExperimentConfig, tmp_path: Path) -> None:
    model = pretend_gpu(load_base_model(config))
    engine, warnings = choose(config, model, tmp_path, GenerationConfig())
    assert (engine.name, warnings) == ("torch", [])
    assert find_devices(model) == {"meta"}


def choose(config: ExperimentConfig, model: Any, folder: Path, generation: GenerationConfig, **decoding: Any) -> Any:
    tokenizer = load_tokenizer(config)
    warnings: list[str] = []
    engine = open_engine(
        generation,
        DecodingConfig(max_new_tokens=5, **decoding),
        model,
        tokenizer,
        stage=Stage(folder / "converted", "key"),
        sources=read_sources(tokenizer, 3),
        on_warning=warnings.append,
    )
    return engine, warnings


def test_auto_takes_ctranslate2_where_it_is_the_same_and_torch_elsewhere(
    config: ExperimentConfig, tmp_path: Path
) -> None:
    auto, base = GenerationConfig(), load_base_model(config)
    assert choose(config, base, tmp_path, auto)[0].name == "ctranslate2"
    assert choose(config, base, tmp_path, GenerationConfig(engine="torch"))[0].name == "torch"
    assert choose(config, base, tmp_path, auto, num_beams=2)[0].name == "torch"
    assert choose(config, base, tmp_path, auto, num_beams=2, early_stopping=True)[0].name == "ctranslate2"
    assert choose(config, base, tmp_path, auto, no_repeat_ngram_size=2)[0].name == "ctranslate2"
    both = {"num_beams": 2, "early_stopping": True, "no_repeat_ngram_size": 2}
    assert choose(config, base, tmp_path, auto, **both)[0].name == "torch"
    assert choose(config, base, tmp_path, GenerationConfig(precision="int8"), num_beams=2)[0].name == "ctranslate2"
    prompted = apply_method(load_base_model(config), METHODS["prompt_tuning"](), key="prompt_tuning")
    assert choose(config, prompted, tmp_path, auto)[0].name == "torch"
    with pytest.raises(GenerationError, match=r"ctranslate2 cannot be used here: the adapter does not merge"):
        choose(config, prompted, tmp_path, GenerationConfig(engine="ctranslate2"))
    with pytest.raises(GenerationError, match="int8 needs ctranslate2, and the adapter does not merge"):
        choose(config, prompted, tmp_path, GenerationConfig(precision="int8"))


def test_a_conversion_that_writes_something_else_is_not_used(config: ExperimentConfig, tmp_path: Path) -> None:
    choose(config, with_adapter(config), tmp_path, GenerationConfig())
    # The stage's key says that this is the same system, and it is not.
    engine, warnings = choose(config, load_base_model(config), tmp_path, GenerationConfig())
    assert engine.name == "torch"
    assert len(warnings) == 1
    assert "summaries have the same tokens; torch is used" in warnings[0]


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_lower_precision_writes_something(config: ExperimentConfig, tmp_path: Path, precision: str) -> None:
    model, tokenizer = load_base_model(config), load_tokenizer(config)
    engine, _ = choose(config, model, tmp_path, GenerationConfig(precision=precision))
    assert engine.precision == precision
    written = write_all(engine, read_sources(tokenizer), DecodingConfig(max_new_tokens=5))
    assert all(len(each.new_ids) == 5 or each.new_ids[-1] == 1 for each in written)


def test_finished_experiments_stay_finished_and_precision_begins_new_summaries(config: ExperimentConfig) -> None:
    def plan(*overrides: str) -> list[str]:
        runs = plan_runs(load_experiment(config, overrides), Path("it"), {"train": "a", "validation": "b", "test": "c"})
        return [run.generation.key for run in runs]

    assert plan("generation.engine=torch") == plan() == plan("decoding.early_stopping=false")
    assert not set(plan("generation.precision=int8")) & set(plan())
    assert not set(plan("decoding.early_stopping=true", "decoding.num_beams=2")) & set(plan("decoding.num_beams=2"))
    # What was hashed before there was a choice.
    known = {"num_beams", "max_new_tokens", "length_penalty", "no_repeat_ngram_size", "max_batch_tokens"}
    assert set(config.decoding.identify()) == known
    assert plan("decoding.max_batch_tokens=16384") == plan() != plan("decoding.max_batch_tokens=8192")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"generation.precision": "int8", "generation.engine": "torch"}, r"int8 needs ctranslate2.*use bf16 or fp32"),
        ({"generation.precision": "int8"}, r"merge into the base model, and prompts cannot"),
        ({"generation.engine": "ctranslate2"}, r"merge into the base model, and prompts cannot"),
    ],
)
def test_what_an_engine_cannot_write_is_said_before_training(
    settings: dict[str, Any], message: str, experiment: dict[str, Any], tmp_path: Path
) -> None:
    methods = {"zero_shot": {}, "lora": {"r": 4}, "prompts": {"method": "prompt_tuning", "num_virtual_tokens": 4}}
    config = load_experiment(experiment | {"methods": methods}, settings)
    with pytest.raises(ConfigError, match=message):
        compare(config, output=tmp_path / "run")
    assert not list(tmp_path.rglob("training.json"))
