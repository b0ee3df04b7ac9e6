"""What a comparison takes and gives: the runs of systems, and their scores with intervals and differences."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dialora.comparison.statistics import CONFIDENCE
from dialora.printable import clean_all
from dialora.records import Cost, ExampleScores, Ledger, Record
from dialora.scoring import METRICS

if TYPE_CHECKING:
    import pandas as pd


SCHEMA_VERSION = 1


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
    base: str | None = None
    """The base model's name, where the systems stand on several."""


@dataclass(frozen=True, slots=True)
class Interval(Record):
    """A mean score and its 95 % interval over dialogues: fractions in [0, 1], but for a learned regression."""

    mean: float
    ci_low: float
    ci_high: float
    seed_means: tuple[float, ...] = ()
    """The mean of each seed's run, in the order of `System.seeds`."""

    @property
    def seed_deviation(self) -> float | None:
        """The standard deviation of the mean over seeds; None for one seed."""
        return float(np.std(self.seed_means, ddof=1)) if len(self.seed_means) > 1 else None


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
    base: str | None = None
    """The base model's name, where the comparison has several."""

    @property
    def full_label(self) -> str:
        """What it is called where its base does not stand beside it."""
        return self.label if self.base is None else f"{self.label} · {self.base}"

    @property
    def training_seconds(self) -> float | None:
        """All that training takes: optimizer steps, and the encoder's pass where it runs once before them."""
        return None if self.train_seconds is None else self.train_seconds + (self.ledger.encoding_seconds or 0.0)


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
    p_adjusted: float = 1.0
    """`p_value` after Holm's correction over the pairs compared in this metric."""
    detectable: float | None = None
    """The smallest true difference that this test set finds four times in five; None for a single dialogue."""
    noninferior: bool | None = None
    """Whether `a` is surely not worse than `b` by the margin or more; None when no margin was set."""

    @property
    def is_clear(self) -> bool:
        """Interval and corrected test agree: over a handful of dialogues a bootstrap alone is far too sure."""
        return self.p_adjusted < 1 - CONFIDENCE and (self.ci_low > 0 or self.ci_high < 0)


@dataclass(frozen=True, slots=True)
class Comparison(Record):
    """The answer: every system's scores and cost, every pair's difference, and a sentence."""

    experiment: str
    protocol: str
    systems: tuple[System, ...]
    comparisons: tuple[Difference, ...]
    verdict: str
    num_examples: int
    comparable_costs: bool = True
    """Whether times, memory and energy were measured with the same versions on the same hardware."""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values; bases are named where there are several."""
        values = asdict(self)
        values["systems"] = tuple(
            {key: value for key, value in system.items() if key != "base" or value is not None}
            for system in values["systems"]
        )
        return values

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics, ROUGE's first; the first of all is the one that the verdict is about."""
        return list_metrics(metric for system in self.systems for metric in system.scores)

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
            row |= {} if system.base is None else {"base": system.base}
            row |= {"trainable_params": system.trainable_params, "trainable_percent": system.trainable_percent}
            row |= {"train_seconds": system.train_seconds, "peak_memory_bytes": system.peak_memory_bytes}
            for metric, score in system.scores.items():
                row |= {metric: score.mean, f"{metric}_low": score.ci_low, f"{metric}_high": score.ci_high}
            rows.append(row)
        return pd.DataFrame(rows).set_index("system")

    def _repr_html_(self) -> str:
        safe = clean_all(self)
        frame = safe.frame().drop(columns=["peak_memory_bytes", "method"])
        frame["trainable_params"] = ["–" if value != value else f"{value:,.0f}" for value in frame["trainable_params"]]
        return f"<p>{html.escape(safe.verdict)}</p>{frame.to_html(float_format='{:.4f}'.format, na_rep='–')}"


def list_metrics(found: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics in the order of the tables: ROUGE's, then the learned ones that were found."""
    return tuple(dict.fromkeys((*METRICS, *found)))


__all__ = ["Comparison", "Difference", "Interval", "RunResult", "System", "SystemRuns", "list_metrics"]
