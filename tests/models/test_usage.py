"""The code of a card, over kinds of bases and of adapters: plain transformers and PEFT write what dialora writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.generation import write_predictions
from dialora.generation.torch_engine import TorchEngine
from dialora.methods import METHODS
from dialora.models.adapters import apply_method, load_system, save_system
from dialora.models.bases import build_prompt, load_family, settle
from dialora.models.checkpoint import name_base
from dialora.models.families import family_of
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.models.usage import EXAMPLE, read_special, render_usage
from dialora.records import Example
from dialora.store import PartialLog
from tests.cards import run_code
from tests.models.families.tiny import build_folder

BASES = [("t5gemma", False), ("bart", False), ("mt5", False), ("llama", False), ("llama", True), ("gpt2", False)]


def write(model: Any, tokenizer: Any, config: Any, folder: Path) -> str:
    """What dialora's own engine writes of the card's dialogue."""
    prompt = build_prompt(config, tokenizer)
    sources = tokenize_sources([EXAMPLE], tokenizer, prompt=prompt, max_length=config.data.max_source_length)
    assert not sources[0].truncated
    engine = TorchEngine(model, tokenizer, config.decoding)
    example = Example(id="0", dialogue=EXAMPLE, references=("x",))
    log = PartialLog(folder / "partial.jsonl", "key")
    made = write_predictions(engine, tokenizer, [example], sources, config.decoding, log=log)
    return made.predictions[0].summary


def check(base: Path, key: str, entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"name": "x", "model": str(base), "data": {"source": "bundled"}, "methods": {key: entry}}
    values["decoding"] = {"max_new_tokens": 12, "num_beams": 2, "no_repeat_ngram_size": 3, "length_penalty": 1.5}
    config = settle(load_experiment(values))
    if load_family(config).is_causal:  # where plain `generate` forbids what the dialogue says, too
        values["decoding"]["no_repeat_ngram_size"] = 0
        config = settle(load_experiment(values))
    torch.manual_seed(0)
    method, tokenizer = config.methods[key], load_tokenizer(config)
    model = apply_method(load_base_model(config), method, key=key)
    for name, parameter in model.named_parameters():
        # What is trained is what it was until now.
        if parameter.requires_grad and parameter.is_floating_point():
            torch.nn.init.normal_(parameter, std=0.3) if "norm" not in name else None
    named, revision = name_base(config)
    save_system(model, tokenizer, tmp_path / "saved", base=named, revision=revision)
    again = load_system(config, method, tmp_path / "saved")
    ours = write(again, tokenizer, config, tmp_path)
    is_adapter = (tmp_path / "saved" / "adapter_config.json").is_file()
    special = read_special(config, tokenizer, tmp_path / "saved")
    assert special == family_of(again).describe_special(again, tokenizer)
    code = render_usage(config, build_prompt(config, tokenizer), special, is_adapter=is_adapter)
    assert run_code(code, tmp_path / "saved", monkeypatch) == ours
    assert ours


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize(("kind", "chat"), BASES)
def test_over_kinds_of_bases(
    kind: str, chat: bool, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = build_folder(kind, tmp_path / "base", chat=chat)
    check(base, method, {}, tmp_path, monkeypatch)


@pytest.mark.parametrize("method", sorted(name for name, kind in METHODS.items() if kind.is_peft and name != "qlora"))
def test_over_kinds_of_adapters(method: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"peft_type": "LOHA", "r": 2, "target_modules": ["q"]} if method == "peft" else {}
    check(tiny_model, method, entry, tmp_path, monkeypatch)
