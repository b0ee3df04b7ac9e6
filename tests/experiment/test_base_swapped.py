"""A base model that changes while an experiment runs: nothing is made from another one than was planned."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_experiment
from dialora.errors import ModelError
from dialora.experiment import pipeline
from tests import sizes
from tests.conftest import build_experiment_values, change_base


@pytest.mark.parametrize(
    ("kind", "is_entrys"),
    [("weights", False), ("tokenizer", True)]
    if sizes.IS_QUICK
    else [("weights", False), ("tokenizer", False), ("weights", True), ("tokenizer", True)],
)
def test_a_base_that_changes_between_two_runs_is_refused(
    kind: str, is_entrys: bool, tiny_model: Path, small_data: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(tiny_model, tmp_path / "base")
    values = build_experiment_values(tiny_model if is_entrys else base, small_data)
    values["methods"] = {"zero_shot": {}, "lora": {"r": 4, "learning_rate": 1e-2}}
    if is_entrys:
        values["methods"]["lora"]["model"] = str(base)
    config, root = load_experiment(values, ["training.num_train_epochs=1"]), tmp_path / "swapped"

    def swap_before_lora(event: dict[str, Any]) -> None:
        if event.get("stage") == "start" and event["key"] == "lora":
            change_base(base, kind)

    with pytest.raises(ModelError, match="is not the base model that this was made from"):
        pipeline.compare(config, output=root, observer=swap_before_lora)
    assert not list(root.glob("lora-*/training"))
    shutil.copytree(tiny_model, base, dirs_exist_ok=True)
    pipeline.compare(config, output=root)
    undisturbed = tmp_path / "undisturbed"
    pipeline.compare(config, output=undisturbed)
    for pattern in ("lora-*/training/adapter_model.safetensors", "*/generation/predictions.jsonl"):
        made, right = (sorted(folder.glob(pattern)) for folder in (root, undisturbed))
        assert [path.read_bytes() for path in made] == [path.read_bytes() for path in right]
        assert made
