"""`train` as everybody calls it: a Llama takes the lean step, and what must not take it trains as it would anyway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import TrainingConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import TrainingPair, tokenize_pairs
from dialora.methods import METHODS
from dialora.models.adapters import apply_method
from dialora.models.bases import build_prompt, settle
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.training import TrainingResult, train
from tests.conftest import build_experiment_values
from tests.models.families.tiny import build_folder

LEAN = "dialora.training.lean"
WHOLE = {"_LeanModel", "_LeanNorm", "_LeanFeedForward", "_LeanAttention"}


def make(kind: str, method: str, data: Path, folder: Path, **options: Any) -> tuple[Any, list[TrainingPair], int]:
    config = settle(load_experiment(build_experiment_values(build_folder(kind, folder, **options), data)))
    tokenizer = load_tokenizer(config)
    pairs = tokenize_pairs(
        load_dataset(config.data).train[:8],
        tokenizer,
        prompt=build_prompt(config, tokenizer),
        max_source_length=60,
        max_target_length=16,
    )
    torch.manual_seed(0)
    made: Any = METHODS[method]
    model = apply_method(load_base_model(config), made(lora_dropout=0.0) if method != "full" else made(), key=method)
    return model, pairs, tokenizer.pad_token_id


def run(made: tuple[Any, list[TrainingPair], int], work: Path, **options: Any) -> tuple[TrainingResult, set[str]]:
    """Train; return which lean classes modules had between steps, and see to it that they have none behind them."""
    model, pairs, pad_id = made
    seen: set[str] = set()

    def look(step: int, total: int, loss: float) -> None:
        kinds = {
            kind for module in model.modules() for kind in type(module).__mro__ if kind.__module__.startswith(LEAN)
        }
        seen.update(kind.__name__ for kind in kinds)

    training = TrainingConfig(max_steps=4, num_evaluations=1, per_device_train_batch_size=4, **options)
    result = train(
        model, pairs, pairs[:4], training, key="it", learning_rate=1e-3, seed=0, pad_id=pad_id, work=work,
        on_progress=look,
    )  # fmt: skip
    assert not [m for m in model.modules() if type(m).__module__.startswith(LEAN)]
    return result, seen


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 2e-5), ("bf16", 6e-3)])
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_a_llama_trains_in_the_lean_step_and_comes_to_the_same(
    kind: str, method: str, precision: str, tolerance: float, small_data: Path, tmp_path: Path
) -> None:
    made = [make(kind, method, small_data, tmp_path / name) for name in ("a", "b")]
    result, seen = run(made[0], tmp_path / "lean", precision=precision)
    plain, nothing = run(made[1], tmp_path / "plain", precision=precision, lean=False)
    assert seen >= WHOLE
    assert ("_LeanLoRA" in seen) == (method == "lora")
    assert not nothing
    assert result.losses == pytest.approx(plain.losses, rel=tolerance)
    assert len(set(result.losses)) > 1


@pytest.mark.parametrize("kind", ["gpt2", "gemma2", "bart"])
def test_a_base_that_it_does_not_know_trains_without_it(kind: str, small_data: Path, tmp_path: Path) -> None:
    _, seen = run(make(kind, "lora", small_data, tmp_path / "base"), tmp_path / "work", precision="fp32")
    assert not seen


@pytest.mark.parametrize(
    "options",
    [{"attention_dropout": 0.2}, {"hidden_act": "gelu"}, {"sliding_window": 9}],
    ids=["dropout on attention", "another activation", "a window"],
)
def test_what_a_llama_has_otherwise_goes_the_plain_way(
    options: dict[str, Any], small_data: Path, tmp_path: Path
) -> None:
    kind = "mistral" if "sliding_window" in options else "llama"
    made = [make(kind, "lora", small_data, tmp_path / name, **options) for name in ("a", "b")]
    result, seen = run(made[0], tmp_path / "lean", precision="fp32")
    plain, _ = run(made[1], tmp_path / "plain", precision="fp32", lean=False)
    assert "_LeanModel" in seen
    assert result.losses == pytest.approx(plain.losses, rel=2e-5)


def test_activation_checkpointing_comes_to_the_same(small_data: Path, tmp_path: Path) -> None:
    made = [make("llama", "lora", small_data, tmp_path / name) for name in ("a", "b")]
    kept, _ = run(made[0], tmp_path / "kept", precision="fp32")
    result, seen = run(made[1], tmp_path / "recomputed", precision="fp32", gradient_checkpointing=True)
    assert seen >= WHOLE
    assert result.losses == pytest.approx(kept.losses, rel=2e-5)
