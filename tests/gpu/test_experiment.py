"""A whole experiment on a GPU: its costs are the GPU's, and its systems summarize there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.config import load_experiment
from dialora.store import load_json, names
from tests.conftest import build_experiment_values
from tests.systems.support import summarize

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]

TEXTS = ["#Person1#: Hi, how are you?\n#Person2#: Fine. Shall we meet at six?", "", "#Person1#: Bye.\n#Person2#: Bye!"]


def test_compare_and_summarize(device: str, tiny_model: Path, small_data: Path, tmp_path: Path) -> None:
    values = build_experiment_values(tiny_model, small_data)
    config = load_experiment(values, {"training.device": device})
    root = tmp_path / "run"
    comparison = dialora.compare(config, output=root)
    assert comparison is not None
    for key in ("full", "lora"):
        folder = next(root.glob(f"{key}-s0-*"))
        facts: dict[str, Any] = load_json(folder / names.TRAINING / names.TRAINING_FACTS)
        # Libraries alone take more of main memory.
        assert 0 < facts["cost"]["peak_memory_bytes"] < 200e6
        assert facts["environment"]["gpu"]
        assert load_json(folder / names.GENERATION / names.GENERATION_FACTS)["engine"] == "torch"
    for settings in ({}, {"generation.precision": "bf16"}):
        summaries = summarize(TEXTS, system=root, method="lora", set=settings)
        assert len(summaries) == len(TEXTS)
        assert summaries[1] == ""
