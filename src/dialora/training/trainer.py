"""transformers' Trainer on batches planned beforehand: the only module that touches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from dialora.config import TrainingConfig
from dialora.data.tokens import IGNORED_LABEL, TrainingPair, collate_pairs, count_padded, fill_batches
from dialora.errors import DivergedError
from dialora.methods import Method
from dialora.models.device import uses_cuda
from dialora.store import names
from dialora.training.checkpoints import Progress
from dialora.training.lean import split_batch
from dialora.training.weights import load_trained, save_trained

VALIDATION_BATCH_TOKENS = 16_384
"""Padded tokens per validation batch; less where training batches are smaller, since memory is measured."""


def build_arguments(
    training: TrainingConfig, work: Path, *, learning_rate: float, seed: int, precision: str
) -> TrainingArguments:
    """Return the Trainer's arguments; when to log, evaluate and save is the callback's business."""
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


class PlannedTrainer(Trainer):  # type: ignore[misc]
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
        collate: Callable[..., dict[str, Any]] = collate_pairs,
        micro_batch_tokens: int | None = None,
    ) -> None:
        collator = partial(collate, pad_id=pad_id)
        super().__init__(model=model, args=arguments, train_dataset=_Pairs(pairs), data_collator=collator)
        self.key, self.method, self.pairs, self.batches, self.pad_id = key, method, pairs, batches, pad_id
        order = sorted(range(len(validation)), key=lambda i: validation[i].lengths)
        items = [(i, *validation[i].lengths) for i in order]
        lengths = [pair.lengths for pair in pairs]
        budget = min(VALIDATION_BATCH_TOKENS, max(count_padded(lengths, batch) for batch in batches))
        self.validation = [[validation[i] for i in batch] for batch in fill_batches(items, budget)]
        self.micro_batch_tokens = micro_batch_tokens
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
        save_trained(self.model, self.method, folder / names.CHECKPOINT_WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        load_trained(self.model, self.method, Path(resume_from_checkpoint) / names.CHECKPOINT_WEIGHTS)

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
        parts = [inputs] if self.micro_batch_tokens is None else split_batch(inputs, self.micro_batch_tokens)
        losses = [super(PlannedTrainer, self).training_step(model, part, num_items_in_batch) for part in parts]
        loss = torch.stack(losses).sum()
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


__all__ = ["PlannedTrainer", "build_arguments"]
