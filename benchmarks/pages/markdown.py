"""The page of the benchmarks, `docs/benchmarks.md`, from the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.fast_ways import render_decoder, render_precisions, render_split
from benchmarks.pages.ratios import render_ratios, render_runs
from benchmarks.pages.table import render_origin, render_size, render_spread, render_table
from benchmarks.settings import METHOD_NAMES, MODEL_NAMES, NEW_TOKENS
from dialora.report.numbers import MISSING, format_bytes, format_share

SIDES = {
    "notebook": "the notebook's recipe",
    "best_practice": "best common practice",
    "ours": "dialora",
    "one_by_one": "`generate`, one by one",
    "batched": "`generate`, sorted batches of 16",
    "ours_fp32": "dialora, fp32",
    "ours_int8": "dialora, int8",
    "evaluate": "`evaluate`, bootstrap aggregator",
}
HOW = f"""\
## How it was measured

Every side of a comparison gets the same data and the same model, in a process of its own, and the sides
alternate (A, B, A, B). Times are of steps or summaries after a warm-up: loading, tokenizing and compiling are left
out, and the warm-up stands in a column of its own. Memory is the process's peak (VmHWM) from the first step on; what
it took to load stands beside it. The samples are whole batches of an epoch over all the data, dialora's of its own
plan and best practice's of `group_by_length`, one from each stratum of sizes: so few dialogues have an epoch's lengths
and padding. The notebook's recipe, whose padding makes all dialogues the same work, is timed on fewer, single ones,
one from each stratum, and so is `generate` one by one. Those that summarize in batches get the same dialogues.
Everyone's summaries are timed in a second pass over the sample.

- **the notebook's recipe**: source and target padded to 512 tokens, batches of 4, fp32, `Trainer`.
- **best common practice**: `Seq2SeqTrainer`, dynamic padding, batches by length, bf16 autocast, batches of 8, else
  defaults.
- **dialora**: the experiment `seed` with `training.lean`, in the environment its own workers get (the allocator keeps
  freed blocks); nothing is compiled. Summaries by CTranslate2, conversion left out.
- **`generate`**: greedy, fp32. On FLAN-T5-base's layout, whose random weights never end a summary, everyone writes
  {NEW_TOKENS} tokens.
- **`evaluate`**: what `evaluate.load("rouge").compute(use_stemmer=True)` calls; both sides draw 1,000 resamples.

`make bench` makes all measurements again, `python -m benchmarks --parts training,floor` some. A run is recorded in
`benchmarks.json` when all its parts are whole; an interrupted one goes on where it was. Ratios are medians over the
runs that have them, and so are times and sizes, beside the smallest and the largest of all. `python -m
benchmarks.pages` writes these pages from what is recorded.
"""


def render_page(document: Mapping[str, Any]) -> str:
    """Return the whole page."""
    sections = [
        "# Benchmarks\n\n" + render_runs(document),
        render_ratios(document),
        _render_training(document),
        render_decoder(document),
        _render_generation(document),
        render_precisions(document),
        _render_scoring(document),
        _render_floor(document),
        _render_profiles(document),
        render_split(document),
        _render_scaling(document),
        _render_story(document),
        HOW,
    ]
    return "\n".join(section for section in sections if section)


def _render_training(document: Mapping[str, Any]) -> str:
    rows = []
    for name, facts in _ordered(document["measurements"].get("training", {})):
        model, method, side = name.split("/")
        rows.append(
            [
                f"{MODEL_NAMES[model]}, {METHOD_NAMES[method]}, {SIDES[side]}",
                render_spread(facts["seconds_per_dialogue"]),
                f"{facts['dialogues_per_second']['median']:.2f}",
                render_size(facts.get("peak_memory_bytes")),
                render_size(facts.get("loading_memory_bytes")),
                f"{facts['warmup_seconds']['median']:.0f} s",
                f"{facts['dialogues']['median']:.0f} × {facts['seconds']['repetitions']}",
            ]
        )
    headers = ["", "seconds per dialogue", "dialogues per second", "peak memory", "to load", "warm-up", "dialogues"]
    return f"## Training\n\n{render_table(headers, rows)}" if rows else ""


def _render_generation(document: Mapping[str, Any]) -> str:
    rows = []
    for name, facts in _ordered(document["measurements"].get("generation", {})):
        model, side = name.split("/")
        agreement = (document["agreement"] or {}).get(name)
        rows.append(
            [
                f"{MODEL_NAMES[model]}, {SIDES[side]}",
                f"{facts['dialogues_per_second']['median']:.2f}",
                f"{facts['dialogues_per_second']['min']:.2f}–{facts['dialogues_per_second']['max']:.2f}",
                f"{facts['tokens_per_second']['median']:.0f}",
                (document["engines"] or {}).get(name, MISSING),
                "–" if agreement is None else format_share(agreement),
            ]
        )
    headers = ["", "dialogues per second", "spread", "tokens per second", "engine", "the same as `generate`"]
    return f"## Summaries\n\n{render_table(headers, rows)}" if rows else ""


def _render_scoring(document: Mapping[str, Any]) -> str:
    sides = document["measurements"].get("scoring", {})
    rows = [
        [SIDES[side], f"{facts['pairs']['median']:,.0f}", render_spread(facts["seconds"])]
        for side, facts in sides.items()
    ]
    text = f"## ROUGE with intervals\n\n{document['scoring_data']}:\n\n"
    return text + render_table(["", "pairs", "seconds"], rows) if rows else ""


def _render_floor(document: Mapping[str, Any]) -> str:
    floor = document["floor"]
    if floor is None:
        return ""
    rates, needs = floor["operations_per_second"], floor["operations_per_dialogue"]
    rows = []
    for method, need in needs.items():
        times = floor["ours_times_floor"].get(method)
        for name, rate in rates.items():
            rows.append(
                [
                    f"{METHOD_NAMES[method]}, {name}",
                    f"{need / 1e9:.0f} GFLOP",
                    f"{rate / 1e9:.0f} GFLOP/s",
                    f"{floor['seconds_per_dialogue'][f'{method}_{name}']:.3f} s",
                    "–" if times is None else f"{times[name]:.1f}×",
                ]
            )
    return (
        "## How far from the floor\n\nWhat the matrix products alone would take at the rate that this machine "
        f"multiplies a layer's matrices for {floor['rows']} tokens, for dialogues of {floor['source_tokens']:.0f} "
        f"source and {floor['target_tokens']:.0f} target tokens without padding. Frozen weights need no "
        "gradient, so LoRA's floor is two thirds of full fine-tuning's. The rate in fp32 is the better of torch's "
        f"own and oneDNN's.{render_origin(document, 'floor')}\n\n"
        + render_table(["", "needed per dialogue", "measured rate", "floor", "dialora takes"], rows)
    )


def _render_profiles(document: Mapping[str, Any]) -> str:
    profiles = document["profiles"]
    if not profiles:
        return ""
    groups = list(dict.fromkeys(group for profile in profiles.values() for group in profile["groups"]))
    rows = [
        [group, *(format_share(profile["groups"].get(group, 0.0)) for profile in profiles.values())] for group in groups
    ]
    text = "## Where the time goes\n\n`torch.profiler`, FLAN-T5-base's layout, each operation's own time."
    text += f"{render_origin(document, 'profiles')}\n\n"
    text += render_table(["", *profiles], rows)
    for name, profile in profiles.items():
        largest = ", ".join(f"`{key}` {format_share(share)}" for key, share in list(profile["largest"].items())[:6])
        text += f"\nThe largest of {name}: {largest}.\n"
    return text


def _render_scaling(document: Mapping[str, Any]) -> str:
    scaling, padding = document["scaling"], document["padding"]
    text = ""
    if scaling is not None:
        rows = [
            [f"{point['dialogues']:,}", f"{point['seconds']:.1f}", format_bytes(point["peak_memory_bytes"])]
            for point in scaling["points"]
        ]
        growth = scaling["memory_growth"]
        memory = "" if growth is None else f"; memory from the smallest to the largest run × {growth:.2f}"
        text += (
            "## Growth\n\nOne epoch of LoRA on the bundled base: "
            f"{scaling['seconds_per_dialogue'] * 1000:.1f} ms for each further dialogue, a straight line explains "
            f"{format_share(scaling['r_squared'])} of the differences in time{memory}."
            f"{render_origin(document, 'scaling')}\n\n![Time and memory](figures/scaling.svg)\n\n"
            + render_table(["dialogues", "seconds", "peak memory"], rows)
        )
    if padding is not None:
        met = "met" if padding["met"] else "**missed**"
        text += (
            f"\nPadding is {format_share(padding['padding_share'])} of the positions in an epoch of {padding['data']} "
            f"({padding['dialogues']:,} dialogues; bar {padding['bar']}: {met}).\n"
        )
    return text


def _render_story(document: Mapping[str, Any]) -> str:
    if not document["story"]:
        return ""
    return (
        "## The notebook's recipe, run to its end\n\nWhat ROUGE it reaches beside ours in the same time, and which of "
        f"its faults matter: [notebook-recipe.md](notebook-recipe.md).{render_origin(document, 'story')}\n"
    )


def _ordered(measurements: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return measurements by model, method and side, in the order of the tables above."""
    places = {name: place for place, name in enumerate([*MODEL_NAMES, *METHOD_NAMES, *SIDES])}
    return sorted(measurements.items(), key=lambda item: [places[part] for part in item[0].split("/")])


__all__ = ["render_page"]
