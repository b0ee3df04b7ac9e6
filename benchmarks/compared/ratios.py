"""RATIOS: what is divided by what, and the bar it has to reach.

Takes raw measurements, gives medians, spread and ratios. A ratio is that of the medians; its spread is that of the
pairs that were measured one after the other. What was not measured is None, never a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from benchmarks.measured.bench import Result
from benchmarks.settings import LAYOUT

Raw = Mapping[str, Mapping[str, Sequence[Result]]]
"""Part → name → results by repetition."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One fact of ours divided by the same fact of another."""

    name: str
    part: str
    ours: str
    other: str
    fact: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def bar(self) -> str | None:
        """The bar in words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return None if self.at_most is None else f"≤ {self.at_most:g}"

    def is_met(self, value: float) -> bool | None:
        """Whether a value reaches the bar; None without one."""
        if self.at_least is not None:
            return value >= self.at_least
        return None if self.at_most is None else value <= self.at_most


def build_ratios(model: str, *, has_bars: bool) -> tuple[Ratio, ...]:
    """Return the ratios of one model; the bars are FLAN-T5-base's layout's."""

    def training(name: str, method: str, other: str, bar: float | None = None) -> Ratio:
        own, others = f"{model}/{method}/ours", f"{model}/{method}/{other}"
        return Ratio(name, "training", own, others, "dialogues_per_second", at_least=bar if has_bars else None)

    def generation(side: str, other: str, bar: float) -> Ratio:
        own, others = f"{model}/ours_{side}", f"{model}/{other}"
        bar_or_none = bar if has_bars else None
        return Ratio(
            f"generate_{side}_vs_{other}", "generation", own, others, "dialogues_per_second", at_least=bar_or_none
        )

    return (
        training("lora_vs_notebook", "lora", "notebook", 12),
        training("full_vs_notebook", "full", "notebook", 8),
        training("lora_vs_best_practice", "lora", "best_practice", 1.8),
        training("full_vs_best_practice", "full", "best_practice"),
        Ratio(
            "lora_memory_vs_full",
            "training",
            f"{model}/lora/ours",
            f"{model}/full/ours",
            "peak_memory_bytes",
            at_most=0.45 if has_bars else None,
        ),
        generation("fp32", "one_by_one", 4.5),
        generation("fp32", "batched", 1.7),
        generation("int8", "one_by_one", 8),
        generation("int8", "batched", 3),
    )


RATIOS = (
    *build_ratios(LAYOUT, has_bars=True),
    Ratio("scoring_vs_evaluate", "scoring", "ours", "evaluate", "pairs_per_second", at_least=10),
)


def describe_values(values: Sequence[float]) -> dict[str, Any]:
    """Return median, smallest, largest and interquartile range, and how many values there are."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return {
        "median": median(values),
        "min": min(values),
        "max": max(values),
        "iqr": high - low,
        "repetitions": len(values),
    }


def compute_ratio(ratio: Ratio, raw: Raw) -> dict[str, float] | None:
    """Return one ratio of a run with its spread, or None where a side was not measured.

    A side that was measured less often stands with its last measurement beside those that the other has more.
    """
    names = raw.get(ratio.part, {})
    own = [float(result[ratio.fact]) for result in names.get(ratio.ours, ())]
    others = [float(result[ratio.fact]) for result in names.get(ratio.other, ())]
    if not own or not others:
        return None
    paired = [own[min(i, len(own) - 1)] / others[min(i, len(others) - 1)] for i in range(max(len(own), len(others)))]
    return {"value": median(own) / median(others), "min": min(paired), "max": max(paired)}


def describe_part(names: Mapping[str, Sequence[Result]]) -> dict[str, Any]:
    """Return every numeric fact of a part's measurements, described."""
    described: dict[str, Any] = {}
    for name, results in names.items():
        facts = [key for key, value in results[0].items() if isinstance(value, int | float)]
        described[name] = {fact: describe_values([float(result[fact]) for result in results]) for fact in facts}
    return described


__all__ = [
    "RATIOS",
    "Ratio",
    "Raw",
    "build_ratios",
    "compute_ratio",
    "describe_part",
    "describe_values",
]
