"""Training on a GPU: the CPU's losses, an interruption that leaves no trace, its own memory, and weights put back."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, TrainingConfig
from dialora.data.tokens import TrainingPair
from dialora.errors import Interrupted
from dialora.measuring.memory import measure_peak_memory, reset_peak_memory
from dialora.models.adapters import apply_method
from dialora.models.device import identify_device, resolve_precision
from dialora.models.loading import load_base_model
from dialora.training import TrainingResult, train
from dialora.training.encoder_cache import build_encoder_cache
from dialora.training.weights import save_trained
from tests.conftest import leave_out_dropout

# What CUDA's libraries warn of is not known beforehand.
pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]

Splits = dict[str, list[TrainingPair]]


def build(config: ExperimentConfig, key: str, *, dropout: bool = False) -> Any:
    """A model with a method on it; unless asked for, without dropout, which every device draws otherwise."""
    torch.manual_seed(0)
    model = apply_method(load_base_model(config), config.methods[key], key=key)
    return model if dropout else leave_out_dropout(model)


def run(
    config: ExperimentConfig,
    splits: Splits,
    work: Path,
    key: str,
    model: Any,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    **options: Any,
) -> TrainingResult:
    training = TrainingConfig(**config.training.model_dump() | options)
    method: Any = config.methods[key]
    return train(
        model, splits["train"], splits["validation"], training, key=key, learning_rate=method.learning_rate,
        method=method, seed=0, pad_id=0, work=work, should_stop=should_stop,
    )  # fmt: skip


@pytest.mark.parametrize("key", ["lora", "full"])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 5e-3), ("bf16", 3e-2)])
def test_losses_are_those_of_the_processor(
    device: str, config: Any, splits: Splits, tmp_path: Path, key: str, precision: str, tolerance: float
) -> None:
    expected = run(config, splits, tmp_path / "cpu", key, build(config, key), device="cpu", precision="fp32")
    model = build(config, key)
    found = run(config, splits, tmp_path / "gpu", key, model, device=device, precision=precision)
    assert found.losses == pytest.approx(expected.losses, rel=tolerance)
    for (step, loss), (other_step, other) in zip(found.validation, expected.validation, strict=True):
        assert step == other_step
        assert loss == pytest.approx(other, rel=tolerance)
    assert {p.device.type for p in model.parameters() if p.requires_grad} == {device}


@pytest.mark.parametrize("key", ["lora", "full"])
def test_a_run_that_was_stopped_ends_like_an_undisturbed_one(
    device: str, config: Any, splits: Splits, tmp_path: Path, key: str
) -> None:
    options = {"device": device, "precision": "fp32"}
    expected = run(config, splits, tmp_path / "a", key, build(config, key, dropout=True), **options)
    calls = iter(range(100))
    with pytest.raises(Interrupted):
        run(
            config, splits, tmp_path / "b", key, build(config, key, dropout=True),
            should_stop=lambda: next(calls) == 2, **options,
        )  # fmt: skip
    found = run(config, splits, tmp_path / "b", key, build(config, key, dropout=True), **options)
    assert found.was_resumed
    # Some of a GPU's sums come in no fixed order; other dropout would show in the third digit.
    assert found.losses == pytest.approx(expected.losses, rel=1e-4)


def test_frozen_weights_come_back_exactly_and_on_the_gpu(
    device: str, config: Any, splits: Splits, tmp_path: Path
) -> None:
    model = build(config, "lora")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 1e-4 * torch.randn_like(parameter)  # what bf16 cannot hold
    before = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    run(config, splits, tmp_path, "lora", model, device=device, precision="bf16", max_steps=2)
    after = {name: p for name, p in model.named_parameters() if not p.requires_grad}
    assert {p.device.type for p in after.values()} == {device}
    assert all(torch.equal(p.cpu(), before[name]) for name, p in after.items())


def test_a_cached_encoder_runs_on_the_gpu_and_its_states_wait_in_pinned_memory(
    device: str, config: Any, splits: Splits, tmp_path: Path
) -> None:
    model, pairs = build(config, "lora_decoder").to(device), splits["train"]
    encoder, devices = model.get_base_model().encoder, set()
    encoder.register_forward_pre_hook(
        lambda module, args, inputs: devices.add(inputs["input_ids"].device.type), with_kwargs=True
    )
    cache = build_encoder_cache(model, pairs, tmp_path, precision="fp32", pad_id=0)
    assert devices == {device}
    batch = cache.collate(pairs[:3], pad_id=0)
    (states,) = batch["encoder_outputs"]
    assert states.is_pinned()
    inputs = {name: batch[name].to(device) for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        expected = encoder.eval()(**inputs).last_hidden_state.cpu()
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(states[real], expected[real], rtol=1e-3, atol=1e-4)


def test_cached_encoder_states_give_the_losses_of_the_encoder_itself(
    device: str, config: Any, splits: Splits, tmp_path: Path
) -> None:
    key, options = "lora_decoder", {"device": device, "precision": "fp32"}
    plain = run(config, splits, tmp_path / "plain", key, build(config, key), **options)
    found = run(config, splits, tmp_path / "cached", key, build(config, key), cache_encoder=True, **options)
    assert found.encoding_seconds is not None
    assert found.losses == pytest.approx(plain.losses, rel=1e-3)


def test_memory_is_the_gpus(device: str, config: Any, splits: Splits, tmp_path: Path) -> None:
    model = build(config, "full")
    size = sum(p.nbytes for p in model.parameters())
    result = run(config, splits, tmp_path, "full", model, device=device, precision="fp32")
    # Weights, gradients and two moments at least; the process itself holds far more in main memory.
    assert 4 * size <= result.peak_memory_bytes <= torch.cuda.max_memory_allocated()


def test_saving_a_checkpoint_takes_no_memory_of_the_gpu(device: str, config: Any, tmp_path: Path) -> None:
    model = build(config, "full").to(device)
    gc.collect()
    assert reset_peak_memory()
    held = measure_peak_memory()
    save_trained(model, config.methods["full"], tmp_path / "weights.safetensors")
    assert measure_peak_memory() == held


def test_auto_takes_the_gpu_and_bf16_where_it_multiplies_it(device: str) -> None:
    native = bool(torch.version.hip) or torch.cuda.get_device_capability()[0] >= 8
    assert identify_device(TrainingConfig()) == {"device": device, "precision": "bf16" if native else "fp32"}
    assert resolve_precision(TrainingConfig(precision="fp32")) == "fp32"
