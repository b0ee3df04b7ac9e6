"""What README says of speed, between two marks that readers do not see: written from the runs, never by hand."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from benchmarks.measured.bench import BenchmarkError
from benchmarks.pages.table import render_size
from benchmarks.settings import LAYOUT
from dialora.report.numbers import MINUS

BEGIN, END = "<!-- benchmarks: written by python -m benchmarks.pages -->", "<!-- end of benchmarks -->"
WIDTH = 150


def renew_readme(text: str, document: Mapping[str, Any]) -> str:
    """Return README's text with what it says of speed renewed. Raises BenchmarkError where the marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchmarkError(f"README.md: has no '{BEGIN}' … '{END}', where its figures belong")
    return f"{before}{BEGIN}\n{render_speed(document)}{END}{after}"


def render_speed(document: Mapping[str, Any]) -> str:
    """Return README's paragraphs on speed; what was not measured is left out."""
    cores = sorted({run["machine"]["cores"] for run in document["runs"]})
    first = [
        f"On {' or '.join(map(str, cores))} CPU cores and FLAN-T5-base's layout, medians over runs, with their range "
        "where there are several:",
        _say_training(document),
        _say_memory(document),
        _say_summaries(document),
        "The tables, with every run, its machine and spread, are in [docs/benchmarks.md](docs/benchmarks.md).",
    ]
    paragraphs = [" ".join(filter(None, first)), _say_decoder(document)]
    wrapped = (
        textwrap.fill(each, WIDTH, break_long_words=False, break_on_hyphens=False) for each in paragraphs if each
    )
    return "\n\n".join(wrapped) + "\n"


def _say_training(document: Mapping[str, Any]) -> str:
    lora, full = (
        [_times(document, f"{method}_vs_{other}") for other in ("notebook", "best_practice")]
        for method in ("lora", "full")
    )
    if not all((*lora, *full)):
        return ""
    return (
        f"LoRA trains {lora[0]} as fast as the notebook's recipe and {lora[1]} as fast as `Seq2SeqTrainer` with "
        f"batches by length and bf16, full fine-tuning {full[0]} and {full[1]}."
    )


def _say_memory(document: Mapping[str, Any]) -> str:
    training = document["measurements"].get("training", {})
    lora, full = (training.get(f"{LAYOUT}/{method}/ours", {}).get("peak_memory_bytes") for method in ("lora", "full"))
    if lora is None or full is None:
        return ""
    return f"From the first step on LoRA's training holds {render_size(lora)}, full fine-tuning's {render_size(full)}."


def _say_summaries(document: Mapping[str, Any]) -> str:
    fp32, int8 = (
        [_times(document, f"generate_{precision}_vs_{other}") for other in ("one_by_one", "batched")]
        for precision in ("fp32", "int8")
    )
    if not all((*fp32, *int8)):
        return ""
    text = (
        f"CTranslate2 writes greedy summaries {fp32[0]} as fast as `generate` one by one and {fp32[1]} as fast as in "
        f"sorted batches with the same tokens, in int8 {int8[0]} and {int8[1]}"
    )
    cost = ((document["quality"] or {}).get("precisions") or {}).get("int8")
    if cost is None:
        return text + "."
    mean, low, high = (f"{100 * value:+.2f}".replace("-", MINUS) for value in cost["differences"]["rouge1"])
    return (
        f"{text}, which changes ROUGE-1 by {mean} points [{low}, {high}] on {cost['dialogues']:,} test dialogues of "
        f"{document['data']['name']}."
    )


def _say_decoder(document: Mapping[str, Any]) -> str:
    decoder, quality = document["measurements"].get("decoder", {}), document["quality"]
    speeds = [decoder.get(f"{LAYOUT}/{name}", {}).get("dialogues_per_second") for name in ("cached", "lora")]
    if not all(speeds) or quality is None or "cached" not in quality["systems"]:
        return ""
    cost, speed = quality["systems"]["cached"]["against_lora"], speeds[0]["median"] / speeds[1]["median"]
    mean, low, high = (f"{100 * cost[key]:+.1f}".replace("-", MINUS) for key in ("mean", "ci_low", "ci_high"))
    return (
        f"Training the decoder alone with encoder states computed once is {speed:.1f} times "
        f"as fast as LoRA from the second epoch on, and changes ROUGE-1 by {mean} points [{low}, {high}] on "
        f"{document['data']['name']} with the bundled base ({document['quality_epochs']} epochs, one rate for all, one "
        "seed)."
    )


def _times(document: Mapping[str, Any], name: str) -> str | None:
    """Return a ratio in words, with its range over several runs; None where it was not measured."""
    entry = document["ratios"][name]
    if entry["value"] is None:
        return None
    value, low, high = (_round(entry[key]) for key in ("value", "min", "max"))
    return f"{value} times" + (f" ({low}–{high})" if entry["runs"] > 1 else "")


def _round(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


__all__ = ["BEGIN", "END", "render_speed", "renew_readme"]
