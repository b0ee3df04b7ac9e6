"""Time one side's training steps after a warm-up, and take its memory from the first step on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.compared import ours
from benchmarks.settings import MAX_SOURCE_LENGTH, MAX_TARGET_LENGTH
from dialora.records import Example
from dialora.store import load_records


def train(spec: dict[str, Any]) -> dict[str, Any]:
    """Train on the sample and time it.

    `spec`: folder (of the model), method, side (notebook, best_practice, ours), sample (path), training (our options),
    and for tests max_length (of the notebook's padding). The notebook's recipe is warm after one step; the others
    train two epochs of which the second is timed, so that memory is there.
    """
    examples = load_records(Example, Path(spec["sample"]))
    with TemporaryDirectory() as work:
        timed = _SIDES[spec["side"]](spec, examples, Path(work))
    ends, first = timed.ends, timed.first
    seconds = ends[-1] - ends[first - 1]
    return {
        "dialogues": len(examples),
        "steps": len(ends) - first,
        "seconds": seconds,
        "dialogues_per_second": len(examples) / seconds,
        "seconds_per_dialogue": seconds / len(examples),
        "warmup_seconds": ends[first - 1] - timed.started,
        "peak_memory_bytes": timed.peak_memory_bytes,
        "loading_memory_bytes": timed.loading_memory_bytes,
    }


class Timed(NamedTuple):
    """When a training started, when each step ended, how many were warm-up, and its memory."""

    started: float
    ends: Sequence[float]
    first: int
    peak_memory_bytes: int
    loading_memory_bytes: int | None


def _train_notebook(spec: dict[str, Any], examples: Sequence[Example], work: Path) -> Timed:
    from benchmarks.compared import notebook
    from dialora.measuring.memory import measure_peak_memory

    recipe = notebook.Recipe(
        spec["method"], notebook.LAB_RATES[spec["method"]], max_length=spec.get("max_length", MAX_SOURCE_LENGTH)
    )
    model, tokenizer = notebook.load(Path(spec["folder"]), recipe.method, recipe.lora)
    pairs = _pairs(examples)
    clock = notebook.train(model, tokenizer, [*pairs[: notebook.BATCH_SIZE], *pairs], recipe, work=work)
    return Timed(clock.started, clock.ends, 1, measure_peak_memory(), clock.loading_memory_bytes)


def _train_best_practice(spec: dict[str, Any], examples: Sequence[Example], work: Path) -> Timed:
    from benchmarks.compared import best_practice, notebook
    from dialora.measuring.memory import measure_peak_memory

    lora = {"r": 32, "lora_alpha": 32, "lora_dropout": 0.05}
    model, tokenizer = notebook.load(Path(spec["folder"]), spec["method"], lora)
    clock = best_practice.train(
        model,
        tokenizer,
        _pairs(examples),
        learning_rate=1e-3 if spec["method"] == "lora" else 1e-4,
        num_train_epochs=2,
        max_source_length=MAX_SOURCE_LENGTH,
        max_target_length=MAX_TARGET_LENGTH,
        work=work,
    )
    return Timed(clock.started, clock.ends, len(clock.ends) // 2, measure_peak_memory(), clock.loading_memory_bytes)


def _train_ours(spec: dict[str, Any], examples: Sequence[Example], work: Path) -> Timed:
    config = ours.load_config(Path(spec["folder"]), num_train_epochs=2.0, **spec.get("training", {}))
    model, tokenizer = ours.load_trainable(config, spec["method"])
    steps = ours.train(model, tokenizer, examples, config, method=spec["method"], work=work)
    return Timed(steps.started, steps.ends, steps.num_first_epoch, steps.peak_memory_bytes, steps.loading_memory_bytes)


def _pairs(examples: Sequence[Example]) -> list[tuple[str, str]]:
    return [(example.dialogue, example.references[0]) for example in examples]


_SIDES = {"notebook": _train_notebook, "best_practice": _train_best_practice, "ours": _train_ours}

__all__ = ["train"]
