"""Whatever a method puts on a causal model and merges, CTranslate2 writes what torch writes with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.generation import write_all
from dialora.methods import METHODS
from dialora.models.adapters import apply_method, is_mergeable
from dialora.models.bases import load_family, read_model_type
from dialora.models.loading import load_base_model
from tests.generation.test_families import GREEDY, Base, convert, load, write_one_by_one

OPTIONS: dict[str, dict[str, Any]] = {
    "last_layers": {"num_layers": 1},
    "peft": {"peft_type": "LOHA", "r": 4},
    "oft": {"oft_block_size": 8},
    **{name: {"r": 4} for name in ("lora_fa", "pissa", "olora")},
}
PROMPTS = ("prompt_tuning", "p_tuning", "prefix_tuning")
MERGED = [name for name, method in METHODS.items() if method.trains and name not in (*PROMPTS, "qlora")]


@pytest.fixture(scope="module")
def base(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load("llama", small_data, tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("name", MERGED)
def test_what_a_method_has_changed_is_converted(base: Base, tmp_path: Path, name: str) -> None:
    method = METHODS[name](**OPTIONS.get(name, {}))
    if hasattr(method, "name_targets"):
        method = method.name_targets(load_family(base.config).name_modules(read_model_type(base.config)))
    model = apply_method(load_base_model(base.config), method, key=name)
    assert is_mergeable(model)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += torch.randn_like(parameter) * 0.1
    expected = write_one_by_one(base, GREEDY, model=model)
    assert expected != write_one_by_one(base, GREEDY)
    written = write_all(convert(base, tmp_path, GREEDY, model=model), base.sources, GREEDY)
    assert [one.new_ids for one in written] == expected
