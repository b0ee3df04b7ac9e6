"""Train one system: the only place that touches `Trainer`.

Takes a model with a method on it and tokenized pairs; changes the model's trainable weights and gives what it cost
and how the loss went. The clock counts optimizer steps only. A checkpoint holds all that the next step depends on
(weights, optimizer, schedule, random states, losses so far), so a run that was killed goes on where it was and ends
with the numbers of an undisturbed one.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from dialora.config import TrainingConfig
from dialora.data.tokens import IGNORED_LABEL, TrainingPair, collate_pairs, count_padded, fill_batches, plan_batches
from dialora.errors import DivergedError, Interrupted, TrainingError
from dialora.methods import Method
from dialora.records import Record
from dialora.runs import load_json, save_json
from dialora.trained import load_trained, save_trained

PROGRESS_FILE = "dialora.json"
WEIGHTS_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
VALIDATION_BATCH_TOKENS = 16_384
"""Padded tokens per validation batch; less where training batches are smaller, since memory is measured."""

OnProgress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the last loss."""

IsHopeless = Callable[[Sequence[tuple[int, float]]], bool]
"""Asked whether a run with these validation losses, as (step, loss), is to end here."""


@dataclass(frozen=True, slots=True)
class TrainingResult(Record):
    """How training went."""

    num_steps: int
    losses: tuple[float, ...]
    """Mean training loss per token, one for each optimizer step."""
    validation: tuple[tuple[int, float], ...]
    """Validation loss per token after so many steps."""
    train_seconds: float
    peak_memory_bytes: int
    precision: str
    stopped_early: bool
    was_resumed: bool


@dataclass(slots=True)
class Progress:
    """What has happened so far; saved in every checkpoint."""

    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    train_seconds: float = 0.0
    peak_memory_bytes: int = 0
    stopped_early: bool = False


def train(
    model: nn.Module,
    pairs: Sequence[TrainingPair],
    validation: Sequence[TrainingPair],
    training: TrainingConfig,
    *,
    key: str,
    learning_rate: float,
    seed: int,
    pad_id: int,
    work: Path,
    method: Method = Method(),  # noqa: B008 - frozen
    on_progress: OnProgress = lambda step, total, loss: None,
    should_stop: Callable[[], bool] = lambda: False,
    is_hopeless: IsHopeless = lambda validation: False,
) -> TrainingResult:
    """Train the model's trainable weights in place and return how it went.

    `method` is asked for its optimizer and told of every step; without one it is AdamW. Checkpoints go to `work`; a
    complete one that lies there already is where training goes on. `should_stop` is asked after every step,
    `is_hopeless` after every evaluation but the last. Raises DivergedError when the loss is not finite, Interrupted
    after `should_stop` said so.
    """
    set_seed(seed)
    batches = plan_batches([pair.lengths for pair in pairs], training, seed=seed)
    precision = resolve_precision(training)
    trainer = _Trainer(
        model,
        _arguments(training, work, learning_rate=learning_rate, seed=seed, precision=precision),
        key=key,
        method=method,
        pairs=pairs,
        validation=validation,
        batches=batches,
        pad_id=pad_id,
    )
    steps = math.ceil(len(batches) / training.gradient_accumulation_steps)
    conductor = _Conductor(
        trainer,
        training,
        work,
        total=steps,
        on_progress=on_progress,
        should_stop=should_stop,
        is_hopeless=is_hopeless,
    )
    trainer.add_callback(conductor)
    method.begin_training(model, num_steps=steps)
    checkpoint = find_checkpoint(work)
    if checkpoint is not None:
        trainer.progress = _load_progress(checkpoint)
    try:
        if not trainer.progress.stopped_early:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    finally:
        # accelerate leaves its autocast on the model's forward: all that comes after would be computed in bf16.
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    progress = trainer.progress
    if conductor.was_interrupted and not progress.stopped_early:
        raise Interrupted(f"{key}: stopped after step {len(progress.losses)} of {steps}.")
    conductor.restore_best()
    return TrainingResult(
        num_steps=len(progress.losses),
        losses=tuple(progress.losses),
        validation=tuple(progress.validation),
        train_seconds=progress.train_seconds,
        peak_memory_bytes=max(progress.peak_memory_bytes, measure_peak_memory()),
        precision=precision,
        stopped_early=progress.stopped_early,
        was_resumed=checkpoint is not None,
    )


def resolve_precision(training: TrainingConfig) -> str:
    """Return `bf16` or `fp32`; `auto` takes bf16 where the processor multiplies it natively."""
    if training.precision != "auto":
        return training.precision
    if uses_cuda(training):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "fp32"


def uses_cuda(training: TrainingConfig) -> bool:
    """Whether this configuration runs on a GPU of this machine. Raises TrainingError when it asks for a missing one."""
    if training.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("training.device: cuda was asked for, but torch sees no GPU; use auto or cpu.")
    return training.device != "cpu" and torch.cuda.is_available()


def measure_peak_memory() -> int:
    """Return the most memory this process has held, in bytes: allocated on the GPU, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated() > 0:
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: a child process starts with its parent's peak there.
        peak = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def find_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint. One that a crash cut short lacks its progress file and does not count."""
    files = (PROGRESS_FILE, WEIGHTS_FILE)
    folders = work.glob(f"{PREFIX_CHECKPOINT_DIR}-*")
    found = [folder for folder in folders if all((folder / name).is_file() for name in files)]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _load_progress(checkpoint: Path) -> Progress:
    progress = Progress(**load_json(checkpoint / PROGRESS_FILE))
    progress.validation = [(step, loss) for step, loss in progress.validation]
    return progress


def _arguments(
    training: TrainingConfig, work: Path, *, learning_rate: float, seed: int, precision: str
) -> TrainingArguments:
    """Return the Trainer's arguments; when to log, evaluate and save is the conductor's business."""
    cuda = uses_cuda(training)
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=1,
        per_device_train_batch_size=training.per_device_train_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        learning_rate=learning_rate,
        lr_scheduler_type=training.lr_scheduler_type,
        warmup_steps=training.warmup_ratio,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=precision == "bf16",
        activation_checkpointing=training.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if training.gradient_checkpointing else None,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=0.02,
        logging_nan_inf_filter=False,
        report_to=list(training.report_to) or "none",
        seed=seed,
        use_cpu=not cuda,
        dataloader_pin_memory=cuda,
        remove_unused_columns=False,
        label_names=["labels"],
        disable_tqdm=True,
    )


class _Trainer(Trainer):  # type: ignore[misc]
    """Trainer on planned batches that watches every loss and times every step."""

    optimizer: torch.optim.Optimizer | None

    def __init__(
        self,
        model: nn.Module,
        arguments: TrainingArguments,
        *,
        key: str,
        method: Method,
        pairs: Sequence[TrainingPair],
        validation: Sequence[TrainingPair],
        batches: list[list[int]],
        pad_id: int,
    ) -> None:
        collate = partial(collate_pairs, pad_id=pad_id)
        super().__init__(model=model, args=arguments, train_dataset=_Pairs(pairs), data_collator=collate)
        self.key, self.method, self.pairs, self.batches, self.pad_id = key, method, pairs, batches, pad_id
        order = sorted(range(len(validation)), key=lambda i: validation[i].lengths)
        items = [(i, *validation[i].lengths) for i in order]
        lengths = [pair.lengths for pair in pairs]
        budget = min(VALIDATION_BATCH_TOKENS, max(count_padded(lengths, batch) for batch in batches))
        self.validation = [[validation[i] for i in batch] for batch in fill_batches(items, budget)]
        self.progress = Progress()
        self.step_losses: list[torch.Tensor] = []
        self.loss_is_scaled_for_ga = True

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the whole run's batches as one epoch."""
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_sampler=_Plan(self.batches),
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return the method's optimizer, or AdamW."""
        if self.optimizer is None:
            args = self.args
            self.optimizer = self.method.build_optimizer(
                self.model, learning_rate=args.learning_rate, weight_decay=args.weight_decay
            )
        return super().create_optimizer(model)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the trained weights alone: the rest of the model is made anew, and does not change."""
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_trained(self.model, self.method, folder / WEIGHTS_FILE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        load_trained(self.model, self.method, Path(resume_from_checkpoint) / WEIGHTS_FILE)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss as a share of the step's mean per target token, over all its accumulated batches.

        Trainer leaves that scaling to the model, whose forward takes `num_items_in_batch` and, being T5, ignores it:
        gradients would grow with the number of batches accumulated.
        """
        outputs = model(**inputs)
        num_tokens = (inputs["labels"] != IGNORED_LABEL).sum()
        loss = outputs.loss * (num_tokens / num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Run one batch forward and backward. Raises DivergedError when its loss is not finite."""
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            step, accumulation = self.state.global_step, self.args.gradient_accumulation_steps
            batch = self.batches[step * accumulation + len(self.step_losses)]
            ids = ", ".join(dict.fromkeys(self.pairs[i].id for i in batch))
            raise DivergedError(
                f"{self.key}: the loss became {loss.item()} at step {step + 1} (learning rate "
                f"{self._get_learning_rate():.3g}; batch: {ids}). Lower methods.{self.key}.learning_rate, "
                f"or look at these examples.",
                num_steps=len(self.progress.losses),
                train_seconds=self.progress.train_seconds,
            )
        self.step_losses.append(loss)
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return the validation loss: the mean over all target tokens, whatever batch they are in."""
        total = torch.zeros((), dtype=torch.float64)
        num_tokens = 0
        self.model.eval()
        with torch.no_grad(), self.method.validating(self.model):
            for batch in self.validation:
                inputs = self._prepare_inputs(collate_pairs(batch, pad_id=self.pad_id))
                tokens = int((inputs["labels"] != IGNORED_LABEL).sum())
                with self.compute_loss_context_manager():
                    total += self.model(**inputs).loss.double().cpu() * tokens
                num_tokens += tokens
        metrics = {"eval_loss": float(total / num_tokens)}
        self.log(metrics)
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Conductor(TrainerCallback):  # type: ignore[misc]
    """Decides when to evaluate, save and stop, and keeps the clock."""

    def __init__(
        self,
        trainer: _Trainer,
        training: TrainingConfig,
        work: Path,
        *,
        total: int,
        on_progress: OnProgress,
        should_stop: Callable[[], bool],
        is_hopeless: IsHopeless,
    ) -> None:
        self.trainer, self.training, self.work, self.total = trainer, training, work, total
        self.on_progress, self.should_stop, self.is_hopeless = on_progress, should_stop, is_hopeless
        self.evaluate_every = max(1, math.ceil(total / training.num_evaluations))
        self.was_interrupted = False
        self.started = self.saved = time.monotonic()

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock: the batch is there, the model's work begins."""
        self.trainer.step_losses = []
        self.started = time.perf_counter()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell the method, while the gradients are there."""
        self.trainer.method.after_step(self.trainer.model, step=state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Stop the clock, keep the loss, and say what is due."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        progress = self.trainer.progress
        progress.train_seconds += time.perf_counter() - self.started
        progress.losses.append(float(torch.stack(self.trainer.step_losses).sum()))
        self.on_progress(state.global_step, self.total, progress.losses[-1])
        is_last = state.global_step >= self.total
        if self.trainer.validation:
            control.should_evaluate = is_last or state.global_step % self.evaluate_every == 0
        if self.should_stop() and not is_last:
            self.was_interrupted = control.should_training_stop = control.should_save = True
        elif is_last or time.monotonic() - self.saved > self.training.checkpoint_seconds:
            control.should_save = True
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any) -> Any:
        """Keep the validation loss; keep the best weights and stop when early stopping is asked for."""
        validation = self.trainer.progress.validation
        validation.append((state.global_step, metrics["eval_loss"]))
        if state.global_step < self.total and self.is_hopeless(validation):
            self.trainer.progress.stopped_early = control.should_training_stop = True
            return control
        patience = self.training.early_stopping_patience
        if patience is None:
            return control
        best = min(range(len(validation)), key=lambda i: validation[i][1])
        if best == len(validation) - 1:
            save_trained(self.trainer.model, self.trainer.method, self.work / BEST_FILE)
        elif len(validation) - 1 - best >= patience and state.global_step < self.total:
            self.trainer.progress.stopped_early = control.should_training_stop = True
            control.should_save = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint as whole, then remove the older ones."""
        progress = self.trainer.progress
        progress.peak_memory_bytes = max(progress.peak_memory_bytes, measure_peak_memory())
        newest = self.work / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        values = {name: getattr(progress, name) for name in Progress.__slots__}
        save_json(json.loads(json.dumps(values)), newest / PROGRESS_FILE)
        for folder in self.work.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
            if folder != newest:
                shutil.rmtree(folder, ignore_errors=True)
        self.saved = time.monotonic()

    def restore_best(self) -> None:
        """With early stopping, put the weights of the lowest validation loss back on the model."""
        path = self.work / BEST_FILE
        if self.training.early_stopping_patience is not None and path.is_file():
            load_trained(self.trainer.model, self.trainer.method, path)


class _Pairs(torch.utils.data.Dataset[TrainingPair]):
    """Tokenized pairs as a torch data set."""

    def __init__(self, pairs: Sequence[TrainingPair]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> TrainingPair:
        return self.pairs[index]


class _Plan(torch.utils.data.Sampler[list[int]]):
    """Batches in the order planned."""

    def __init__(self, batches: list[list[int]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Any:
        return iter(self.batches)


__all__ = ["TrainingResult", "find_checkpoint", "measure_peak_memory", "resolve_precision", "train", "uses_cuda"]
