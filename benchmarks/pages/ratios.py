"""Sections of the page on all runs: which there are, and the ratios, medians over them, with their bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.table import render_table
from benchmarks.settings import FIRST_STEP, RATE_ROWS
from dialora.report.numbers import MISSING, format_bytes, format_count

LABELS = {
    "lora_vs_notebook": "LoRA training, dialogues per second, against the notebook's recipe",
    "full_vs_notebook": "full fine-tuning, dialogues per second, against the notebook's recipe",
    "lora_vs_best_practice": "LoRA training against best common practice",
    "full_vs_best_practice": "full fine-tuning against best common practice",
    "lora_memory_vs_full": "peak memory of LoRA training as a share of full fine-tuning's",
    "generate_fp32_vs_one_by_one": "summaries per second in fp32 against `generate` one by one",
    "generate_fp32_vs_batched": "summaries per second in fp32 against `generate` in sorted batches",
    "generate_int8_vs_one_by_one": "summaries per second in int8 against `generate` one by one",
    "generate_int8_vs_batched": "summaries per second in int8 against `generate` in sorted batches",
    "scoring_vs_evaluate": "ROUGE with intervals against `evaluate` with its aggregator",
}


def render_runs(document: Mapping[str, Any]) -> str:
    """Return where, when and with what each run was made."""
    text = ""
    if document["benchmark"] != "full":
        text += (
            f"**A quick run**, to see that all parts work: {document['num_layers']} of 12 layers, few dialogues, one "
            "repetition. The bars are for the whole benchmark.\n\n"
        )
    data = document["data"]
    text += (
        f"Dialogues: {data['name']}, {format_count(data['dialogues'])} for training. A machine's rate is that of the "
        f"products of FLAN-T5-base's layers for {RATE_ROWS:,} tokens, on the day of the run: speeds go with it, and "
        "with the version of the code.\n\n"
    )
    headers = ["run", "day", "machine", "GFLOP/s in fp32", "in bf16", "load before", "libraries", "commit", "parts"]
    rows = [[str(number), *_describe_run(run)] for number, run in enumerate(document["runs"], 1)]
    text += render_table(headers, rows)
    superseded = [str(number) for number, run in enumerate(document["runs"], 1) if run["memory"] != FIRST_STEP]
    if superseded:
        text += (
            f"\nMemory of training is counted from the first step on. Run {', '.join(superseded)} counted it with "
            "loading, and is left out of it.\n"
        )
    return text


def _describe_run(run: Mapping[str, Any]) -> list[str]:
    machine, rates = run["machine"], run["rates"] or {}
    dates = sorted({run["day"], *(part["date"] for part in run["parts"].values())})
    load = machine["load_average"]
    return [
        dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        f"{machine['cores']} cores of {machine['processor']}{'' if machine['bf16_instructions'] else ' without bf16'}, "
        f"{format_bytes(machine['memory_bytes'])}, {machine['threads']} threads",
        *(f"{rates[name] / 1e9:.0f}" if name in rates else MISSING for name in ("fp32", "bf16")),
        MISSING if load is None else f"{load:.1f}",
        f"Python {machine['python']}, torch {machine['torch']}, transformers {machine['transformers']}, peft "
        f"{machine['peft']}",
        run["commit"] or MISSING,
        ", ".join(run["parts"]),
    ]


def render_ratios(document: Mapping[str, Any]) -> str:
    """Return every ratio with its range and bar, and why a bar is missed."""
    rows, reasons = [], []
    for name, entry in document["ratios"].items():
        bundled = document["ratios_bundled"].get(name)
        rows.append([LABELS[name], *_describe_ratio(entry), MISSING if bundled is None else f"{bundled:.2f}"])
        if entry["reason"]:
            reasons.append(f"- {LABELS[name]}: {entry['reason']}")
        elif entry["met"] is False:
            reasons.append(f"- {LABELS[name]}: missed, the reason is not known yet.")
    text = (
        "## Ratios\n\nFLAN-T5-base's layout: the median over the runs that have a ratio, which has to meet the bar, "
        "and its range over them. In a run a ratio is one of medians; the spread is that of pairs measured one after "
        "the other, over all runs. Beside them the bundled base, which has no bars.\n\n"
    )
    text += render_table(["", "ratio", "range", "runs", "spread", "bar", "", "bundled base"], rows)
    return text + ("\n" + "\n".join(reasons) + "\n" if reasons else "")


def _describe_ratio(entry: Mapping[str, Any]) -> list[str]:
    met = {True: "met", False: "**missed**", None: MISSING}[entry["met"]]
    bar = entry["bar"] or MISSING
    if entry["value"] is None:
        return ["not measured", MISSING, MISSING, MISSING, bar, met]
    low, high = entry["spread"]
    spread = f"{low:.2f}–{high:.2f}"
    return [f"**{entry['value']:.2f}**", render_range(entry), str(entry["runs"]), spread, bar, met]


def render_range(entry: Mapping[str, Any], digits: int = 2) -> str:
    """Return the smallest and largest value over runs, or that there is no range."""
    return MISSING if entry["runs"] < 2 else f"{entry['min']:.{digits}f}–{entry['max']:.{digits}f}"


__all__ = ["LABELS", "render_range", "render_ratios", "render_runs"]
