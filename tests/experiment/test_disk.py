"""What the disk check counts: whole models, encoder states, spilled weights, and only what is still to be made."""

from pathlib import Path
from typing import Any

import pytest

from dialora.config import ExperimentConfig, load_experiment
from dialora.experiment.disk import estimate_disk
from dialora.models.counting import count_methods
from dialora.models.loading import load_base_model
from dialora.store import Run, build_run
from dialora.training.lean.frozen import frozen_in_bf16

TOKENS = 5000


def estimate(experiment: dict[str, Any], method: str, runs: list[Run] | None = None, **training: Any) -> int:
    config = load(experiment, method, **training)
    return estimate_disk(config, count_methods(config), num_source_tokens=TOKENS, runs=runs)


def load(experiment: dict[str, Any], method: str, **training: Any) -> ExperimentConfig:
    options = {"precision": "fp32", "max_steps": 2} | training
    generation = {"engine": "torch"}
    return load_experiment(experiment | {"methods": {method: {}}, "training": options, "generation": generation})


def test_what_is_saved_whole_counts_whole(experiment: dict[str, Any], tiny_model: Path) -> None:
    count = count_methods(load(experiment, "decoder"))["decoder"]
    checkpoints = 2 * 3 * 4 * count.trainable
    saved = (tiny_model / "model.safetensors").stat().st_size
    assert estimate(experiment, "decoder") - checkpoints == pytest.approx(saved, rel=0.02)
    with_best = estimate(experiment, "decoder", early_stopping_patience=1)
    assert with_best - estimate(experiment, "decoder") == 4 * count.trainable
    # An adapter is saved alone.
    count = count_methods(load(experiment, "lora"))["lora"]
    assert estimate(experiment, "lora") == (1 + 2 * 3) * 4 * count.trainable


@pytest.mark.parametrize(("precision", "size"), [("fp32", 4), ("bf16", 2)])
def test_encoder_states_count_where_they_are_kept(experiment: dict[str, Any], precision: str, size: int) -> None:
    def grow(method: str) -> int:
        plain, cached = (
            estimate(experiment, method, precision=precision, cache_encoder=cached, lean=False)
            for cached in (False, True)
        )
        return cached - plain

    width = int(load_base_model(load(experiment, "full")).config.d_model)
    assert grow("decoder") == TOKENS * width * size
    assert grow("full") == 0


def test_frozen_weights_that_are_spilled_count(experiment: dict[str, Any], tmp_path: Path) -> None:
    expected = estimate(experiment, "lora", precision="bf16") - estimate(experiment, "lora")
    model = load_base_model(load(experiment, "lora"))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with frozen_in_bf16(model, tmp_path / "spilled"):
        assert (tmp_path / "spilled").stat().st_size == pytest.approx(expected, rel=0.1)


def test_what_is_trained_needs_no_more(experiment: dict[str, Any], tmp_path: Path) -> None:
    run = build_run(tmp_path, key="lora", method="lora", seed=0, trains=True, inputs={}, decoding={})
    assert estimate(experiment, "lora", [run]) == estimate(experiment, "lora") > 0
    assert run.training is not None
    with run.training.writing():
        pass
    assert estimate(experiment, "lora", [run]) == 0
