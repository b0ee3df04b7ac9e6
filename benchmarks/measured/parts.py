"""PARTS: which measurements each part of the benchmark makes, and in which order.

Sides that are compared alternate within one run (A, B, A, B), so that whatever else the machine does meets all alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.compared import ours
from benchmarks.measured.bench import Bench
from benchmarks.measured.layouts import find_model
from benchmarks.measured.samples import find_source, load_bundled, load_corpus, save_sample
from benchmarks.settings import BUNDLED, LAYOUT, METHODS, NEW_TOKENS, PRECISIONS, RATE_ROWS
from dialora.errors import DialoraError
from dialora.records import Example
from dialora.store import save_records

SHARED_RATE = 1e-3
"""The story's one learning rate for both methods: the notebook's for LoRA."""

DECODER_SIDES: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("lora", {}),
    "lora_decoder": ("lora_decoder", {}),
    "cached": ("lora_decoder", {"cache_encoder": True}),
}
"""Name → method and training options."""
QUALITY_RATE = 3e-3
"""Of the bundled base on DialogSum; see recipes/base/dialogsum.yaml."""

TRAIN_GROUP, GENERATE_GROUP = 8, 16
"""Dialogues of a batch."""
TRAIN_SIDES = ("notebook", "best_practice", "ours")
GENERATE_SIDES = ("one_by_one", "batched", "ours_fp32", "ours_int8")


def _sample(bench: Bench, size: int) -> str:
    return str(save_sample(load_corpus(), size, bench.folder / "samples"))


def _batches(bench: Bench, size: int, group: int, plan: str) -> str:
    """Return the path of a sample of whole batches; it is drawn where it is missing."""
    path = bench.folder / "samples" / f"{plan}-{size}-of-{group}.jsonl"
    if not path.is_file():
        bench.on_start("drawing a sample")
        spec = {"folder": _model(bench, LAYOUT), "size": size, "group": group, "path": str(path), "plan": plan}
        bench.run("sample", spec)
    return str(path)


def _model(bench: Bench, model: str) -> str:
    """Return a model's folder; the layout is built first where it is not there."""
    folder = find_model(model, bench.settings)
    if model == LAYOUT and not (folder / "model.safetensors").is_file():
        bench.on_start(f"building {LAYOUT}")
        bench.run("layout", {"folder": str(folder), "num_layers": bench.settings.num_layers})
    return str(folder)


def run_machine(bench: Bench) -> None:
    """Note what the run is made on: the machine, its rate of matrix products, the version, the dialogues."""
    bench.measure("machine", "machine", "machine", {})
    bench.measure("machine", "data", "data", {})


def run_training(bench: Bench) -> None:
    """Time training steps: the notebook's recipe, best practice, ours; LoRA and full."""
    settings = bench.settings
    samples = {
        "notebook": _sample(bench, settings.notebook_dialogues),
        "best_practice": _batches(bench, settings.train_dialogues, TRAIN_GROUP, "group_by_length"),
        "ours": _batches(bench, settings.train_dialogues, TRAIN_GROUP, "ours"),
    }
    for repetition in range(settings.repetitions):
        for model in settings.models:
            folder = _model(bench, model)
            for method in METHODS:
                for side in TRAIN_SIDES:
                    if side == "notebook" and repetition >= settings.notebook_repetitions:
                        continue
                    spec = {"folder": folder, "method": method, "side": side, "sample": samples[side]}
                    bench.measure("training", f"{model}/{method}/{side}", "train", spec, repetition=repetition)


def run_decoder(bench: Bench) -> None:
    """Time LoRA's steps beside those of LoRA on the decoder alone, with and without the encoder in every step."""
    settings = bench.settings
    sample = _batches(bench, settings.train_dialogues, TRAIN_GROUP, "ours")
    for repetition in range(settings.repetitions):
        for model in settings.models:
            folder = _model(bench, model)
            for name, (method, options) in DECODER_SIDES.items():
                spec = {"folder": folder, "method": method, "side": "ours", "sample": sample, "training": options}
                bench.measure("decoder", f"{model}/{name}", "train", spec, repetition=repetition)


def run_quality(bench: Bench) -> None:
    """Train whole systems on all the data: what ROUGE LoRA on the decoder reaches, and what lower precisions cost."""
    settings = bench.settings
    experiments = bench.folder / "quality" / "experiments"
    limits = {f"data.max_{split}_examples": settings.quality_dialogues for split in ("train", "validation", "test")}
    values = {
        "model": BUNDLED,
        "data.source": find_source(),
        "training.num_train_epochs": settings.quality_epochs,
        "training.num_evaluations": 1,
        "decoding.max_new_tokens": 60,
        "decoding.no_repeat_ngram_size": 3,
    } | limits
    for name, (method, options) in DECODER_SIDES.items():
        own = ours.LORA_DECODER | {"learning_rate": QUALITY_RATE}
        chosen = {"methods": {method: own}} | {f"training.{key}": value for key, value in options.items()}
        spec = {"output": str(experiments / name), "method": method, "set": values | chosen}
        bench.measure("quality", name, "system", spec)
    for precision in PRECISIONS:
        spec = {"output": str(experiments / "lora"), "method": "lora", "precision": precision}
        bench.measure("quality", precision, "precision", spec)


def run_generation(bench: Bench) -> None:
    """Time greedy summaries: one by one, in batches, ours."""
    settings = bench.settings
    samples = dict.fromkeys(
        GENERATE_SIDES, _batches(bench, settings.generate_dialogues, GENERATE_GROUP, "group_by_length")
    )
    samples["one_by_one"] = _sample(bench, settings.one_by_one_dialogues)
    for repetition in range(settings.repetitions):
        for model in settings.models:
            folder = _model(bench, model)
            for side in GENERATE_SIDES:
                if side in ours.UNMEASURED:
                    continue
                spec: dict[str, Any] = {"folder": folder, "side": side, "sample": samples[side]}
                spec |= {"new_tokens": NEW_TOKENS, "fixed": model == LAYOUT}
                bench.measure("generation", f"{model}/{side}", "generate", spec, repetition=repetition)


def run_scoring(bench: Bench) -> None:
    """Time ROUGE with intervals: `evaluate`'s way and ours."""
    for repetition in range(bench.settings.scoring_repetitions):
        for side in ("evaluate", "ours"):
            spec = {"side": side, "pairs": bench.settings.scoring_pairs}
            bench.measure("scoring", side, "score", spec, repetition=repetition)


def run_floor(bench: Bench) -> None:
    """Measure the rate of matrix products, and what it allows."""
    sample = _batches(bench, bench.settings.train_dialogues, TRAIN_GROUP, "ours")
    spec = {"folder": _model(bench, LAYOUT), "sample": sample, "rows": RATE_ROWS}
    for repetition in range(bench.settings.repetitions):
        bench.measure("floor", LAYOUT, "floor", spec, repetition=repetition)


def run_scaling(bench: Bench) -> None:
    """Train one epoch on growing data."""
    for size in bench.settings.scaling_sizes:
        spec = {"folder": _model(bench, BUNDLED), "method": "lora", "sample": _sample(bench, size)}
        bench.measure("scaling", f"{size:05}", "scaling", spec)


def run_padding(bench: Bench) -> None:
    """Plan an epoch of all the data."""
    bench.measure("padding", "padding", "padding", {"folder": _model(bench, LAYOUT)})


def run_profiles(bench: Bench) -> None:
    """Profile LoRA training and torch generation."""
    sample = _batches(bench, bench.settings.train_dialogues, TRAIN_GROUP, "ours")
    spec = {"folder": _model(bench, LAYOUT), "sample": sample}
    bench.measure("profiles", "lora training", "profile_training", spec | {"method": "lora"})
    bench.measure("profiles", "torch generation", "profile_generation", spec | {"new_tokens": NEW_TOKENS})


def run_generation_split(bench: Bench) -> None:
    """Split the engine's time into encoder, decoder and text, each beside its floor."""
    sample = _batches(bench, bench.settings.generate_dialogues, GENERATE_GROUP, "group_by_length")
    spec = {"folder": _model(bench, LAYOUT), "sample": sample, "new_tokens": NEW_TOKENS}
    for repetition in range(bench.settings.repetitions):
        for side in ("ours_fp32", "ours_int8"):
            bench.measure("split", side, "split_generation", spec | {"side": side}, repetition=repetition)


def run_story(bench: Bench) -> None:
    """Train with the notebook's recipe to its end and in our time, with its faults mended one by one, and with ours."""
    dataset = load_bundled()
    folder = bench.folder / "samples"
    limit = bench.settings.story_dialogues
    spec: dict[str, Any] = {
        "folder": _model(bench, BUNDLED),
        "train": _save_examples(dataset.train[:limit], folder / "story-train.jsonl"),
        "test": _save_examples(dataset.test[: limit or len(dataset.test)], folder / "story-test.jsonl"),
    }
    bench.measure("story", "zero_shot", "story", spec | {"who": "zero_shot", "method": "zero_shot"})
    for method in METHODS:
        own = bench.measure("story", f"{method}/ours", "story", spec | {"who": "ours", "method": method})
        recipe = spec | {"who": "notebook", "method": method, "learning_rate": SHARED_RATE, "max_steps": -1}
        recipe |= {"masks_labels": False, "passes_attention_mask": False}
        whole = bench.measure("story", f"{method}/notebook", "story", recipe)
        # The recipe's schedule runs to its end in either case: what changes is where that end is.
        steps = max(1, round(own["seconds"] / (whole["seconds"] / whole["steps"])))
        bench.measure("story", f"{method}/notebook, our time", "story", recipe | {"max_steps": steps})
        mended: dict[str, dict[str, Any]] = {
            "labels masked": {"masks_labels": True},
            "attention mask": {"passes_attention_mask": True},
            "own rate": {"learning_rate": own["learning_rate"]},
        }
        for name, change in mended.items():
            bench.measure("story", f"{method}/{name}", "story", recipe | change)
        every = {key: value for change in mended.values() for key, value in change.items()}
        bench.measure("story", f"{method}/all three", "story", recipe | every)
        if method == "full":
            bench.measure("story", "full/the lab's rate", "story", recipe | {"learning_rate": 1e-5})


def _save_examples(examples: tuple[Example, ...], path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_records(examples, path)
    return str(path)


PARTS: dict[str, Callable[[Bench], None]] = {
    "floor": run_floor,
    "scoring": run_scoring,
    "generation": run_generation,
    "training": run_training,
    "decoder": run_decoder,
    "profiles": run_profiles,
    "split": run_generation_split,
    "padding": run_padding,
    "scaling": run_scaling,
    "quality": run_quality,
    "story": run_story,
}
QUICK_PARTS = tuple(name for name in PARTS if name != "story")
"""What a quick run makes unless told otherwise; the story trains twelve models to their end."""


def make_run(bench: Bench) -> dict[str, str]:
    """Make what the run lacks; a part that fails does not stop the others. Return each failed part's error."""
    failures = {}
    for part, make in {"machine": run_machine, **{part: PARTS[part] for part in bench.parts}}.items():
        try:
            bench.make_part(part, make)
        except DialoraError as error:
            failures[part] = str(error)
    return failures


__all__ = ["DECODER_SIDES", "GENERATE_SIDES", "PARTS", "QUICK_PARTS", "SHARED_RATE", "TRAIN_SIDES", "make_run"]
