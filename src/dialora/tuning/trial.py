"""Make one trial of a search for a learning rate, in a worker: train, judge on validation, keep the result alone.

Takes a model with its method on it and the tokenized splits, gives a stage that holds a `rules.Trial` and no weights.
A loss that is not finite is a result here, not an error: it says that the rate is too high.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dialora.comparison import aggregate_references
from dialora.config import ExperimentConfig
from dialora.data.tokens import TrainingPair, tokenize_sources
from dialora.errors import DivergedError
from dialora.generation import generate
from dialora.measuring.clock import Stopwatch
from dialora.models.bases import build_prompt
from dialora.protocols import STANDARD
from dialora.records import Example
from dialora.scoring import score_predictions
from dialora.store import PartialLog, TrialFolder, load_json, names, save_json
from dialora.training import ALONE, Group, OnProgress, TrainingResult, find_checkpoint, load_progress, train
from dialora.tuning.rules import DIVERGED, FINISHED, PAUSED, STOPPED, Search, Trial

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


def make_trial(
    search: Search,
    others: Sequence[Trial],
    config: ExperimentConfig,
    place: TrialFolder,
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    splits: Mapping[str, Sequence[TrainingPair]],
    *,
    validation: Callable[[], Sequence[Example]],
    on_progress: OnProgress,
    on_encoding: Callable[[int, int], None],
    should_stop: Callable[[], bool],
    until_first_rung: bool = False,
    group: Group = ALONE,
) -> None:
    """Train with `config`'s learning rate for the search's method and write the trial, which is judged by `others`.

    `until_first_rung` lets it wait at the first halving, with a checkpoint; called again, it goes on. `validation`
    gives the examples that summaries are judged by. Raises DialoraError, but not divergence.
    """
    method: Any = config.methods[place.key]
    spent = _find_seconds_spent(place)
    watch = Stopwatch()
    outcome = DIVERGED
    value: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    try:
        result = train(
            model,
            splits["train"],
            splits["validation"],
            config.training,
            key=place.key,
            run_name=place.name,
            learning_rate=method.learning_rate,
            method=method,
            seed=place.seed,
            pad_id=tokenizer.pad_token_id,
            work=place.work,
            on_progress=on_progress,
            on_encoding=on_encoding,
            should_stop=should_stop,
            should_prune=lambda losses: search.should_prune(others, losses),
            pause_after=search.first_rung if until_first_rung else None,
            group=group,
        )
    except DivergedError as error:
        num_steps, seconds = error.num_steps, error.train_seconds
    else:
        num_steps, seconds = result.num_steps, result.train_seconds
        losses = result.validation
        is_pruned = result.stopped_early and search.should_prune(others, losses)
        outcome = PAUSED if result.is_paused else STOPPED if is_pruned else FINISHED
    if outcome == FINISHED and search.metric == "rouge1":
        value = _score_validation(config, place, validation(), model, tokenizer, should_stop)
    elif outcome == FINISHED:
        value = _final_loss(config, result)
    trial = Trial(
        number=place.number,
        learning_rate=method.learning_rate,
        outcome=outcome,
        value=value,
        validation=losses,
        num_steps=num_steps,
        train_seconds=seconds,
        wall_seconds=None if spent is None else spent + watch.read(),
    )
    with (place.first if outcome == PAUSED else place.result).writing() as folder:
        save_json(trial.to_json(), folder / names.TRIAL)


def _find_seconds_spent(place: TrialFolder) -> float | None:
    """Return what the trial has taken so far; None after an interruption other than its pause."""
    checkpoint = find_checkpoint(place.work)
    if checkpoint is None:
        return 0.0
    if not place.first.is_complete:
        return None
    paused = Trial.from_json(load_json(place.first.folder / names.TRIAL))
    return paused.wall_seconds if len(load_progress(checkpoint).losses) == paused.num_steps else None


def _final_loss(config: ExperimentConfig, result: TrainingResult) -> float:
    """Return the validation loss of the weights that a run ends with: early stopping keeps the best ones."""
    losses = [loss for _, loss in result.validation]
    return losses[-1] if config.training.early_stopping_patience is None else min(losses)


def _score_validation(
    config: ExperimentConfig,
    place: TrialFolder,
    examples: Sequence[Example],
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    should_stop: Callable[[], bool],
) -> float:
    """Return the mean ROUGE-1 of summaries of the validation dialogues, or of as many as `max_examples` says."""
    assert config.tuning is not None
    size = min(config.tuning.max_examples, len(examples))
    drawn = sorted(random.Random(config.tuning.seed).sample(range(len(examples)), size))
    examples = [examples[i] for i in drawn]
    sources = tokenize_sources(
        [example.dialogue for example in examples],
        tokenizer,
        prompt=build_prompt(config, tokenizer),
        max_length=config.data.max_source_length,
    )
    log = PartialLog(place.work / names.PARTIAL, place.result.key)
    predictions = generate(model, tokenizer, examples, sources, config.decoding, log=log, should_stop=should_stop)
    scores = score_predictions(examples, predictions, replace(STANDARD, tokenizer=config.scoring.tokenizer))
    return float(np.mean([aggregate_references(s.scores["rouge1"], config.scoring.references) for s in scores]))


__all__ = ["make_trial"]
