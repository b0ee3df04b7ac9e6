"""Statistics over runs: from per-dialogue scores to intervals, differences and a verdict.

Takes the scores of every run as they lie on disk and never scores again. The unit is the dialogue: seeds are
averaged within a dialogue first, so an interval speaks of other dialogues like these, not of other seeds.
Intervals are percentile bootstrap intervals (Efron & Tibshirani 1993, chapter 13); p-values come from a paired
sign-flip permutation test with the +1 correction of Phipson & Smyth 2010. numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dialora.config import ScoringConfig
from dialora.records import Cost, ExampleScores, Ledger, Record
from dialora.scoring import METRICS

if TYPE_CHECKING:
    import pandas as pd


SCHEMA_VERSION = 1
CONFIDENCE = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunResult(Record):
    """What one run of one system gave: its cost and its scores, one per test dialogue."""

    seed: int
    cost: Cost
    scores: tuple[ExampleScores, ...]


@dataclass(frozen=True, slots=True)
class SystemRuns(Record):
    """All runs of one system."""

    key: str
    method: str
    label: str
    runs: tuple[RunResult, ...]


@dataclass(frozen=True, slots=True)
class Interval(Record):
    """A mean score, a fraction in [0, 1], and its 95 % interval over dialogues."""

    mean: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class System(Record):
    """One row of the tables. Facts that were not measured are None."""

    key: str
    method: str
    label: str
    seeds: tuple[int, ...]
    trainable_params: int | None
    total_params: int | None
    trainable_percent: float | None
    train_seconds: float | None
    peak_memory_bytes: int | None
    scores: dict[str, Interval]
    yardstick: bool = False
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True, slots=True)
class Difference(Record):
    """Mean of `a` minus mean of `b` over the same dialogues, with its 95 % interval."""

    a: str
    b: str
    metric: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    relative: float | None
    """difference / mean of `b`; None where `b` scored 0."""


@dataclass(frozen=True, slots=True)
class Comparison(Record):
    """The answer: every system's scores and cost, every pair's difference, and a sentence."""

    experiment: str
    protocol: str
    systems: tuple[System, ...]
    comparisons: tuple[Difference, ...]
    verdict: str
    num_examples: int
    schema_version: int = SCHEMA_VERSION

    def difference(self, a: str, b: str, metric: str = "rouge1") -> Difference:
        """Return the difference of two systems, named by key. Raises KeyError when they were not compared."""
        for item in self.comparisons:
            if (item.a, item.b, item.metric) == (a, b, metric):
                return item
        raise KeyError((a, b, metric))

    def frame(self) -> pd.DataFrame:
        """Return one row per system: cost, then mean and interval of each metric."""
        import pandas as pd

        rows = []
        for system in self.systems:
            row: dict[str, Any] = {"system": system.label, "method": system.method}
            row |= {"trainable_params": system.trainable_params, "trainable_percent": system.trainable_percent}
            row |= {"train_seconds": system.train_seconds, "peak_memory_bytes": system.peak_memory_bytes}
            for metric, score in system.scores.items():
                row |= {metric: score.mean, f"{metric}_low": score.ci_low, f"{metric}_high": score.ci_high}
            rows.append(row)
        return pd.DataFrame(rows).set_index("system")

    def _repr_html_(self) -> str:
        frame = self.frame().drop(columns=["peak_memory_bytes", "method"])
        return f"<p>{self.verdict}</p>{frame.to_html(float_format='{:.4f}'.format, na_rep='–')}"


def compare_systems(
    systems: Sequence[SystemRuns],
    *,
    experiment: str,
    protocol: str,
    scoring: ScoringConfig,
    seed: int = 0,
    comparable_costs: bool = True,
) -> Comparison:
    """Compare systems scored on the same dialogues; the first one is what the others are measured against.

    Pairs come as (later, earlier), so a positive difference means the later system scored higher. Times enter the
    verdict only where they are `comparable_costs`, measured on one machine. Raises ValueError
    when the systems were not scored on the same dialogues in the same order.
    """
    ids = [score.id for score in systems[0].runs[0].scores]
    values = {system.key: _example_means(system, ids, scoring) for system in systems}
    draws = _bootstrap_counts(len(ids), scoring.num_resamples, seed)
    rows = tuple(_system_row(system, values[system.key], draws) for system in systems)
    pairs = [(a, b) for i, b in enumerate(systems) for a in systems[i + 1 :]]
    differences = tuple(
        _difference(a.key, b.key, metric, values[a.key][metric], values[b.key][metric], draws, seed)
        for a, b in pairs
        for metric in METRICS
    )
    return Comparison(
        experiment=experiment,
        protocol=protocol,
        systems=rows,
        comparisons=differences,
        verdict=render_verdict(rows, differences, comparable_costs=comparable_costs),
        num_examples=len(ids),
    )


def aggregate_references(scores: Sequence[float], references: str) -> float:
    """Reduce one example's scores, one per reference, to one: `mean`, `max` or `first`."""
    if references == "mean":
        return float(np.mean(scores))
    return max(scores) if references == "max" else scores[0]


def _example_means(system: SystemRuns, ids: list[str], scoring: ScoringConfig) -> dict[str, Floats]:
    """Return for each metric one score per dialogue, averaged over the system's seeds."""
    for run in system.runs:
        if [score.id for score in run.scores] != ids:
            raise ValueError(f"{system.key} (seed {run.seed}) was not scored on the same dialogues as the others")
    return {
        metric: np.mean(
            [
                [aggregate_references(score.scores[metric], scoring.references) for score in run.scores]
                for run in system.runs
            ],
            axis=0,
        )
        for metric in METRICS
    }


def _bootstrap_counts(num_examples: int, num_resamples: int, seed: int) -> NDArray[np.float32]:
    """Return how often each dialogue is drawn in each resample: (num_resamples, num_examples).

    One matrix serves every system and pair, which makes the intervals of differences paired.
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(num_examples, np.full(num_examples, 1 / num_examples), size=num_resamples)
    return counts.astype(np.float32)


def _bootstrap_interval(values: Floats, draws: NDArray[np.float32]) -> tuple[float, float]:
    means = draws @ values / len(values)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def _system_row(system: SystemRuns, values: dict[str, Floats], draws: NDArray[np.float32]) -> System:
    costs = [run.cost for run in system.runs]
    seconds = [cost.train_seconds for cost in costs if cost.train_seconds is not None]
    memory = [cost.peak_memory_bytes for cost in costs if cost.peak_memory_bytes is not None]
    return System(
        key=system.key,
        method=system.method,
        label=system.label,
        seeds=tuple(run.seed for run in system.runs),
        trainable_params=costs[0].trainable_params,
        total_params=costs[0].total_params,
        trainable_percent=100 * costs[0].trainable_params / costs[0].total_params,
        train_seconds=float(np.mean(seconds)) if seconds else None,
        peak_memory_bytes=max(memory) if memory else None,
        scores={
            metric: Interval(float(scores.mean()), *_bootstrap_interval(scores, draws))
            for metric, scores in values.items()
        },
        ledger=Ledger.from_costs(costs),
    )


def _difference(
    a: str, b: str, metric: str, values_a: Floats, values_b: Floats, draws: NDArray[np.float32], seed: int
) -> Difference:
    paired = values_a - values_b
    low, high = _bootstrap_interval(paired, draws)
    base = float(values_b.mean())
    return Difference(
        a=a,
        b=b,
        metric=metric,
        difference=float(paired.mean()),
        ci_low=low,
        ci_high=high,
        p_value=sign_flip_p_value(paired, num_resamples=len(draws), seed=seed),
        relative=float(paired.mean()) / base if base > 0 else None,
    )


def sign_flip_p_value(differences: Floats, *, num_resamples: int, seed: int) -> float:
    """Return the two-sided p-value of "no difference": signs of the paired differences are flipped at random.

    `differences` is (num_examples,). The observed arrangement counts as one of the draws, so p is never 0.
    """
    rng = np.random.default_rng(seed)
    observed = abs(float(differences.sum()))
    at_least = 0
    for start in range(0, num_resamples, 1000):
        size = (min(1000, num_resamples - start), len(differences))
        sums = rng.choice(np.array([-1.0, 1.0]), size=size) @ differences
        # Equal sums differ in the last bits by the order of addition; they count as reached.
        at_least += int(np.count_nonzero(np.abs(sums) >= observed * (1 - 1e-12) - 1e-15))
    return (at_least + 1) / (num_resamples + 1)


def render_verdict(
    systems: Sequence[System], differences: Sequence[Difference], *, comparable_costs: bool = True
) -> str:
    """Say in a sentence or two what the ROUGE-1 differences mean; PEFT against full fine-tuning comes first."""
    if len(systems) == 1:
        return "One system only: nothing to compare."
    labels = {system.key: system for system in systems}
    full = next((s for s in systems if s.method == "full"), None)
    rouge1 = [d for d in differences if d.metric == "rouge1"]
    sentences = []
    for item in rouge1:
        if full is None or full.key not in (item.a, item.b):
            continue
        other = labels[item.b if item.a == full.key else item.a]
        if other.method == "zero_shot":
            continue
        sign = 1 if item.a == other.key else -1
        sentences.append(_against(other, full, "full fine-tuning", item, sign, costs=comparable_costs))
    for item in rouge1:
        for system, original, sign in ((item.a, item.b, 1), (item.b, item.a, -1)):
            if labels[original].method == "zero_shot":
                sentences.append(_against_original(labels[system], item, sign))
    if not sentences:
        pairs = [(labels[item.a], labels[item.b], item) for item in rouge1]
        sentences = [_against(a, b, b.label, item, 1, costs=comparable_costs) for a, b, item in pairs]
    return " ".join(sentences)


def _is_clear(item: Difference) -> bool:
    """Interval and test agree: a bootstrap over a handful of dialogues alone is far too sure of itself."""
    return item.p_value < 1 - CONFIDENCE and (item.ci_low > 0 or item.ci_high < 0)


def _against(system: System, other: System, name: str, item: Difference, sign: int, *, costs: bool) -> str:
    points, half = 100 * sign * item.difference, 100 * (item.ci_high - item.ci_low) / 2
    relation = ("above" if points > 0 else "below") if _is_clear(item) else "from"
    text = f"{system.label} is {abs(points):.1f} ± {half:.1f} ROUGE-1 points {relation} {name}"
    if system.trainable_params and other.trainable_params:
        share = 100 * system.trainable_params / other.trainable_params
        text += f", at {share:.2g} % of the trainable parameters"
    if costs and system.train_seconds and other.train_seconds:
        text += f" and {100 * system.train_seconds / other.train_seconds:.0f} % of the training time"
    return text + ("." if _is_clear(item) else "; the difference could be chance.")


def _against_original(system: System, item: Difference, sign: int) -> str:
    points, half = 100 * sign * item.difference, 100 * (item.ci_high - item.ci_low) / 2
    outcome = ("better than" if points > 0 else "worse than") if _is_clear(item) else "not clearly different from"
    return f"{system.label} is {outcome} the original model ({points:+.1f} ± {half:.1f})."


__all__ = [
    "METRICS",
    "Comparison",
    "Difference",
    "Interval",
    "RunResult",
    "System",
    "SystemRuns",
    "aggregate_references",
    "compare_systems",
    "render_verdict",
    "sign_flip_p_value",
]
