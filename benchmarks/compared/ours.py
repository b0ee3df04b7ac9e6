"""Dialora's side of every comparison: the one file to change when a stage of it changes.

Training goes through `dialora.training.train` with the experiment's configuration, generation through
`dialora.generation`, scoring through `dialora.scoring` and the bootstrap of `dialora.comparison`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.settings import MAX_SOURCE_LENGTH, MAX_TARGET_LENGTH
from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.experiment.launchers.process import ALLOCATOR
from dialora.records import Example

TRAINING: dict[str, Any] = {"checkpoint_seconds": 1e9, "num_evaluations": 1}
"""Training options of the benchmark besides the experiment's: no checkpoint but the last."""

LORA_DECODER: dict[str, Any] = {"r": 32, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": ["q", "v"]}
"""The notebook's LoRA, on the decoder alone."""

ENVIRONMENT = ALLOCATOR
"""What dialora's own processes run in and others' do not, because nobody sets it."""

UNMEASURED: dict[str, str] = {}
"""Sides that cannot be measured, and why."""

OnStep = Callable[[int], None]
"""Called with the number of steps done."""


@dataclass(slots=True)
class Steps:
    """When the steps of a training ended, and which are of its first epoch."""

    num_first_epoch: int
    started: float = field(default_factory=time.perf_counter)
    ends: list[float] = field(default_factory=list)
    peak_memory_bytes: int = 0
    loading_memory_bytes: int | None = None
    losses: tuple[float, ...] = ()


def is_own(spec: dict[str, Any]) -> bool:
    """Whether a measurement is of dialora; one that names no side is."""
    return str(spec.get("side", spec.get("who", "ours"))).startswith("ours")


def load_config(model: Path, **training: Any) -> ExperimentConfig:
    """Return the notebook's experiment on a model's folder, with training options, and LoRA on the decoder beside."""
    values = {"model": str(model), "data.source": "bundled", "methods.lora_decoder": LORA_DECODER}
    config = load_experiment("seed", values)
    options = {key: value for key, value in (TRAINING | training).items() if key in TrainingConfig.model_fields}
    return config.model_copy(update={"training": config.training.model_copy(update=options)})


def load_trainable(config: ExperimentConfig, method: str) -> tuple[Any, Any]:
    """Return model with the method on it, and tokenizer."""
    from dialora.models.adapters import apply_method
    from dialora.models.loading import load_base_model, load_tokenizer

    return apply_method(load_base_model(config), config.methods[method], key=method), load_tokenizer(config)


def train(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    config: ExperimentConfig,
    *,
    method: str,
    work: Path,
    on_step: OnStep = lambda step: None,
) -> Steps:
    """Train the model in place; return when its steps ended."""
    from dialora.measuring.memory import measure_peak_memory
    from dialora.training import train as train_system

    pairs = tokenize(examples, tokenizer, config)
    steps = Steps(count_first_epoch(examples, tokenizer, config))

    def keep(step: int, total: int, loss: float) -> None:
        steps.ends.append(time.perf_counter())
        on_step(len(steps.ends))

    chosen: Any = config.methods[method]
    steps.started = time.perf_counter()
    result = train_system(
        model,
        pairs,
        [],
        config.training,
        key=method,
        learning_rate=chosen.learning_rate,
        seed=0,
        pad_id=tokenizer.pad_token_id,
        work=work,
        method=chosen,
        on_progress=keep,
    )
    steps.losses = result.losses
    steps.peak_memory_bytes = max(result.peak_memory_bytes, measure_peak_memory())
    steps.loading_memory_bytes = result.loading_memory_bytes
    return steps


def count_first_epoch(examples: Sequence[Example], tokenizer: Any, config: ExperimentConfig) -> int:
    """Return how many optimizer steps the first epoch has: batches never reach over its end."""
    from dialora.data.tokens import plan_batches

    lengths = [pair.lengths for pair in tokenize(examples, tokenizer, config)]
    sizes = [len(batch) for batch in plan_batches(lengths, config.training, seed=0)]
    return next(count for count, done in enumerate(accumulate(sizes), 1) if done >= len(lengths))


def tokenize(examples: Sequence[Example], tokenizer: Any, config: ExperimentConfig) -> list[Any]:
    """Return the examples as the pairs of token ids that training takes."""
    from dialora.data.tokens import tokenize_pairs

    return list(
        tokenize_pairs(
            examples,
            tokenizer,
            prompt=config.prompt,
            max_source_length=MAX_SOURCE_LENGTH,
            max_target_length=MAX_TARGET_LENGTH,
        )
    )


def measure_padding(examples: Sequence[Example], config: ExperimentConfig) -> float:
    """Return which share of one epoch's positions is padding."""
    from dialora.data.tokens import padding_share, plan_batches
    from dialora.models.loading import load_tokenizer

    lengths = [pair.lengths for pair in tokenize(examples, load_tokenizer(config), config)]
    return padding_share(lengths, plan_batches(lengths, config.training, seed=0))


class Generator:
    """Summarizes with one engine; made once, so that loading and converting are not timed.

    `side` is `ours_fp32`, `ours_int8`, or `torch` for the profile.
    """

    def __init__(self, model: Path, side: str, *, max_new_tokens: int, work: Path) -> None:
        import torch

        from dialora.generation import converted_stage
        from dialora.generation.convert import convert_system
        from dialora.generation.ctranslate2_engine import CTranslate2Engine
        from dialora.generation.torch_engine import TorchEngine
        from dialora.models.loading import load_base_model, load_tokenizer

        config = load_config(model)
        self.prompt = config.prompt
        self.decoding = config.decoding.model_copy(update={"max_new_tokens": max_new_tokens})
        self.model, self.tokenizer = load_base_model(config), load_tokenizer(config)
        self.writer: Any = TorchEngine(self.model, self.tokenizer, self.decoding)
        if side != "torch":
            precision = side.removeprefix("ours_")
            stage = converted_stage(work, system="benchmark", precision=precision)
            folder = convert_system(self.model, self.tokenizer, stage, precision=precision)
            threads = torch.get_num_threads()
            self.writer = CTranslate2Engine(folder, self.decoding, precision=precision, threads=threads)
        self.engine: str = self.writer.name

    def generate(self, examples: Sequence[Example]) -> list[tuple[str, int]]:
        """Return each example's summary and its number of tokens."""
        from dialora.generation import write_predictions

        sources = self.tokenize(examples)
        predictions = write_predictions(self.writer, self.tokenizer, examples, sources, self.decoding).predictions
        return [(prediction.summary, prediction.num_new_tokens) for prediction in predictions]

    def tokenize(self, examples: Sequence[Example]) -> list[Any]:
        """Return the examples' tokenized prompts."""
        from dialora.data.tokens import tokenize_sources

        dialogues = [example.dialogue for example in examples]
        return list(tokenize_sources(dialogues, self.tokenizer, prompt=self.prompt, max_length=MAX_SOURCE_LENGTH))


def score(pairs: Sequence[tuple[str, str]], num_resamples: int) -> dict[str, tuple[float, float, float]]:
    """Return for each metric the low end, mean and high end of (reference, summary) pairs, scored as the lab does."""
    import numpy as np

    from dialora.comparison.draws import Counts
    from dialora.comparison.statistics import bootstrap_interval
    from dialora.protocols import LAB
    from dialora.scoring import METRICS, score_summaries

    examples = [Example(str(number), "", (reference,)) for number, (reference, _) in enumerate(pairs)]
    scores = score_summaries(examples, [summary for _, summary in pairs], LAB)
    draws = Counts(len(pairs), num_resamples, 0)
    result = {}
    for metric in METRICS:
        values = np.array([one.scores[metric][0] for one in scores])
        low, high = bootstrap_interval(values, draws)
        result[metric] = (low, float(values.mean()), high)
    return result


__all__ = [
    "ENVIRONMENT",
    "LORA_DECODER",
    "TRAINING",
    "UNMEASURED",
    "Generator",
    "Steps",
    "count_first_epoch",
    "is_own",
    "load_config",
    "load_trainable",
    "measure_padding",
    "score",
    "tokenize",
    "train",
]
