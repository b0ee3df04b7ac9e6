"""Faithfulness of systems: means over dialogues with 95 % bootstrap intervals, and people's own row beside them.

Takes test examples and what every run of every system wrote of them. The unit is the dialogue, as in `comparison`:
runs are averaged within a dialogue first. A measure that a dialogue does not have (no claim it could decide, no two
words) leaves that dialogue out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dialora.comparison.draws import Counts, Floats
from dialora.comparison.results import Interval
from dialora.comparison.statistics import bootstrap_intervals
from dialora.records import Example, Record
from dialora.scoring.faithfulness import (
    KINDS,
    SpokenDialogue,
    SummaryFaithfulness,
    collect_vocabulary,
    measure_summary,
)

HUMAN = "human"
Measure = Callable[[SummaryFaithfulness], float | None]

MEASURES: dict[str, Measure] = {
    "unsupported": lambda item: float(bool(item.unsupported)),
    **{f"{kind}s": lambda item, kind=kind: float(_count(item, kind)) for kind in KINDS},  # type: ignore[misc]
    "swapped": lambda item: len(item.swapped) / item.num_role_claims if item.num_role_claims else None,
    "length_ratio": lambda item: item.length_ratio,
    "compression": lambda item: item.compression,
    "novelty": lambda item: item.novelty,
    "repetition": lambda item: item.repetition,
}
"""`unsupported` is the share of summaries with any unsupported entity, each kind its mean number in a summary,
`swapped` the share of decided claims that are the wrong way round."""


@dataclass(frozen=True, slots=True)
class SystemFaithfulness(Record):
    """One system's means with their intervals, by the names of MEASURES; None where no dialogue has the measure."""

    key: str
    label: str
    num_summaries: int
    num_role_claims: int
    measures: dict[str, Interval | None]


Summaries = Mapping[str, Sequence[Sequence[str]]]
"""What each system, by key, wrote: for each run the summaries in the order of the examples."""


def measure_systems(
    examples: Sequence[Example], summaries: Summaries
) -> tuple[dict[str, list[list[SummaryFaithfulness]]], list[list[SummaryFaithfulness]]]:
    """Measure every summary and every reference.

    Gives, for each system by key, one list per run, and for people one list per dialogue: a reference's length is
    measured by the other references. Raises ValueError when a run has not one summary per example.
    """
    for key, runs in summaries.items():
        if any(len(run) != len(examples) for run in runs):
            raise ValueError(f"{key}: not one summary for each of the {len(examples)} examples")
    vocabulary = collect_vocabulary(text for example in examples for text in (example.dialogue, *example.references))
    measured: dict[str, list[list[SummaryFaithfulness]]] = {key: [[] for _ in runs] for key, runs in summaries.items()}
    people = []
    for i, example in enumerate(examples):
        spoken = SpokenDialogue(example.dialogue, vocabulary=vocabulary)
        for key, runs in summaries.items():
            for run, texts in enumerate(runs):
                measured[key][run].append(
                    measure_summary(texts[i], spoken, id=example.id, references=example.references)
                )
        people.append(
            [
                measure_summary(
                    text, spoken, id=example.id, references=example.references[:k] + example.references[k + 1 :]
                )
                for k, text in enumerate(example.references)
            ]
        )
    return measured, people


def aggregate_systems(
    measured: Mapping[str, Sequence[Sequence[SummaryFaithfulness]]],
    people: Sequence[Sequence[SummaryFaithfulness]],
    *,
    labels: Mapping[str, str],
    num_resamples: int,
    seed: int = 0,
) -> tuple[SystemFaithfulness, ...]:
    """Return people's row, then one row per system in the order of `measured`."""
    named = [
        (HUMAN, "Human", people),
        *((key, labels[key], list(zip(*runs, strict=True))) for key, runs in measured.items()),
    ]
    found: dict[tuple[int, str], Floats] = {}
    for at, (_, _, dialogues) in enumerate(named):
        for name, measure in MEASURES.items():
            known = [[value for item in dialogue if (value := measure(item)) is not None] for dialogue in dialogues]
            found[at, name] = np.array([np.mean(values) for values in known if values])
    intervals = _bound_means(found, num_resamples, seed)
    rows = []
    for at, (key, label, dialogues) in enumerate(named):
        items = [item for dialogue in dialogues for item in dialogue]
        measures = {name: intervals.get((at, name)) for name in MEASURES}
        rows.append(SystemFaithfulness(key, label, len(items), sum(item.num_role_claims for item in items), measures))
    return tuple(rows)


def _bound_means(
    found: Mapping[tuple[int, str], Floats], num_resamples: int, seed: int
) -> dict[tuple[int, str], Interval]:
    """Return the mean of each non-empty array with its interval; those over equally many dialogues share the draws."""
    by_size: dict[int, list[tuple[int, str]]] = {}
    for place, values in found.items():
        by_size.setdefault(len(values), []).append(place)
    intervals = {}
    for size, places in by_size.items():
        if not size:
            continue
        columns = np.column_stack([found[place] for place in places])
        bounds = bootstrap_intervals(columns, Counts(size, num_resamples, seed))
        for place, (low, high) in zip(places, bounds, strict=True):
            intervals[place] = Interval(float(found[place].mean()), low, high)
    return intervals


def _count(item: SummaryFaithfulness, kind: str) -> int:
    return sum(entity.kind == kind for entity in item.unsupported)


__all__ = ["HUMAN", "MEASURES", "SystemFaithfulness", "aggregate_systems", "measure_systems"]
