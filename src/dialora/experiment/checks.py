"""Validate an experiment cheaply before hours are spent on it.

Takes a config and its data, gives one Finding per check. Reads no weights: the model is built on the meta device.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialora.config import ExperimentConfig
from dialora.data.examples import DialogueDataset
from dialora.errors import ModelError
from dialora.experiment.base_checks import SAMPLE, check_base
from dialora.experiment.disk import estimate_disk
from dialora.experiment.finding import Finding, find
from dialora.experiment.launchers.local import LocalLaunch
from dialora.models.bases import load_family
from dialora.report.labels import name_readers
from dialora.scoring.learned import require_learned
from dialora.store import Run


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
    yield find("data", lambda: _describe_data(dataset))
    if dataset.summary.notes:
        yield Finding("reading", "ok", " ".join(dataset.summary.notes))
    yield find("references", lambda: _check_references(config, dataset))
    yield find("training", lambda: _check_training(config, dataset))
    if config.generation.engine == "ctranslate2" or config.generation.precision == "int8":
        yield find("engine", lambda: _check_engine(config))
    if config.scoring.learned:
        yield find("learned metrics", lambda: _check_learned(config))
    yield find("device", lambda: _describe_device(config))
    if config.training.num_processes > 1:
        yield find("processes", lambda: _check_processes(config))
    if config.launch is not None:
        yield find("launch", lambda: _check_launch(config))
    yield from _check_bases(config, dataset, output, runs)


def _check_bases(
    config: ExperimentConfig, dataset: DialogueDataset, output: Path, runs: Sequence[Run] | None
) -> Iterator[Finding]:
    """Run what needs a base model, for each of them; what stands on a part of it that is refused is left out."""
    from dialora.models.counting import count_methods

    keys = _list_bases(config)
    bases = {base: config.for_method(key) for base, key in keys.items()}
    tokens: dict[str, list[int]] = {base: [] for base in bases}
    are_whole = True
    for base, own in bases.items():
        methods = [config.methods[key] for key, name in name_readers(config).items() if name == base]
        for finding in check_base(own, dataset, methods, tokens[base].append):
            are_whole &= (finding.check, finding.status) != ("weights", "failed")
            if finding.detail.startswith("model: ") and config.methods[keys[base]].model is not None:
                finding = replace(finding, detail=f"methods.{keys[base]}.{finding.detail}")
            yield finding if len(bases) == 1 else replace(finding, check=f"{finding.check} ({base})")
    counts: dict[str, Any] = {}

    def count() -> tuple[str, str]:
        for key, method in config.methods.items():
            method.require_available(key=key)
        counts.update(count_methods(config))
        return "ok", "; ".join(f"{key}: {c.trainable:,} of {c.total:,}" for key, c in counts.items())

    # What is put on a model of a wrong size may be of any size.
    if are_whole:
        yield find("methods and targets", count)
    if counts and all(tokens.values()):
        most = max(number for numbers in tokens.values() for number in numbers)
        yield find("disk space", lambda: _check_disk(config, counts, most, output, runs))


def _list_bases(config: ExperimentConfig) -> dict[str, str]:
    """Return each base, as tables call it, with the key of the first method that stands on it."""
    found: dict[str, str] = {}
    for key, name in name_readers(config).items():
        found.setdefault(name, key)
    return found


def _check_engine(config: ExperimentConfig) -> tuple[str, str]:
    """Say before training what the engine that was asked for would say after it."""
    from dialora.generation.convert import find_version
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
    num_tokens = config.data.max_source_length + config.decoding.max_new_tokens
    for base, key in _list_bases(config).items():
        with suppress(ModelError):  # which the base's own checks say
            own = config.for_method(key)
            if reason := load_family(own).explain_conversion(load_base_config(own), num_tokens):
                return (
                    "failed",
                    f"generation.{asked} needs ctranslate2, and {reason} ({base}); take generation.engine: auto and "
                    f"fp32",
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


def _check_learned(config: ExperimentConfig) -> tuple[str, str]:
    require_learned(config.scoring)
    return "ok", f"{', '.join(config.scoring.learned)}: models, layers and labels are there"


def _describe_data(dataset: DialogueDataset) -> tuple[str, str]:
    sizes = {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")}
    references = sum(len(example.references) for example in dataset.test)
    detail = ", ".join(f"{name} {size:,}" for name, size in sizes.items()) + f" ({references:,} test references)"
    return "ok", detail


def _describe_device(config: ExperimentConfig) -> tuple[str, str]:
    from dialora.models.device import find_device, resolve_precision

    return "ok", f"{find_device(config.training)}, {resolve_precision(config.training)} multiplication, fp32 weights"


def _check_processes(config: ExperimentConfig) -> tuple[str, str]:
    from dialora.training.distributed import require_devices

    size = config.training.num_processes
    if isinstance(config.launch or LocalLaunch(), LocalLaunch):  # another machine says so itself
        require_devices(config.training)
    holds = "a part of the weights, but of adapters all" if config.training.fsdp else "the whole model"
    return "ok", f"{size} share the rows of every batch; each has {holds}"


def _check_launch(config: ExperimentConfig) -> tuple[str, str]:
    assert config.launch is not None
    config.launch.require()
    return "ok", f"{config.launch.engine}, up to {config.launch.workers:,} at once"


def _check_disk(
    config: ExperimentConfig, counts: dict[str, Any], tokens: int, output: Path, runs: Sequence[Run] | None
) -> tuple[str, str]:
    needed = estimate_disk(config, counts, num_source_tokens=tokens, runs=runs)
    existing = next(parent for parent in [output.absolute(), *output.absolute().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    detail = f"needs about {needed / 2**20:,.0f} MiB, {free / 2**20:,.0f} MiB are free"
    if free < needed:
        return "failed", f"{detail}; free some, or give another --output"
    return "ok", detail


__all__ = ["Finding", "check_experiment"]
