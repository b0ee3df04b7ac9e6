"""Validate an experiment cheaply before hours are spent on it.

Takes a config and its data, gives one Finding per check. Reads no weights: the model is built on the meta device.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialora.config import ExperimentConfig
from dialora.data.examples import DialogueDataset
from dialora.errors import DialoraError, ModelError
from dialora.experiment.disk import estimate_disk
from dialora.models.files import list_names
from dialora.records import Example, Record
from dialora.scoring.learned import require_learned
from dialora.store import Run

SAMPLE = 512
"""Examples looked at per split where all would take too long."""
MAX_TRUNCATED = 0.05
MAX_UNKNOWN = 0.01


@dataclass(frozen=True, slots=True)
class Finding(Record):
    """What one check found: `status` is ok, warning or failed."""

    check: str
    status: str
    detail: str


def check_experiment(
    config: ExperimentConfig, dataset: DialogueDataset, *, output: Path, runs: Sequence[Run] | None = None
) -> list[Finding]:
    """Run every check; one that fails does not keep the next from running.

    `runs` are the experiment's, where they are known: what is trained already needs no more disk.
    """
    return list(_run_checks(config, dataset, output, runs))


def _run_checks(
    config: ExperimentConfig, dataset: DialogueDataset, output: Path, runs: Sequence[Run] | None
) -> Iterator[Finding]:
    yield _finding("data", lambda: _describe_data(dataset))
    if dataset.summary.notes:
        yield Finding("reading", "ok", " ".join(dataset.summary.notes))
    yield _finding("references", lambda: _check_references(config, dataset))
    yield _finding("training", lambda: _check_training(config, dataset))
    if config.generation.engine == "ctranslate2" or config.generation.precision == "int8":
        yield _finding("engine", lambda: _check_engine(config))
    if config.scoring.learned:
        yield _finding("learned metrics", lambda: _check_learned(config))
    yield _finding("device", lambda: _describe_device(config))
    yield from _check_base(config, dataset, output, runs)


def _check_base(
    config: ExperimentConfig, dataset: DialogueDataset, output: Path, runs: Sequence[Run] | None
) -> Iterator[Finding]:
    """Run what needs the base model; what stands on a part of it that is refused is left out."""
    from dialora.models.counting import count_methods
    from dialora.models.loading import load_tokenizer

    yield (weights := _finding("weights", lambda: _check_weights(config)))
    counts: dict[str, Any] = {}

    def count() -> tuple[str, str]:
        for key, method in config.methods.items():
            method.require_available(key=key)
        counts.update(count_methods(config))
        return "ok", "; ".join(f"{key}: {c.trainable:,} of {c.total:,}" for key, c in counts.items())

    # What is put on a model of a wrong size may be of any size.
    if weights.status != "failed":
        yield _finding("methods and targets", count)
    loaded: list[Any] = []

    def load() -> tuple[str, str]:
        loaded.append(load_tokenizer(config))
        return "ok", f"{len(loaded[0]):,} pieces"

    tokenizer = _finding("tokenizer", load)
    if tokenizer.detail != weights.detail:  # the same config.json is at fault
        yield tokenizer
    if loaded:
        yield _finding("lengths", lambda: _check_lengths(config, dataset, loaded[0]))
        yield _finding("vocabulary", lambda: _check_vocabulary(config, dataset, loaded[0]))
        yield _finding("labels", lambda: _check_labels(config, dataset, loaded[0]))
        yield _finding("prompt", lambda: _check_prompt(config, dataset, loaded[0]))
    if counts and loaded:
        yield _finding("disk space", lambda: _check_disk(config, dataset, counts, loaded[0], output, runs))


def _finding(name: str, check: Callable[[], tuple[str, str]]) -> Finding:
    try:
        return Finding(name, *check())
    except DialoraError as error:
        return Finding(name, "failed", str(error))


def _check_engine(config: ExperimentConfig) -> tuple[str, str]:
    """Say before training what the engine that was asked for would say after it."""
    from dialora.generation.convert import explain_activation, find_version
    from dialora.models.loading import load_base_config

    generation = config.generation
    asked = f"precision: {generation.precision}" if generation.precision == "int8" else f"engine: {generation.engine}"
    if generation.engine == "torch":
        return "failed", f"generation.{asked} needs ctranslate2, and generation.engine is torch; use bf16 or fp32"
    if find_version() is None:
        return "failed", f"generation.{asked} needs ctranslate2, which is not installed (pip install ctranslate2)"
    apart = [key for key, method in config.methods.items() if method.is_peft and not method.is_mergeable]
    if apart:
        return (
            "failed",
            f"generation.{asked} needs adapters that merge into the base model, and {', '.join(apart)} cannot; leave "
            f"them out, or take generation.engine: auto with fp32 or bf16",
        )
    with suppress(ModelError):  # which the base's own checks say
        if (reason := explain_activation(load_base_config(config).dense_act_fn)) is not None:
            return (
                "failed",
                f"generation.{asked} needs ctranslate2, and {reason}; take generation.engine: auto and fp32",
            )
    return "ok", f"ctranslate2 {find_version()}"


def _check_references(config: ExperimentConfig, dataset: DialogueDataset) -> tuple[str, str]:
    from dialora.report.notes import describe_letters
    from dialora.scoring import score_summary
    from dialora.scoring.tokenizers import require_tokenizer

    require_tokenizer(config.scoring.tokenizer)
    references = [reference for example in dataset.test[:SAMPLE] for reference in example.references]
    rules = config.scoring.rules
    lost = sum(score_summary(reference, (reference,), rules)["rouge1"] == [0.0] for reference in references)
    notes = describe_letters(config.scoring, references)
    if lost:
        notes.insert(0, f"{lost:,} of {len(references):,} references hold no word that ROUGE counts.")
    return ("warning", " ".join(notes)) if notes else ("ok", "ROUGE finds words in every reference")


def _check_training(config: ExperimentConfig, dataset: DialogueDataset) -> tuple[str, str]:
    from dialora.training.trackers import list_trackers

    list_trackers(config.training)
    if config.training.early_stopping_patience is not None and not dataset.validation:
        return "failed", "training.early_stopping_patience needs a validation split, and there is none"
    if config.tuning is not None and not dataset.validation:
        return "failed", "tuning needs a validation split, and there is none"
    return "ok", "the budget can be kept"


def _check_weights(config: ExperimentConfig) -> tuple[str, str]:
    from dialora.models.loading import check_weights

    found = check_weights(config)
    if found is None:
        return "ok", "a hub id's, which are not here yet; they are checked when they are loaded"
    size, needless = found
    if needless:
        return "warning", f"{len(needless)} of {size:,} have no place in a T5 and are not used: {list_names(needless)}"
    return "ok", f"{size:,} matrices, those of its config.json; their numbers are looked at when they are loaded"


def _check_learned(config: ExperimentConfig) -> tuple[str, str]:
    require_learned(config.scoring)
    return "ok", f"{', '.join(config.scoring.learned)}: models, layers and labels are there"


def _describe_data(dataset: DialogueDataset) -> tuple[str, str]:
    sizes = {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")}
    references = sum(len(example.references) for example in dataset.test)
    detail = ", ".join(f"{name} {size:,}" for name, size in sizes.items()) + f" ({references:,} test references)"
    return "ok", detail


def _sample(dataset: DialogueDataset) -> list[Example]:
    return [*dataset.train[:SAMPLE], *dataset.test[:SAMPLE]]


def _pairs(config: ExperimentConfig, examples: list[Example], tokenizer: Any) -> Any:
    from dialora.data.tokens import tokenize_pairs

    return tokenize_pairs(
        examples,
        tokenizer,
        prompt=config.prompt,
        max_source_length=config.data.max_source_length,
        max_target_length=config.data.max_target_length,
    )


def _check_lengths(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    pairs = _pairs(config, _sample(dataset), tokenizer)
    sources = sum(pair.source_truncated for pair in pairs) / len(pairs)
    targets = sum(pair.target_truncated for pair in pairs) / len(pairs)
    longest = max(len(pair.input_ids) for pair in pairs)
    detail = (
        f"{sources:.1%} of sources exceed {config.data.max_source_length} tokens (longest kept: {longest}), "
        f"{targets:.1%} of references exceed {config.data.max_target_length}"
    )
    return ("warning" if max(sources, targets) > MAX_TRUNCATED else "ok"), detail


def _check_vocabulary(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    """Say how much of the dialogues and references the tokenizer has no piece for; the prompt is left out."""
    sample = _sample(dataset)
    texts = [text for example in sample for text in (example.dialogue, *example.references)]
    # A run of unknown letters is one token, so a share of characters would take a decoder to tell.
    ids = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    share = sum(each.count(tokenizer.unk_token_id) for each in ids) / max(1, sum(map(len, ids)))
    detail = f"{share:.1%} of the tokens of {len(sample):,} examples are unknown to the tokenizer"
    if share > MAX_UNKNOWN:
        return (
            "warning",
            f"{detail}: what they stand for is neither read nor written; take a base model of the language",
        )
    return "ok", detail


def _check_labels(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    from dialora.data.tokens import IGNORED_LABEL, collate_pairs

    pairs = _pairs(config, [*dataset.train, *dataset.test][:8], tokenizer)
    batch = collate_pairs(pairs, pad_id=tokenizer.pad_token_id)
    for row, pair in enumerate(pairs):
        labels = batch["labels"][row].tolist()
        real = labels[: len(pair.labels)]
        if real[-1] != tokenizer.eos_token_id or set(labels[len(real) :]) - {IGNORED_LABEL}:
            return "failed", f"labels of {pair.id} do not end with the end token, or their padding is not masked"
        if int(batch["attention_mask"][row].sum()) != len(pair.input_ids):
            return "failed", f"the attention mask of {pair.id} does not cover its source exactly"
    return "ok", "padding is masked, every target ends with the end token, the attention mask covers the source"


def _check_prompt(config: ExperimentConfig, dataset: DialogueDataset, tokenizer: Any) -> tuple[str, str]:
    from dialora.data.tokens import tokenize_sources

    examples = [*dataset.train, *dataset.test][:8]
    # Another batch around the same dialogue, as in use: the ids must not depend on it.
    for example in examples:
        in_use = tokenize_sources(
            [example.dialogue], tokenizer, prompt=config.prompt, max_length=config.data.max_source_length
        )
        in_training = next(p for p in _pairs(config, examples, tokenizer) if p.id == example.id)
        if in_use[0].input_ids != in_training.input_ids:
            return "failed", f"{example.id} is tokenized differently in training and in use"
    return "ok", "the same token ids in training and in use"


def _describe_device(config: ExperimentConfig) -> tuple[str, str]:
    from dialora.models.device import find_device, resolve_precision

    return "ok", f"{find_device(config.training)}, {resolve_precision(config.training)} multiplication, fp32 weights"


def _check_disk(
    config: ExperimentConfig,
    dataset: DialogueDataset,
    counts: dict[str, Any],
    tokenizer: Any,
    output: Path,
    runs: Sequence[Run] | None,
) -> tuple[str, str]:
    from dialora.data.tokens import tokenize_sources

    sample = [example.dialogue for example in dataset.train[:SAMPLE]]
    limit = config.data.max_source_length
    sources = tokenize_sources(sample, tokenizer, prompt=config.prompt, max_length=limit)
    tokens = sum(len(source.input_ids) for source in sources) * len(dataset.train) // max(1, len(sample))
    needed = estimate_disk(config, counts, num_source_tokens=tokens, runs=runs)
    existing = next(parent for parent in [output.absolute(), *output.absolute().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    detail = f"needs about {needed / 2**20:,.0f} MiB, {free / 2**20:,.0f} MiB are free"
    if free < needed:
        return "failed", f"{detail}; free some, or give another --output"
    return "ok", detail


__all__ = ["Finding", "check_experiment"]
