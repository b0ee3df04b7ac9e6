"""Train one system.

Takes a model with a method on it and tokenized pairs; changes the model's trainable weights and gives what it cost
and how the loss went. The clock counts optimizer steps only. A checkpoint holds all that the next step depends on
(weights, optimizer, schedule, random states, losses so far), so a run that was killed goes on where it was and ends
with the numbers of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from torch import nn
from transformers import set_seed

from dialora.config import TrainingConfig
from dialora.data.tokens import TrainingPair, plan_batches
from dialora.errors import Interrupted
from dialora.measuring.memory import measure_peak_memory
from dialora.methods import Method
from dialora.models.device import find_device, resolve_precision, uses_cuda
from dialora.models.families import family_of
from dialora.records import Record
from dialora.training.checkpoints import find_checkpoint, load_progress
from dialora.training.distributed import ALONE, Group
from dialora.training.encoder_cache import build_encoder_cache, trains_decoder_alone
from dialora.training.lean import find_micro_batch_tokens, lean
from dialora.training.loop import End, OnProgress, ShouldPrune, TrainingLoop
from dialora.training.sharding import shard, unshard
from dialora.training.state import branch_random


@dataclass(frozen=True, slots=True)
class TrainingResult(Record):
    """How training went."""

    num_steps: int
    losses: tuple[float, ...]
    """Mean training loss per token, one for each optimizer step."""
    validation: tuple[tuple[int, float], ...]
    """Validation loss per token after so many steps."""
    train_seconds: float
    """Optimizer steps only."""
    peak_memory_bytes: int
    """Since the first step; what loading took is not in it."""
    precision: str
    stopped_early: bool
    was_resumed: bool
    encoding_seconds: float | None = None
    """What running the frozen encoder once took; None where every step runs it."""
    loading_memory_bytes: int | None = None
    """The most memory held before the first step."""
    is_paused: bool = False
    """It goes on when `train` is called with the same `work` again."""


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
    run_name: str | None = None,
    on_progress: OnProgress = lambda step, total, loss: None,
    on_encoding: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    should_prune: ShouldPrune = lambda validation: False,
    pause_after: int | None = None,
    group: Group = ALONE,
) -> TrainingResult:
    """Train the model's trainable weights in place and return how it went.

    `method` is asked for its optimizer and told of every step; without one it is AdamW. `run_name` is what trackers
    call it, else `key`. Checkpoints go to `work`; a complete one that lies there already is where training goes on.
    `on_encoding` is told of sources done, where their encoder states are computed before the first step. `should_stop`
    is asked after every step, `should_prune` after every evaluation but the last. After `pause_after` evaluations,
    unless that is the end, it returns with a checkpoint in `work` and what has come out so far. Each process of a
    `group` calls it with the same arguments; what reports and decides is asked in the first one alone, and there alone
    the model is whole again behind it. Raises DivergedError when a loss, gradient or weight is not finite, Interrupted
    after `should_stop` said so, both in every process.
    """
    family = family_of(model)
    collator = family.build_collator(pad_id)
    batches = plan_batches(collator.measure(pairs), training, seed=seed)
    precision, on_gpu, device = resolve_precision(training), uses_cuda(training), find_device(training)
    has_cache = training.cache_encoder and family.has_encoder_cache and trains_decoder_alone(model)
    # What a cached encoder leaves to train is small, and so is an adapter.
    is_sharded = training.fsdp and group.size > 1 and not (method.is_peft or has_cache)
    group = replace(group, is_sharded=is_sharded)
    is_lean = training.lean and family.is_lean and not is_sharded
    if not is_sharded and next(model.parameters()).device.type != device.type:
        model.to(device)
    with group.joined(device):
        if is_sharded:
            shard(model, device, group.size)
        group.align(model)
        cache = None
        if has_cache:
            with group.first_before_others():
                cache = build_encoder_cache(
                    model,
                    pairs,
                    work,
                    precision=precision,
                    pad_id=pad_id,
                    on_progress=on_encoding,
                    should_stop=should_stop,
                )
        set_seed(seed)
        branch_random(group.rank)
        loop = TrainingLoop(
            model,
            method,
            training,
            work,
            key=key,
            run_name=run_name or key,
            learning_rate=learning_rate,
            precision=precision,
            uses_cuda=on_gpu,
            pairs=pairs,
            validation=validation,
            batches=batches,
            collator=collator,
            collate=collator.collate_pairs if cache is None else partial(cache.collate, pad_id=pad_id),
            micro_batch_tokens=find_micro_batch_tokens(model.config) if is_lean and not on_gpu else None,
            on_progress=on_progress,
            should_stop=should_stop,
            should_prune=should_prune,
            pause_after=pause_after,
            group=group,
        )
        steps = len(loop.steps)
        method.begin_training(model, num_steps=steps)
        checkpoint, end = find_checkpoint(work), None
        if checkpoint is not None:
            loop.progress = load_progress(checkpoint)
            # Killed after the last checkpoint of a run that ended there or pauses there: no step is to be made.
            if loop.progress.stopped_early:
                end = End.STOPPED_EARLY
            elif loop.is_pause_due() and len(loop.progress.losses) < steps:
                end = End.PAUSED
        if end is None:
            with lean(model, precision=precision, work=work if group.is_first else None) if is_lean else nullcontext():
                end = loop.run(checkpoint)
        progress = loop.progress
        if end is End.INTERRUPTED:
            raise Interrupted(f"{key}: stopped after step {len(progress.losses)} of {steps}.")
        if is_sharded:
            unshard(model, keeps=group.is_first)
        if group.is_first:
            loop.restore_best()
        # A process that found the last step made has loaded, and done nothing else.
        peak = group.max(measure_peak_memory() if loop.has_begun else 0)
        return TrainingResult(
            num_steps=len(progress.losses),
            losses=tuple(progress.losses),
            validation=tuple(progress.validation),
            train_seconds=progress.train_seconds,
            peak_memory_bytes=max(progress.peak_memory_bytes, peak),
            precision=precision,
            stopped_early=progress.stopped_early,
            was_resumed=checkpoint is not None,
            encoding_seconds=None if cache is None else cache.seconds,
            loading_memory_bytes=progress.loading_memory_bytes or None,
            is_paused=end is End.PAUSED,
        )


__all__ = ["TrainingResult", "train"]
