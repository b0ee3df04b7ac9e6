"""What happens between the steps of a run: evaluating, saving, stopping, and the clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from dialora.config import TrainingConfig
from dialora.measuring.clock import Stopwatch
from dialora.measuring.memory import measure_peak_memory, reset_peak_memory
from dialora.store import names
from dialora.training.checkpoints import finish_checkpoint
from dialora.training.trainer import PlannedTrainer
from dialora.training.weights import load_trained, save_trained

OnProgress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the last loss."""
ShouldPrune = Callable[[Sequence[tuple[int, float]]], bool]
"""Asked whether a run with these validation losses, as (step, loss), is to end here."""


class RunCallback(TrainerCallback):  # type: ignore[misc]
    """Decides when to evaluate, save and stop, and keeps the clock."""

    def __init__(
        self,
        trainer: PlannedTrainer,
        training: TrainingConfig,
        work: Path,
        *,
        total: int,
        on_progress: OnProgress,
        should_stop: Callable[[], bool],
        should_prune: ShouldPrune,
        pause_after: int | None = None,
    ) -> None:
        self.trainer, self.training, self.work, self.total = trainer, training, work, total
        self.on_progress, self.should_stop, self.should_prune = on_progress, should_stop, should_prune
        self.pause_after, self.is_paused = pause_after, False
        self.evaluate_every = max(1, math.ceil(total / training.num_evaluations))
        self.was_interrupted = False
        self.has_begun = False
        self.step, self.since_save = Stopwatch(), Stopwatch()

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Forget what loading took: everything that training needs is there, and no step is made yet."""
        self.has_begun, progress, held = True, self.trainer.progress, measure_peak_memory()
        if reset_peak_memory():
            progress.loading_memory_bytes = max(progress.loading_memory_bytes, held)

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock: the batch is there, the model's work begins."""
        self.trainer.step_losses = []
        self.step.reset()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell the method, while the gradients are there."""
        self.trainer.method.after_step(self.trainer.model, step=state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Stop the clock, keep the loss, and say what is due."""
        progress = self.trainer.progress
        progress.train_seconds += self.step.read()
        progress.losses.append(float(torch.stack(self.trainer.step_losses).sum()))
        self.on_progress(state.global_step, self.total, progress.losses[-1])
        is_last = state.global_step >= self.total
        if self.trainer.validation:
            control.should_evaluate = is_last or state.global_step % self.evaluate_every == 0
        if self.should_stop() and not is_last:
            self.was_interrupted = control.should_training_stop = control.should_save = True
        elif is_last or self.since_save.read() > self.training.checkpoint_seconds:
            control.should_save = True
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any) -> Any:
        """Keep the validation loss; keep the best weights and stop when early stopping is asked for."""
        validation = self.trainer.progress.validation
        validation.append((state.global_step, metrics["eval_loss"]))
        if state.global_step < self.total and self.should_prune(validation):
            self.trainer.progress.stopped_early = control.should_training_stop = True
            return control
        if self.is_pause_due() and state.global_step < self.total:
            self.is_paused = control.should_training_stop = control.should_save = True
        patience = self.training.early_stopping_patience
        if patience is None:
            return control
        best = min(range(len(validation)), key=lambda i: validation[i][1])
        if best == len(validation) - 1:
            save_trained(self.trainer.model, self.trainer.method, self.work / names.BEST_WEIGHTS)
        elif len(validation) - 1 - best >= patience and state.global_step < self.total:
            self.trainer.progress.stopped_early = control.should_training_stop = True
            control.should_save = True
        return control

    def is_pause_due(self) -> bool:
        """Whether training is to wait here, with a checkpoint, until it is called again."""
        return self.pause_after is not None and len(self.trainer.progress.validation) >= self.pause_after

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint as whole, then remove the older ones."""
        progress = self.trainer.progress
        progress.peak_memory_bytes = max(progress.peak_memory_bytes, measure_peak_memory())
        finish_checkpoint(self.work, state.global_step, progress)
        self.since_save.reset()

    def restore_best(self) -> None:
        """With early stopping, put the weights of the lowest validation loss back on the model."""
        path = self.work / names.BEST_WEIGHTS
        if self.training.early_stopping_patience is not None and path.is_file():
            load_trained(self.trainer.model, self.trainer.method, path)


__all__ = ["OnProgress", "RunCallback", "ShouldPrune"]
