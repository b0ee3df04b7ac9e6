"""From all runs to the one document that the pages are made from: medians over runs, and whether each bar is met.

A ratio is the median of the runs that have it, and so is every time and size; what is told of one run (the floor,
profiles, systems trained to their end) is of the newest that has it. Memory of another definition is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks.compared import ours
from benchmarks.compared.ratios import RATIOS, Ratio
from benchmarks.recorded.runs import Run
from benchmarks.settings import FIRST_STEP, LAYOUT

NOTES = Path(__file__).parents[1] / "compared" / "notes.yaml"
PADDING_BAR = 0.05
MEMORY = "peak_memory_bytes"
OF_ONE_RUN = (
    "scoring_data",
    "engines",
    "agreement",
    "floor",
    "padding",
    "scaling",
    "split",
    "quality",
    "profiles",
    "story",
)
"""Sections of the newest run that has them."""
OF_A_RUN = ("day", "machine", "rates", "commit", "memory", "parts")
"""What is said of each run."""


def combine_runs(runs: Sequence[Run], notes: Path = NOTES) -> dict[str, Any]:
    """Return everything that the runs say together, and `of`: which run, counted from 1, a section of one run is of."""
    found = [_drop_superseded(run) for run in runs]
    document: dict[str, Any] = {key: runs[-1][key] for key in ("benchmark", "num_layers", "quality_epochs", "data")}
    document["runs"] = [{key: run[key] for key in OF_A_RUN} for run in runs]
    ratios = {ratio.name: combine_ratio(ratio, _below(found, "ratios", ratio.name)) for ratio in RATIOS}
    bundled = {ratio.name: _below(found, "ratios_bundled", ratio.name) for ratio in RATIOS}
    document["ratios"] = _add_reasons(ratios, notes)
    document["ratios_bundled"] = {name: median(values) for name, values in bundled.items() if values}
    document["measurements"] = _combine_parts([run["measurements"] for run in found])
    document["of"] = {}
    for section in OF_ONE_RUN:
        number = next((number for number in reversed(range(len(found))) if found[number][section]), None)
        document[section] = None if number is None else found[number][section]
        document["of"][section] = None if number is None else number + 1
    if document["padding"]:
        share = document["padding"]["padding_share"]
        bar = f"≤ {PADDING_BAR:.0%}".replace("%", " %")
        document["padding"] = document["padding"] | {"bar": bar, "met": share <= PADDING_BAR}
    return document


def _drop_superseded(run: Run) -> dict[str, Any]:
    """Return the run without training memory where that is not from the first step on."""
    if run["memory"] == FIRST_STEP:
        return dict(run)
    kept = dict(run)
    for section in ("ratios", "ratios_bundled"):
        kept[section] = {name: ratio for name, ratio in run[section].items() if name not in _MEMORY_RATIOS}
    kept["measurements"] = {
        part: {
            name: {fact: values for fact, values in facts.items() if fact != MEMORY} for name, facts in found.items()
        }
        for part, found in run["measurements"].items()
    }
    if run["scaling"]:
        points = [point | {MEMORY: None} for point in run["scaling"]["points"]]
        kept["scaling"] = run["scaling"] | {"points": points, "memory_growth": None}
    for section in ("quality", "profiles", "story"):
        kept[section] = _without_memory(run.get(section))
    return kept


def _without_memory(value: Any) -> Any:
    """Return a section without its figures of memory, at any depth."""
    if isinstance(value, Mapping):
        return {name: _without_memory(item) for name, item in value.items() if name != MEMORY}
    return [_without_memory(item) for item in value] if isinstance(value, list) else value


_MEMORY_RATIOS = {ratio.name for ratio in RATIOS if ratio.fact == MEMORY}


def combine_ratio(ratio: Ratio, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one ratio over the runs that have it: median, range over runs, spread within them, bar, whether it is met.

    Value, range, spread and met are None where no run has it.
    """
    entry: dict[str, Any] = {"value": None, "min": None, "max": None, "spread": None, "runs": len(found)}
    entry |= {"bar": ratio.bar, "met": None}
    if not found:
        return entry
    values = [each["value"] for each in found]
    value, spread = median(values), [min(each["min"] for each in found), max(each["max"] for each in found)]
    entry |= {"value": value, "min": min(values), "max": max(values), "spread": spread}
    return entry | {"met": ratio.is_met(value)}


def _add_reasons(ratios: dict[str, dict[str, Any]], notes: Path) -> dict[str, dict[str, Any]]:
    """Add to a missed or missing ratio the reason that a person noted, or None."""
    reasons = yaml.safe_load(notes.read_text(encoding="utf-8")) or {}
    for side, reason in ours.UNMEASURED.items():
        for ratio in RATIOS:
            if ratio.ours == f"{LAYOUT}/{side}":
                reasons.setdefault(ratio.name, reason)
    for name, entry in ratios.items():
        is_short = entry["met"] is False or entry["value"] is None
        entry["reason"] = reasons.get(name) if is_short else None
    return ratios


def _combine_parts(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return part → name → fact → the median of the runs' medians, and the smallest and largest value of all."""
    combined: dict[str, Any] = {}
    for part in _keys(found):
        names = _below(found, part)
        combined[part] = {}
        for name in _keys(names):
            facts = _below(names, name)
            combined[part][name] = {fact: _combine_values(_below(facts, fact)) for fact in _keys(facts)}
    return combined


def _keys(levels: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for level in levels for key in level))


def _below(levels: Sequence[Mapping[str, Any]], *keys: str) -> list[Any]:
    """Return what lies at the end of the keys in those levels that have it."""
    for key in keys:
        levels = [level[key] for level in levels if key in level]
    return list(levels)


def _combine_values(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "median": median(each["median"] for each in found),
        "min": min(each["min"] for each in found),
        "max": max(each["max"] for each in found),
        "repetitions": sum(each["repetitions"] for each in found),
    }


__all__ = ["PADDING_BAR", "combine_ratio", "combine_runs"]
