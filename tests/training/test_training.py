"""Training: the loss falls, an interrupted run ends like an undisturbed one, and trouble is named."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import TrainingPair, tokenize_pairs
from dialora.errors import DivergedError, Interrupted, TrainingError
from dialora.models.adapters import apply_method
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import names, telling_damage
from dialora.training import TrainingResult, find_checkpoint, train
from tests.conftest import leave_out_dropout


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


@pytest.fixture
def splits(config: ExperimentConfig) -> dict[str, list[TrainingPair]]:
    dataset, tokenizer = load_dataset(config.data), load_tokenizer(config)
    return {
        name: tokenize_pairs(
            getattr(dataset, name), tokenizer, prompt=config.prompt, max_source_length=64, max_target_length=24
        )
        for name in ("train", "validation")
    }


def run(
    config: ExperimentConfig, splits: dict[str, list[TrainingPair]], work: Path, key: str = "lora", **options: Any
) -> tuple[TrainingResult, dict[str, torch.Tensor]]:
    """Train a fresh model and return the result and the weights it trained."""
    torch.manual_seed(0)
    model = apply_method(load_base_model(config), config.methods[key], key=key)
    settings = {"num_train_epochs": 2, "per_device_train_batch_size": 4, "num_evaluations": 3, "precision": "fp32"}
    training = TrainingConfig(**(settings | options.pop("training", {})))
    arguments = {"key": key, "learning_rate": 1e-2, "seed": 0, "pad_id": 0, "work": work} | options
    result = train(model, splits["train"], splits["validation"], training, **arguments)
    return result, {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


def test_the_loss_falls_and_is_kept_for_every_step(config: Any, splits: Any, tmp_path: Path) -> None:
    result, _ = run(config, splits, tmp_path, training={"num_train_epochs": 10})
    assert result.num_steps == len(result.losses) == 60
    assert sum(result.losses[-6:]) / 6 < sum(result.losses[:6]) / 6 - 0.1
    assert [step for step, _ in result.validation] == [20, 40, 60]
    assert result.peak_memory_bytes > 50e6


@pytest.mark.parametrize("key", ["lora", "full"])
@pytest.mark.parametrize("stop_at", [1, 5, 8])
def test_a_run_that_was_stopped_ends_like_an_undisturbed_one(
    key: str, stop_at: int, config: Any, splits: Any, tmp_path: Path
) -> None:
    expected, weights = run(config, splits, tmp_path / "a", key)
    steps = iter(range(100))
    with pytest.raises(Interrupted, match=f"stopped after step {stop_at} of 12"):
        run(config, splits, tmp_path / "b", key, should_stop=lambda: next(steps) == stop_at - 1)
    resumed, resumed_weights = run(config, splits, tmp_path / "b", key)
    assert resumed.losses == expected.losses
    assert resumed.validation == expected.validation
    assert all(torch.equal(resumed_weights[name], weight) for name, weight in weights.items())


def test_a_checkpoint_that_was_cut_short_does_not_count(config: Any, splits: Any, tmp_path: Path) -> None:
    expected, _ = run(config, splits, tmp_path / "a")
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        run(config, splits, tmp_path / "b", should_stop=lambda: next(steps) == 3)
    whole = find_checkpoint(tmp_path / "b")
    assert whole is not None
    broken = whole.with_name("checkpoint-9")
    broken.mkdir()
    (broken / "adapter_model.safetensors").write_bytes(b"half")
    assert find_checkpoint(tmp_path / "b") == whole
    assert run(config, splits, tmp_path / "b")[0].losses == expected.losses


@pytest.mark.parametrize("name", [names.CHECKPOINT_WEIGHTS, names.CHECKPOINT_STATE, names.CHECKPOINT_PROGRESS, "best"])
@pytest.mark.parametrize("damage", ["flip", "pad"])
def test_a_checkpoint_that_was_changed_is_not_resumed_from(
    name: str, damage: str, config: Any, splits: Any, tmp_path: Path
) -> None:
    options = {"training": {"early_stopping_patience": 5}}
    expected, weights = run(config, splits, tmp_path / "a", **options)
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        run(config, splits, tmp_path / "b", should_stop=lambda: next(steps) == 6, **options)
    checkpoint = find_checkpoint(tmp_path / "b")
    assert checkpoint is not None
    path = tmp_path / "b" / names.BEST_WEIGHTS if name == "best" else checkpoint / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) - 9] ^= 1
    else:
        content = content[: len(content) // 2].ljust(len(content), b" ")
    path.write_bytes(content)
    told: list[str] = []
    with telling_damage(told.append):
        found, found_weights = run(config, splits, tmp_path / "b", **options)
    assert not found.was_resumed
    assert (found.losses, found.validation) == (expected.losses, expected.validation)
    assert all(torch.equal(found_weights[key], weight) for key, weight in weights.items())
    assert path.name in told[0]


def test_accumulated_batches_are_one_big_batch(config: Any, splits: Any, tmp_path: Path) -> None:
    # T5's forward swallows num_items_in_batch, so Trainer alone would multiply the gradients by 4.
    results = []
    for name, options in (
        ("big", {"per_device_train_batch_size": 24}),
        ("small", {"per_device_train_batch_size": 6, "gradient_accumulation_steps": 4}),
    ):
        torch.manual_seed(0)
        model = leave_out_dropout(load_base_model(config))
        training = TrainingConfig(max_steps=1, precision="fp32", warmup_ratio=0, max_grad_norm=1e6, **options)
        gradients: dict[str, torch.Tensor] = {}
        for parameter_name, p in model.named_parameters():
            p.register_post_accumulate_grad_hook(
                lambda q, n=parameter_name, g=gradients: g.__setitem__(n, q.grad.detach().clone())
            )
        result = train(
            model, splits["train"], [], training, key="full", learning_rate=1e-3, seed=0, pad_id=0, work=tmp_path / name
        )
        results.append((result.losses[0], gradients))
    (loss, expected), (small_loss, found) = results
    assert small_loss == pytest.approx(loss, rel=1e-5)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_a_loss_that_is_not_finite_names_step_and_batch(config: Any, splits: Any, tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        run(config, splits, tmp_path, "full", learning_rate=1e30, training={"warmup_ratio": 0})
    text = str(caught.value)
    assert "full: the loss became nan at step 2" in text or "full: the loss became inf at step 2" in text
    assert "train_" in text
    assert "Lower methods.full.learning_rate" in text


def test_the_clock_counts_training_steps_only(
    config: Any, splits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.training.validation import Validation

    evaluate = Validation.measure_loss

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.7)
        return evaluate(*args, **kwargs)

    monkeypatch.setattr(Validation, "measure_loss", slow)
    started = time.perf_counter()
    result, _ = run(config, splits, tmp_path)
    wall = time.perf_counter() - started
    assert len(result.validation) == 3
    assert 0 < result.train_seconds < wall - 2.1


def test_early_stopping_keeps_the_best_weights(config: Any, splits: Any, tmp_path: Path) -> None:
    options = {"num_train_epochs": 20, "num_evaluations": 20, "early_stopping_patience": 2, "warmup_ratio": 0}
    result, weights = run(config, splits, tmp_path / "a", "full", learning_rate=0.3, training=options)
    losses = [loss for _, loss in result.validation]
    assert result.stopped_early
    assert result.num_steps < 120
    best = min(range(len(losses)), key=losses.__getitem__)
    assert best == len(losses) - 3
    # The run that ends where the best one was has the weights that were kept.
    steps = iter(range(1000))
    with pytest.raises(Interrupted):
        run(
            config, splits, tmp_path / "b", "full", learning_rate=0.3, training=options,
            should_stop=lambda: next(steps) + 1 == result.validation[best][0],
        )  # fmt: skip
    from safetensors.torch import load_file

    checkpoint = find_checkpoint(tmp_path / "b")
    assert checkpoint is not None
    saved = load_file(checkpoint / "model.safetensors")
    assert torch.equal(saved["lm_head.weight"], weights["lm_head.weight"])


def test_checkpoints_are_due_by_the_clock(config: Any, splits: Any, tmp_path: Path) -> None:
    seen = set()

    def look(step: int, total: int, loss: float) -> None:
        seen.update(path.parent.name for path in tmp_path.glob(f"checkpoint-*/{names.CHECKPOINT_PROGRESS}"))

    run(config, splits, tmp_path, on_progress=look, training={"checkpoint_seconds": 1e-9})
    assert len(seen) == 11
    assert len(list(tmp_path.glob("checkpoint-*"))) == 1


@pytest.mark.parametrize(
    "options", [{"gradient_checkpointing": True}, {"max_batch_tokens": 400}, {"precision": "bf16"}]
)
def test_options_that_change_the_how_and_not_the_what(
    options: dict[str, Any], config: Any, splits: Any, tmp_path: Path
) -> None:
    plain, _ = run(config, splits, tmp_path / "a")
    other, _ = run(config, splits, tmp_path / "b", training=options)
    assert other.losses[0] == pytest.approx(plain.losses[0], abs=0.15)
    assert other.losses[-1] == pytest.approx(plain.losses[-1], abs=0.3)


def test_a_model_trained_in_bf16_computes_in_fp32_afterwards(config: Any, splits: Any, tmp_path: Path) -> None:
    model = apply_method(load_base_model(config), config.methods["full"], key="full")
    training = TrainingConfig(max_steps=2, precision="bf16")
    train(model, splits["train"], [], training, key="full", learning_rate=1e-3, seed=0, pad_id=0, work=tmp_path)
    fresh = load_base_model(config)
    fresh.load_state_dict(model.state_dict())
    ids = torch.arange(10, 30).reshape(2, 10)
    inputs = {"input_ids": ids, "decoder_input_ids": ids}
    with torch.no_grad():
        assert torch.equal(model.eval()(**inputs).logits, fresh.eval()(**inputs).logits)


def test_a_run_killed_after_an_early_stop_does_not_train_on(
    config: Any, splits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.training.loop import TrainingLoop

    options = {"num_train_epochs": 20, "num_evaluations": 20, "early_stopping_patience": 2, "warmup_ratio": 0}
    arguments: dict[str, Any] = {"learning_rate": 0.3, "training": options}
    expected, weights = run(config, splits, tmp_path / "a", "full", **arguments)

    def die(callback: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "restore_best", die)
        with pytest.raises(KeyboardInterrupt):
            run(config, splits, tmp_path / "b", "full", **arguments)
    (progress,) = (tmp_path / "b").glob("checkpoint-*/dialora.json")
    kept = json.loads(progress.read_text())
    # It loads and makes no step: what it holds meanwhile is not training's.
    ballast = torch.ones(100_000_000)
    resumed, resumed_weights = run(config, splits, tmp_path / "b", "full", **arguments)
    del ballast
    assert (resumed.losses, resumed.validation) == (expected.losses, expected.validation)
    assert resumed.peak_memory_bytes == kept["peak_memory_bytes"]
    assert resumed.loading_memory_bytes == kept["loading_memory_bytes"]
    assert all(torch.equal(resumed_weights[name], weight) for name, weight in weights.items())


@pytest.mark.parametrize("accumulation", [1, 3])
def test_the_loop_makes_the_steps_that_transformers_trainer_makes(
    accumulation: int, config: Any, splits: Any, tmp_path: Path
) -> None:
    from torch.utils.data import DataLoader
    from transformers import Trainer, TrainingArguments, set_seed

    from dialora.data.tokens import collate_pairs, plan_batches

    options: dict[str, Any] = {"lr_scheduler_type": "cosine", "warmup_ratio": 0.2, "weight_decay": 0.1}
    options |= {"num_train_epochs": 2, "per_device_train_batch_size": 4, "precision": "bf16"}
    training = TrainingConfig(**options, gradient_accumulation_steps=accumulation, max_grad_norm=0.5, lean=False)
    batches = plan_batches([pair.lengths for pair in splits["train"]], training, seed=0)

    class Planned(Trainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> Any:
            collate = self.data_collator
            return self.accelerator.prepare(DataLoader(splits["train"], batch_sampler=batches, collate_fn=collate))

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
            share = (inputs["labels"] != -100).sum() / kwargs["num_items_in_batch"]
            return model(**inputs).loss * share

    arguments = TrainingArguments(
        output_dir=str(tmp_path / "theirs"), num_train_epochs=1, lr_scheduler_type="cosine", warmup_steps=0.2,
        weight_decay=0.1, learning_rate=1e-2, max_grad_norm=0.5, gradient_accumulation_steps=accumulation, bf16=True,
        use_cpu=True, seed=0, report_to="none", save_strategy="no", remove_unused_columns=False, disable_tqdm=True,
    )  # fmt: skip
    set_seed(0)
    theirs = apply_method(load_base_model(config), config.methods["full"], key="full")
    trainer = Planned(
        theirs, arguments, train_dataset=splits["train"], data_collator=lambda p: collate_pairs(p, pad_id=0)
    )
    trainer.loss_is_scaled_for_ga = True
    trainer.train()

    set_seed(0)
    ours = apply_method(load_base_model(config), config.methods["full"], key="full")
    train(ours, splits["train"], [], training, key="full", learning_rate=1e-2, seed=0, pad_id=0, work=tmp_path / "ours")
    weights = dict(theirs.named_parameters())
    assert all(torch.equal(p, weights[name]) for name, p in ours.named_parameters())


def test_a_checkpoint_holds_no_pickle(config: Any, splits: Any, tmp_path: Path) -> None:
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        run(config, splits, tmp_path, should_stop=lambda: next(steps) == 1)
    checkpoint = find_checkpoint(tmp_path)
    assert checkpoint is not None
    assert {path.suffix for path in checkpoint.iterdir()} == {".safetensors", ".json"}


def test_trackers_are_told_of_loss_rate_and_validation(config: Any, splits: Any, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result, _ = run(config, splits, tmp_path, training={"report_to": ["tensorboard"]})
    folders = {path.parent for path in tmp_path.rglob("events.out.tfevents*")}
    told: dict[str, list[tuple[int, float]]] = {}
    for folder in folders:
        events = EventAccumulator(str(folder))
        events.Reload()
        for tag in events.Tags()["scalars"]:
            told[tag] = [(event.step, event.value) for event in events.Scalars(tag)]
    assert told["loss"] == [(step, pytest.approx(loss)) for step, loss in enumerate(result.losses, 1)]
    assert told["eval_loss"] == [(step, pytest.approx(loss)) for step, loss in result.validation]
    assert told["learning_rate"][-1] == (12, 0.0)


def test_a_tracker_that_is_not_installed_is_named(
    config: Any, splits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialora.training.trackers.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"training.report_to: wandb is not installed; `pip install wandb`"):
        run(config, splits, tmp_path, training={"report_to": ["wandb", "none"]})


def test_a_launchers_shell_changes_no_step(
    config: Any, splits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, weights = run(config, splits, tmp_path / "a")
    left = {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "8", "ACCELERATE_MIXED_PRECISION": "bf16", "PMI_SIZE": "2"}
    left |= {"PMI_RANK": "0", "WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    found, found_weights = run(config, splits, tmp_path / "b")
    assert found.losses == expected.losses
    assert all(torch.equal(found_weights[name], weight) for name, weight in weights.items())


def test_a_gradient_that_is_not_finite_changes_no_weight(config: Any, splits: Any, tmp_path: Path) -> None:
    model = apply_method(load_base_model(config), config.methods["lora"], key="lora")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained = next(p for p in model.parameters() if p.requires_grad)
    trained.register_hook(lambda gradient: gradient * float("inf"))
    training = TrainingConfig(max_steps=1, precision="fp32", warmup_ratio=0)
    with pytest.raises(DivergedError, match=r"lora: the gradient became (nan|inf) at step 1 .*batch: train_"):
        train(model, splits["train"], [], training, key="lora", learning_rate=1e-2, seed=0, pad_id=0, work=tmp_path)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_a_last_step_that_breaks_the_weights_is_no_finished_run(
    config: Any, splits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialora.training.validation import Validation

    monkeypatch.setattr(Validation, "measure_loss", lambda *arguments: float("nan"))
    options = {"early_stopping_patience": 3, "max_steps": 2, "num_evaluations": 1}
    with pytest.raises(DivergedError, match=r"lora: the validation loss became nan at step 2 \(learning rate"):
        run(config, splits, tmp_path, training=options)
    assert find_checkpoint(tmp_path) is None
    assert not list(tmp_path.glob("best*"))


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("key", ["full", "lora"])
def test_a_last_step_that_overflows_without_validation_is_no_finished_run(
    config: Any, splits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: float
) -> None:
    method = config.methods[key]
    model = apply_method(load_base_model(config), method, key=key)
    name, trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad][-1]
    steps: list[int] = []

    def overflow(self: Any, model: Any, *, step: int) -> None:
        # One number of one weight, after a finite loss and gradient.
        steps.append(step)
        if step == 2:
            trained.data.view(-1)[-1] = value

    monkeypatch.setattr(type(method), "after_step", overflow)
    training = TrainingConfig(max_steps=2, precision="fp32", warmup_ratio=0)
    options: dict[str, Any] = {"key": key, "learning_rate": 1e-3, "seed": 0, "pad_id": 0, "work": tmp_path}
    with pytest.raises(DivergedError) as caught:
        train(model, splits["train"], [], training, method=method, **options)
    became = "nan" if value != value else "inf"
    assert str(caught.value).startswith(f"{key}: the weight {name} became {became} at step 2 (learning rate ")
    assert "batch: train_" in str(caught.value)
    assert steps == [1, 2]
    assert find_checkpoint(tmp_path) is None
