"""A new family is one class: the one of docs/architecture.md, run as it stands there."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from dialora.config import load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import tokenize_sources
from dialora.generation import generate
from dialora.methods import METHODS
from dialora.models.adapters import apply_method
from dialora.models.bases import build_prompt, settle
from dialora.models.families import FAMILIES
from dialora.models.families.causal import Causal, Names
from dialora.models.loading import load_base_model, load_tokenizer
from tests.conftest import ROOT, build_experiment_values
from tests.models.families.tiny import build_folder


@pytest.fixture
def toy() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(class Opt.*?)```", text, flags=re.DOTALL)
    exec(code, {"Causal": Causal, "Names": Names, "ClassVar": ClassVar, "Mapping": Mapping, "__name__": "toy"})
    yield
    del FAMILIES["opt"]


@pytest.mark.usefixtures("toy")
def test_the_toy_of_the_documentation_is_adapted_and_writes(small_data: Path, tmp_path: Path) -> None:
    folder = build_folder("opt", tmp_path, ffn_dim=48, word_embed_proj_dim=32)
    config = settle(load_experiment(build_experiment_values(folder, small_data)))
    tokenizer, model = load_tokenizer(config), load_base_model(config)
    examples = load_dataset(config.data).test[:3]
    prompt = build_prompt(config, tokenizer)
    sources = tokenize_sources([e.dialogue for e in examples], tokenizer, prompt=prompt, max_length=60)
    assert len(generate(model, tokenizer, examples, sources, config.decoding)) == 3
    for name in ("lora", "ia3", "last_layers", "ln_tuning"):
        options = {"num_layers": 1} if name == "last_layers" else {}
        adapted = apply_method(load_base_model(config), METHODS[name](**options), key=name)
        assert any(parameter.requires_grad for parameter in adapted.parameters())
