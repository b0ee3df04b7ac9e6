"""From raw measurements to one run, as `docs/benchmarks.json` keeps it: a day, a machine, and the parts it measured.

Takes the folder of a run whose parts are whole; gives plain values. Nothing is measured here. What a run did not
measure is None or empty, never a number of another run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.compared.ratios import RATIOS, Ratio, Raw, build_ratios, compute_ratio, describe_part
from benchmarks.measured.bench import Bench, Result, load_raw, load_states
from benchmarks.measured.parts import SHARED_RATE
from benchmarks.settings import BUNDLED, DECODER_NAMES, LAYOUT, METHODS, PRECISIONS
from dialora.comparison.draws import Counts
from dialora.comparison.statistics import bootstrap_interval

NUM_RESAMPLES = 10_000
DESCRIBED = ("training", "decoder", "generation", "scoring")
"""Parts whose every measurement is kept with its median and spread."""


def build_run(bench: Bench) -> dict[str, Any]:
    """Return everything that the raw measurements of a whole run say."""
    raw, states = load_raw(bench.folder), load_states(bench.folder)
    settings, made_on = bench.settings, raw["machine"]["machine"][0]
    bundled = build_ratios(BUNDLED, has_bars=False)
    run = {
        "day": states["machine"]["date"],
        "machine": made_on["machine"],
        "rates": made_on["rates"],
        "commit": made_on["commit"],
        "memory": made_on["memory"],
        "benchmark": settings.name,
        "num_layers": settings.num_layers,
        "quality_epochs": settings.quality_epochs,
        "data": raw["machine"]["data"][0],
        "scoring_data": raw.get("scoring", {}).get("ours", [{}])[0].get("data"),
        "parts": {part: states[part] for part in bench.parts},
        "ratios": _compute_ratios(RATIOS, raw),
        "ratios_bundled": {name: ratio["value"] for name, ratio in _compute_ratios(bundled, raw).items()},
        "measurements": {part: describe_part(raw[part]) for part in DESCRIBED if part in raw},
        "engines": {name: results[0]["engine"] for name, results in raw.get("generation", {}).items()},
        "agreement": _agreement(raw),
        "floor": _describe_floor(raw),
        "padding": _first(raw, "padding"),
        "scaling": _describe_scaling(raw),
        "split": _describe_split(raw),
        "quality": _describe_quality(raw.get("quality", {})),
        "profiles": {name: results[0] for name, results in raw.get("profiles", {}).items()},
        "story": _describe_story(raw.get("story", {})),
    }
    _compare_with_floor(run, raw)
    return run


def _compute_ratios(ratios: Sequence[Ratio], raw: Raw) -> dict[str, dict[str, float]]:
    """Return the ratios whose both sides were measured."""
    found = {ratio.name: compute_ratio(ratio, raw) for ratio in ratios}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def _first(raw: Raw, part: str) -> Result | None:
    return next((results[0] for results in raw.get(part, {}).values()), None)


def _agreement(raw: Raw) -> dict[str, float]:
    """Return for each model the share of dialogues where our greedy summary is that of batched `generate`."""
    shares = {}
    for model in (LAYOUT, BUNDLED):
        for side in ("ours_fp32", "ours_int8"):
            own = raw.get("generation", {}).get(f"{model}/{side}")
            others = raw.get("generation", {}).get(f"{model}/batched")
            if own and others:
                pairs = list(zip(own[0]["digests"], others[0]["digests"], strict=True))
                shares[f"{model}/{side}"] = sum(a == b for a, b in pairs) / len(pairs)
    return shares


def _describe_floor(raw: Raw) -> dict[str, Any] | None:
    """Return the rates and needs."""
    results = raw.get("floor", {}).get(LAYOUT)
    if not results:
        return None
    floor = {
        key: {name: median(result[key][name] for result in results) for name in results[0][key]}
        for key in ("operations_per_second", "operations_per_dialogue", "seconds_per_dialogue")
    }
    return {key: results[0][key] for key in ("rows", "source_tokens", "target_tokens")} | floor


def _describe_split(raw: Raw) -> dict[str, Any]:
    """Return for each of our engines the seconds of its parts per dialogue."""
    return {
        side: {
            name: {"seconds": median(result["seconds"][name] for result in results), "floor_seconds": None}
            for name in results[0]["seconds"]
        }
        for side, results in raw.get("split", {}).items()
    }


def _compare_with_floor(run: dict[str, Any], raw: Raw) -> None:
    """Add how many times the floor our training takes, and the floor of what our fp32 engine does."""
    floor = run["floor"]
    if floor is None:
        return
    training = run["measurements"].get("training", {})
    seconds = {
        method: training[f"{LAYOUT}/{method}/ours"]["seconds_per_dialogue"]["median"]
        for method in METHODS
        if f"{LAYOUT}/{method}/ours" in training
    }
    floor["ours_times_floor"] = {
        method: {name: value / floor["seconds_per_dialogue"][f"{method}_{name}"] for name in ("bf16", "fp32")}
        for method, value in seconds.items()
    }
    for result in raw.get("split", {}).get("ours_fp32", ())[:1]:
        for name, operations in result["operations"].items():
            needed = operations / floor["operations_per_second"]["fp32"]
            run["split"]["ours_fp32"][name]["floor_seconds"] = needed


def _describe_quality(systems: Mapping[str, Sequence[Result]]) -> dict[str, Any] | None:
    """Return the ROUGE of systems trained in several ways, against the first, and what each precision changes."""
    results = {name: systems[name][0] for name in DECODER_NAMES if name in systems}
    if not results:
        return None
    first = np.array(results["lora"]["scores"]["rouge1"]) if "lora" in results else None
    draws = Counts(len(next(iter(results.values()))["scores"]["rouge1"]), NUM_RESAMPLES, 0)
    described = {}
    for name, result in results.items():
        values = {metric: np.array(scores) for metric, scores in result["scores"].items()}
        facts = {key: result[key] for key in ("trainable_params", "seconds", "peak_memory_bytes")}
        facts |= {metric: _interval(scores, draws) for metric, scores in values.items()}
        facts["against_lora"] = None if first is None or name == "lora" else _interval(values["rouge1"] - first, draws)
        described[name] = facts
    precisions = {name: systems[name][0] for name in PRECISIONS if name in systems}
    return {"num_examples": int(draws.num_examples), "systems": described, "precisions": precisions}


def _interval(values: np.ndarray[Any, Any], draws: Any) -> dict[str, float]:
    low, high = bootstrap_interval(values, draws)
    return {"mean": float(values.mean()), "ci_low": low, "ci_high": high}


def _describe_scaling(raw: Raw) -> dict[str, Any] | None:
    """Return the points, and the line through the seconds: seconds per dialogue and the share it explains (R²)."""
    points = [results[0] for _, results in sorted(raw.get("scaling", {}).items())]
    if len(points) < 2:
        return None
    sizes = np.array([point["dialogues"] for point in points], dtype=float)
    seconds = np.array([point["seconds"] for point in points])
    slope, offset = np.polyfit(sizes, seconds, 1)
    left = float(((seconds - slope * sizes - offset) ** 2).sum())
    whole = float(((seconds - seconds.mean()) ** 2).sum())
    return {
        "points": points,
        "seconds_per_dialogue": float(slope),
        "offset_seconds": float(offset),
        "r_squared": 1 - left / whole if whole else 1.0,
        "memory_growth": points[-1]["peak_memory_bytes"] / points[0]["peak_memory_bytes"],
    }


def _describe_story(systems: Mapping[str, Sequence[Result]]) -> dict[str, Any] | None:
    """Return every system's ROUGE with its interval, and the paired differences that the page speaks of."""
    if not systems:
        return None
    results = {name: found[0] for name, found in systems.items()}
    num_examples = len(next(iter(results.values()))["scores"]["rouge1"])
    draws = Counts(num_examples, NUM_RESAMPLES, 0)

    def values(name: str, metric: str = "rouge1") -> np.ndarray[Any, Any]:
        return np.array(results[name]["scores"][metric])

    def compare(pairs: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, float]]:
        return {
            name: _interval(values(a) - values(b), draws)
            for name, (a, b) in pairs.items()
            if a in results and b in results
        }

    described = {
        name: {key: result[key] for key in ("seconds", "steps", "learning_rate", "losses", "new_tokens")}
        | {metric: _interval(values(name, metric), draws) for metric in result["scores"]}
        | {"first_summary": result["first_summary"]}
        for name, result in results.items()
    }
    ways = sorted({name.partition("/")[2] for name in results if "/" in name})
    pairs = {way: (f"full/{way}", f"lora/{way}") for way in ways}
    mended = [way for way in ways if way not in ("notebook", "notebook, our time", "ours")]
    beside = {method: (f"{method}/ours", f"{method}/notebook, our time") for method in METHODS}
    gains = {f"{method}/{way}": (f"{method}/{way}", f"{method}/notebook") for method in METHODS for way in mended}
    above = {name: (name, "zero_shot") for name in results if name != "zero_shot"}
    return {
        "num_examples": num_examples,
        "shared_rate": SHARED_RATE,
        "systems": described,
        "full_minus_lora": compare(pairs),
        "ours_minus_notebook": compare(beside),
        "gains": compare(gains),
        "above_untrained": compare(above),
        "lab_rate_minus_lora": compare({way: ("full/the lab's rate", f"lora/{way}") for way in ways}),
    }


__all__ = ["build_run"]
