"""ReportDocument: all that the report shows, gathered from the stages, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from dialora.comparison import Comparison
from dialora.comparison.faithfulness import SystemFaithfulness
from dialora.comparison.people import StudyResult
from dialora.records import Record
from dialora.tuning.rules import SearchOutcome


@dataclass(frozen=True, slots=True)
class LossCurve(Record):
    """One run's losses: `train` is one per optimizer step, `validation` is (step, loss)."""

    label: str
    train: tuple[float, ...]
    validation: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class ReportedExample(Record):
    """One test dialogue with what people and every system wrote.

    `summaries`, `scores` and `unsupported` go by system key; scores are per metric, aggregated over references, in
    [0, 1]; unsupported is what a summary names and the dialogue does not, as it is written.
    """

    id: str
    dialogue: str
    topic: str | None
    references: tuple[str, ...]
    summaries: dict[str, str]
    scores: dict[str, dict[str, float]]
    unsupported: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the example from `to_json`'s form."""
        named = {key: tuple(texts) for key, texts in values["unsupported"].items()}
        return cls(**values | {"references": tuple(values["references"]), "unsupported": named})


@dataclass(frozen=True, slots=True)
class ReportDocument(Record):
    """The report before it is rendered."""

    comparison: Comparison
    curves: tuple[LossCurve, ...]
    examples: tuple[ReportedExample, ...]
    data: dict[str, Any]
    """The DataSummary: counts, columns, skips, notes and fingerprints per split."""
    truncation: tuple[dict[str, Any], ...]
    """What was cut: {"what", "limit", "count", "total"} with what in words."""
    seconds: dict[str, float]
    """How long each part took, in order: {"load data": 1.2, "train Instruct": 80.1, …}."""
    environment: dict[str, str]
    """Versions and hardware."""
    config_yaml: str
    notes: tuple[str, ...] = field(default=())
    searches: tuple[SearchOutcome, ...] = ()
    """For learning rates, one per method; none where the experiment asks for none."""
    faithfulness: tuple[SystemFaithfulness, ...] = ()
    """People's row and one per system; empty where nothing was measured."""
    studies: tuple[StudyResult, ...] = ()
    """What people judged of these systems' summaries."""


__all__ = ["LossCurve", "ReportDocument", "ReportedExample"]
