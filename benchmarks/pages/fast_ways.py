"""Sections of the page on the ways that are fast but not the same: what they save, what they cost in ROUGE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.table import render_mean, render_origin, render_points, render_size, render_spread, render_table
from benchmarks.settings import DECODER_NAMES, MODEL_NAMES
from dialora.report.numbers import format_count, format_duration, format_share

ENGINES = {"ours_fp32": "fp32", "ours_int8": "int8"}


def render_decoder(document: Mapping[str, Any]) -> str:
    """Return LoRA on the decoder alone, with cached encoder states and without, beside ordinary LoRA."""
    measured = document["measurements"].get("decoder", {})
    rows = []
    for model, label in MODEL_NAMES.items():
        for name, method in DECODER_NAMES.items():
            facts, first = measured.get(f"{model}/{name}"), measured.get(f"{model}/lora")
            if facts is None or first is None:
                continue
            speed = facts["dialogues_per_second"]["median"] / first["dialogues_per_second"]["median"]
            rows.append(
                [
                    f"{label}, {method}",
                    render_spread(facts["seconds_per_dialogue"]),
                    f"{speed:.2f}×",
                    render_size(facts.get("peak_memory_bytes")),
                    f"{facts['warmup_seconds']['median']:.1f} s",
                ]
            )
    if not rows:
        return ""
    text = (
        "## Training the decoder alone\n\nWhere every trained weight sits in the decoder, the frozen encoder says the "
        "same in every epoch and can be run once (`training.cache_encoder: true`). Steps of the second epoch; the "
        "warm-up is the first, with the encoder's one pass where there is one.\n\n"
    )
    headers = ["", "seconds per dialogue", "against LoRA", "peak memory", "warm-up"]
    return text + render_table(headers, rows) + _render_quality(document)


def _render_quality(document: Mapping[str, Any]) -> str:
    quality, data = document["quality"], document["data"] or {}
    if quality is None:
        return ""
    rows = []
    for name, system in quality["systems"].items():
        gain = system["against_lora"]
        rows.append(
            [
                DECODER_NAMES[name],
                format_count(system["trainable_params"]),
                format_duration(system["seconds"]),
                render_mean(system["rouge1"]),
                render_mean(system["rougeL"]),
                "–" if gain is None else render_points(gain["mean"], gain["ci_low"], gain["ci_high"]),
            ]
        )
    headers = ["", "trained", "training", "ROUGE-1", "ROUGE-L", "ROUGE-1 points against LoRA"]
    return (
        f"\nWhat they reach: the bundled base on {data.get('name', 'the data')}, {document['quality_epochs']} epochs, "
        f"one seed, the same learning rate for all; {quality['num_examples']:,} test dialogues, mean over references, "
        f"95 % intervals over dialogues.{render_origin(document, 'quality')}\n\n{render_table(headers, rows)}"
    )


def render_precisions(document: Mapping[str, Any]) -> str:
    """Return what lower precisions change in ROUGE."""
    quality = document["quality"]
    if quality is None or not quality["precisions"]:
        return ""
    rows = [
        [
            f"{name} ({cost['engine']})",
            format_share(cost["equal"] / cost["dialogues"]),
            f"{cost['scores']['rouge1']:.4f}",
            f"{cost['scores_fp32']['rouge1']:.4f}",
            *(render_points(*cost["differences"][metric]) for metric in ("rouge1", "rougeL")),
        ]
        for name, cost in quality["precisions"].items()
    ]
    headers = ["", "equal summaries", "ROUGE-1", "in fp32", "ROUGE-1 points", "ROUGE-L points"]
    dialogues = next(iter(quality["precisions"].values()))["dialogues"]
    return (
        "\n### What lower precision costs\n\nThe LoRA system of the table above (training the decoder alone) writes "
        f"{dialogues:,} test dialogues again; paired differences with 95 % intervals, as `dialora parity` gives "
        f"them.{render_origin(document, 'quality')}\n\n{render_table(headers, rows)}"
    )


def render_split(document: Mapping[str, Any]) -> str:
    """Return where the engine's time goes."""
    if not document["split"]:
        return ""
    rows = []
    for side, parts in document["split"].items():
        whole = sum(part["seconds"] for part in parts.values())
        for name, part in parts.items():
            floor = part["floor_seconds"]
            rows.append(
                [
                    f"{ENGINES[side]}, {name}",
                    f"{part['seconds'] * 1000:.1f} ms",
                    format_share(part["seconds"] / whole),
                    "–" if floor is None else f"{floor * 1000:.0f} ms",
                    "–" if floor is None else f"{part['seconds'] / floor:.1f}×",
                ]
            )
    return (
        "\n### Where dialora's summaries spend their time\n\nCTranslate2 on FLAN-T5-base's layout, per dialogue: what "
        "one token takes less than all of them is the decoder's. The floor is that of the matrix products in fp32, at "
        f"the rate of the same run.{render_origin(document, 'split')}\n\n"
        + render_table(["", "per dialogue", "share", "floor", "dialora takes"], rows)
    )


__all__ = ["render_decoder", "render_precisions", "render_split"]
