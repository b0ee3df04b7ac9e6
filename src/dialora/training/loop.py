"""The loop of a run: step after step over batches planned beforehand, evaluating, saving and stopping when due.

The one place where a step is made. The clock runs from when a step's batches are there until its weights are new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dialora.config import TrainingConfig
from dialora.data.tokens import IGNORED_LABEL, Collator, TrainingPair, count_padded
from dialora.errors import DivergedError, TrainingError
from dialora.measuring.clock import Stopwatch
from dialora.measuring.memory import measure_peak_memory, reset_peak_memory
from dialora.methods import Method
from dialora.store import names
from dialora.training.accelerator import build_accelerator
from dialora.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from dialora.training.distributed import ALONE, Group
from dialora.training.lean import split_batch
from dialora.training.optimization import build_optimizer, build_scheduler
from dialora.training.sharding import gather_whole
from dialora.training.state import read_random, restore_random
from dialora.training.trackers import LOGS, finish_trackers, list_trackers, start_trackers
from dialora.training.validation import Validation, compute_loss
from dialora.training.weights import find_non_finite, load_trained, save_trained

OnProgress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the last loss."""
ShouldPrune = Callable[[Sequence[tuple[int, float]]], bool]
"""Asked whether a run with these validation losses, as (step, loss), is to end here."""
Collate = Callable[[Sequence[TrainingPair]], dict[str, Any]]


class End(Enum):
    """Why a loop ended."""

    FINISHED = "finished"
    STOPPED_EARLY = "stopped early"
    PRUNED = "pruned"
    """Given up: nothing is kept of it but its losses."""
    PAUSED = "paused"
    INTERRUPTED = "interrupted"


class TrainingLoop:
    """One run's steps, from the first or from a checkpoint to the last."""

    def __init__(
        self,
        model: nn.Module,
        method: Method,
        training: TrainingConfig,
        work: Path,
        *,
        key: str,
        run_name: str,
        learning_rate: float,
        precision: str,
        uses_cuda: bool,
        pairs: Sequence[TrainingPair],
        validation: Sequence[TrainingPair],
        batches: Sequence[list[int]],
        collator: Collator,
        collate: Collate,
        micro_batch_tokens: int | None,
        on_progress: OnProgress,
        should_stop: Callable[[], bool],
        should_prune: ShouldPrune,
        pause_after: int | None,
        group: Group = ALONE,
    ) -> None:
        self.model, self.method, self.training, self.work, self.key = model, method, training, work, key
        self.group, self.pairs, self.micro_batch_tokens = group, pairs, micro_batch_tokens
        self.collate = collate
        self.uses_cuda = uses_cuda
        self.on_progress, self.should_stop, self.should_prune = on_progress, should_stop, should_prune
        self.pause_after, self.progress, self.has_begun = pause_after, Progress(), False
        size = training.gradient_accumulation_steps
        self.steps = [list(batches[i : i + size]) for i in range(0, len(batches), size)]
        """The batches of every optimizer step."""
        self.evaluate_every = max(1, math.ceil(len(self.steps) / training.num_evaluations))
        lengths = collator.measure(pairs)
        largest = max(count_padded(lengths, part) for batch in batches for part in group.split(batch))
        self.validation = Validation(validation, collator, max_tokens=largest)
        self.trackers, self.run_name = list_trackers(training) if group.is_first else [], run_name
        self.accelerator = build_accelerator(precision, work, uses_cuda=uses_cuda, trackers=self.trackers)
        self.optimizer = build_optimizer(model, method, training, learning_rate=learning_rate)
        self.scheduler = build_scheduler(self.optimizer, training, num_steps=len(self.steps))

    def run(self, checkpoint: Path | None) -> End:
        """Make the steps that are left after `checkpoint`.

        Raises DivergedError when a loss, a gradient or a weight to be saved is not finite, TrainingError when a GPU's
        memory runs out.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        randoms = None
        if checkpoint is not None:
            randoms = load_checkpoint(checkpoint, self.model, self.method, self.optimizer, self.scheduler)
        if self.training.gradient_checkpointing:
            self.model.activation_checkpointing_enable(  # type: ignore[operator]
                activation_checkpointing_kwargs={"use_reentrant": False}
            )
        if self.trackers:
            settings = self.training.model_dump(mode="json", exclude={"report_to"}) | {"method": self.key}
            start_trackers(self.accelerator, self.trackers, self.run_name, settings)
        with _no_decoding_cache(self.model):
            try:
                return self._make_steps(randoms)
            except torch.OutOfMemoryError as error:
                raise TrainingError(
                    f"{self.key}: the GPU's memory ran out at step {len(self.progress.losses) + 1}. Lower "
                    f"training.per_device_train_batch_size or training.max_batch_tokens (and raise "
                    f"training.gradient_accumulation_steps), or set training.gradient_checkpointing."
                ) from error
            finally:
                self.model.eval()
                if self.training.gradient_checkpointing:
                    self.model.activation_checkpointing_disable()  # type: ignore[operator]
                finish_trackers(self.accelerator)

    def _make_steps(self, randoms: Sequence[Any] | None) -> End:
        progress, total = self.progress, len(self.steps)
        if len(progress.losses) == total:
            return End.FINISHED
        batches = self._load_batches(len(progress.losses))
        self._forget_loading()
        since_save, step_watch = Stopwatch(), Stopwatch()
        for step in range(len(progress.losses) + 1, total + 1):
            inputs = [next(batches) for _ in self.steps[step - 1]]
            if randoms is not None:  # after the batches, whose loader draws a number when it begins
                restore_random(randoms, self.group.rank)
                randoms = None
            step_watch.reset()
            losses = self._make_step(inputs, step)
            progress.train_seconds += step_watch.read()
            del inputs
            progress.losses.append(float(torch.stack(losses).sum()))
            self.on_progress(step, total, progress.losses[-1])
            is_last = step == total
            end = End.FINISHED if is_last else End.INTERRUPTED if self.group.decide(self.should_stop()) else None
            if self.trackers and (step % math.ceil(total / LOGS) == 0 or is_last):
                self.accelerator.log({"loss": progress.losses[-1], "learning_rate": self._learning_rate()}, step=step)
            if self.validation.batches and (is_last or step % self.evaluate_every == 0):
                end = self._judge(step, is_last=is_last) or end
            progress.stopped_early = end in (End.STOPPED_EARLY, End.PRUNED)
            is_due = self.group.decide(since_save.read() > self.training.checkpoint_seconds)
            if is_due or end not in (None, End.PRUNED):
                self._save()
                since_save.reset()
            if end is not None:
                return end
        raise AssertionError("the last step ends the loop")

    def _make_step(self, batches: Sequence[dict[str, Any]], step: int) -> list[Tensor]:
        """Make one optimizer step; return every batch's share of the mean loss per target token."""
        zero = torch.zeros((), device=self.accelerator.device)
        own = [self.group.has_part(batch) for batch in self.steps[step - 1]]
        counts = [
            (batch["labels"] != IGNORED_LABEL).sum() for batch, is_own in zip(batches, own, strict=True) if is_own
        ]
        num_tokens = self.group.sum(torch.stack(counts or [zero.long()]).sum())
        losses = []
        for at, batch in enumerate(batches):
            parts = split_batch(batch, self.micro_batch_tokens)
            shares = [self._backward(part, num_tokens, counts=own[at]) for part in parts]
            loss = self.group.sum(torch.stack(shares or [zero]).sum())
            if not torch.isfinite(loss):
                raise self._explain_divergence("loss", float(loss), step, self.steps[step - 1][at])
            losses.append(loss)
        self.group.add_gradients(self.model)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.training.max_grad_norm)
        if norm is not None and not torch.isfinite(norm := gather_whole(norm)):
            rows = [i for batch in self.steps[step - 1] for i in batch]
            raise self._explain_divergence("gradient", float(norm), step, rows)
        self.optimizer.step()
        self.method.after_step(self.model, step=step)
        self.scheduler.step()
        self.model.zero_grad()
        return losses

    def _backward(self, inputs: dict[str, Any], num_tokens: Tensor, *, counts: bool) -> Tensor:
        """Add a batch's gradient; return its loss as a share of the step's mean per target token.

        The model gives the mean of its own batch; those of a step have unlike numbers of tokens.
        """
        self.model.train()
        loss = compute_loss(self.model, inputs, self.accelerator)
        loss = loss * ((inputs["labels"] != IGNORED_LABEL).sum() / num_tokens if counts else 0.0)
        self.accelerator.backward(loss)
        return loss.detach()

    def _judge(self, step: int, *, is_last: bool) -> End | None:
        """Measure the validation loss; keep the best weights where asked for; say whether the run ends here."""
        validation, patience = self.progress.validation, self.training.early_stopping_patience
        loss = self.validation.measure_loss(self.model, self.method, self.accelerator, self.group)
        if not math.isfinite(loss):
            raise self._explain_divergence("validation loss", loss, step)
        validation.append((step, loss))
        if self.trackers:
            self.accelerator.log({"eval_loss": validation[-1][1]}, step=step)
        if not is_last and self.group.decide(self.should_prune(validation)):
            return End.PRUNED
        end = End.PAUSED if self.is_pause_due() and not is_last else None
        if patience is None:
            return end
        best = min(range(len(validation)), key=lambda i: validation[i][1])
        if best == len(validation) - 1:
            path = self.work / names.BEST_WEIGHTS if self.group.is_first else None
            save_trained(self.model, self.method, path)
            self.progress.keeps_best = True
        elif len(validation) - 1 - best >= patience and not is_last:
            return End.STOPPED_EARLY
        return end

    def is_pause_due(self) -> bool:
        """Whether training is to wait here, with a checkpoint, until it is called again."""
        return self.pause_after is not None and len(self.progress.validation) >= self.pause_after

    def restore_best(self) -> None:
        """With early stopping, put the weights of the lowest validation loss back on the model."""
        path = self.work / names.BEST_WEIGHTS
        if self.progress.keeps_best:
            load_trained(self.model, self.method, path)

    def _load_batches(self, steps_made: int) -> Iterator[dict[str, Any]]:
        """Give the batches that are left, padded and on the device."""
        left = [self.group.share(batch) for step in self.steps[steps_made:] for batch in step]
        loader: Any = DataLoader(
            self.pairs,  # type: ignore[arg-type]
            batch_sampler=left,
            collate_fn=lambda pairs: self.collate(pairs) if pairs else {},
            pin_memory=self.uses_cuda,
        )
        return map(self._to_device, iter(loader))

    def _to_device(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return send_to_device(inputs, self.accelerator.device, non_blocking=self.uses_cuda)

    def _forget_loading(self) -> None:
        """Let the peak be training's own: everything that it needs is there, and no step is made yet."""
        self.has_begun, held = True, self.group.max(measure_peak_memory())
        if reset_peak_memory():
            self.progress.loading_memory_bytes = max(self.progress.loading_memory_bytes, held)

    def _save(self) -> None:
        progress, step = self.progress, len(self.progress.losses)
        broken = find_non_finite(self.model)
        if broken is not None:
            name, value = broken
            rows = [i for batch in self.steps[step - 1] for i in batch]
            raise self._explain_divergence(f"weight {name}", value, step, rows)
        progress.peak_memory_bytes = max(progress.peak_memory_bytes, self.group.max(measure_peak_memory()))
        randoms = self.group.gather(read_random())
        held = (self.model, self.method, self.optimizer, self.scheduler)
        save_checkpoint(self.work, progress, *held, randoms, writes=self.group.is_first)

    def _learning_rate(self) -> float:
        return float(self.scheduler.get_last_lr()[0])

    def _explain_divergence(self, what: str, value: float, step: int, rows: Sequence[int] = ()) -> DivergedError:
        ids = ", ".join(dict.fromkeys(self.pairs[i].id for i in rows))
        batch = f"; batch: {ids if len(ids) <= 300 else ids[:297] + '…'}" if ids else ""
        return DivergedError(
            f"{self.key}: the {what} became {value} at step {step} (learning rate {self._learning_rate():.3g}{batch}). "
            f"Lower methods.{self.key}.learning_rate, or look at these examples.",
            num_steps=len(self.progress.losses),
            train_seconds=self.progress.train_seconds,
        )


@contextmanager
def _no_decoding_cache(model: Any) -> Iterator[None]:
    """Let a training forward keep no keys and values, which only generation reads."""
    kept, model.config.use_cache = model.config.use_cache, False
    try:
        yield
    finally:
        model.config.use_cache = kept


__all__ = ["End", "OnProgress", "ShouldPrune", "TrainingLoop"]
