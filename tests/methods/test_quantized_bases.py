"""QLoRA on bases with biases, by a stand-in for bitsandbytes that rounds nothing: what it builds is the base again."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from dialora.config import load_experiment
from dialora.errors import ConfigError
from dialora.methods import METHODS
from dialora.models.bases import settle
from dialora.models.families import family_of
from dialora.models.loading import load_base_model
from tests.conftest import build_experiment_values
from tests.models.families.tiny import build_folder


class Linear4bit(nn.Linear):
    def __init__(self, inputs: int, outputs: int, *, bias: bool, **options: Any) -> None:
        super().__init__(inputs, outputs, bias=bias)


def build_weight(data: torch.Tensor, **options: Any) -> nn.Parameter:
    return nn.Parameter(data, requires_grad=False)


@pytest.fixture
def bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    package, layers = ModuleType("bitsandbytes"), ModuleType("bitsandbytes.nn")
    package.__spec__ = sys.__spec__
    layers.Linear4bit, layers.Params4bit = Linear4bit, build_weight  # type: ignore[attr-defined]
    package.nn = layers  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bitsandbytes", package)
    monkeypatch.setitem(sys.modules, "bitsandbytes.nn", layers)
    monkeypatch.setattr("dialora.methods.quantized.find_spec", lambda name: package)


def prepare(kind: str, data: Path, folder: Path) -> tuple[Any, Any]:
    """Return a base with biases as it is, and as QLoRA has it."""
    build_folder(kind, folder)
    config = settle(load_experiment(build_experiment_values(folder, data)))
    torch.manual_seed(0)
    model: Any = load_base_model(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    ids = torch.arange(3, 12)[None]
    inputs = {"input_ids": ids} | ({} if family_of(model).is_causal else {"decoder_input_ids": ids})
    with torch.no_grad():
        before = model(**inputs).logits
        made = METHODS["qlora"]().prepare_base(model, family_of(model).describe_parts(model))  # type: ignore[call-arg]
        return before, made(**inputs).logits


@pytest.mark.usefixtures("bitsandbytes")
@pytest.mark.parametrize("kind", ["llama", "qwen2", "bart", "phi", "gpt_neox"])
def test_the_base_stays_what_it_is(kind: str, small_data: Path, tmp_path: Path) -> None:
    before, after = prepare(kind, small_data, tmp_path / kind)
    assert torch.allclose(before, after, atol=1e-5)


@pytest.mark.usefixtures("bitsandbytes")
def test_a_base_without_linear_layers_is_refused(small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^methods\.qlora: .*GPT-2's are convolutions\); use lora_all"):
        prepare("gpt2", small_data, tmp_path / "gpt2")
