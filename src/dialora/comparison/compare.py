"""From the runs of several systems to one Comparison. Takes the scores as they lie on disk and never scores again.

The unit is the dialogue: seeds are averaged within a dialogue first, so an interval speaks of other dialogues like
these, not of other seeds; how much seeds differ stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dialora.comparison.results import Comparison, Difference, Interval, RunResult, System, SystemRuns, list_metrics
from dialora.comparison.statistics import (
    Counts,
    Floats,
    bootstrap_counts,
    bootstrap_intervals,
    detectable_difference,
    holm,
    is_noninferior,
    sign_flip_p_values,
)
from dialora.comparison.verdict import render_verdict
from dialora.config import ScoringConfig
from dialora.protocols import PROTOCOLS, weigh_rows
from dialora.records import Ledger
from dialora.scoring import METRICS


def compare_systems(
    systems: Sequence[SystemRuns],
    *,
    experiment: str,
    protocol: str,
    scoring: ScoringConfig,
    seed: int = 0,
    comparable_costs: bool = True,
    yardsticks: Sequence[SystemRuns] = (),
) -> Comparison:
    """Compare systems scored on the same dialogues; the first one is what the others are measured against.

    Pairs come as (later, earlier), so a positive difference means the later system scored higher. Times enter the
    verdict only where they are `comparable_costs`, measured on one machine. `yardsticks` get a row below the systems,
    and enter neither pairs nor verdict. Raises ValueError when the systems were not scored on the same dialogues in
    the same order.
    """
    first = systems[0].runs[0].scores
    ids = [score.id for score in first]
    metrics = list_metrics(first[0].scores)
    values = {system.key: _example_means(system, ids, metrics, scoring) for system in systems}
    draws = bootstrap_counts(len(ids), scoring.num_resamples, seed)
    rows = _build_rows(systems, [values[system.key] for system in systems], draws, scoring)
    beside = _build_rows(
        yardsticks, [_example_means(item, ids, metrics, scoring) for item in yardsticks], draws, scoring
    )
    beside = tuple(replace(row, yardstick=True) for row in beside)
    pairs = [(a.key, b.key) for i, b in enumerate(systems) for a in systems[i + 1 :]]
    differences = tuple(_compare_pairs(pairs, metrics, values, draws, scoring, seed)) if pairs else ()
    return Comparison(
        experiment=experiment,
        protocol=protocol,
        systems=rows + beside,
        comparisons=differences,
        verdict=render_verdict(
            rows, differences, num_examples=len(ids), margin=scoring.margin, has_costs=comparable_costs
        ),
        num_examples=len(ids),
    )


def aggregate_references(scores: Sequence[float], references: str) -> float:
    """Reduce one example's scores, one per reference, to one: `mean`, `max` or `first`."""
    if references == "mean":
        return float(np.mean(scores))
    return max(scores) if references == "max" else scores[0]


def _example_means(
    system: SystemRuns, ids: list[str], metrics: Sequence[str], scoring: ScoringConfig
) -> dict[str, Floats]:
    """Return for each metric one score per dialogue, averaged over the system's seeds."""
    for run in system.runs:
        if [score.id for score in run.scores] != ids:
            raise ValueError(f"{system.key} (seed {run.seed}) was not scored on the same dialogues as the others")
    return {metric: np.mean([_run_values(run, metric, scoring) for run in system.runs], axis=0) for metric in metrics}


def _run_values(run: RunResult, metric: str, scoring: ScoringConfig) -> Floats:
    """Return one run's score per dialogue: (num_examples,). Their plain mean is the protocol's mean."""
    scores = [score.scores[metric] for score in run.scores]
    counts = [len(one) for one in scores]
    if scoring.references == "mean" and min(counts) == max(counts):
        values = np.mean(scores, axis=1)
    else:
        values = np.array([aggregate_references(one, scoring.references) for one in scores])
    return weigh_rows(values, counts) if PROTOCOLS[scoring.protocol].counts_rows else values


def _build_rows(
    systems: Sequence[SystemRuns], values: Sequence[dict[str, Floats]], draws: Counts, scoring: ScoringConfig
) -> tuple[System, ...]:
    if not systems:
        return ()
    metrics = list(values[0])
    columns = np.column_stack([own[metric] for own in values for metric in metrics])
    intervals = iter(bootstrap_intervals(columns, draws))
    rows = []
    for system, own in zip(systems, values, strict=True):
        scores = {
            metric: Interval(float(own[metric].mean()), *next(intervals), _seed_means(system, metric, scoring))
            for metric in metrics
        }
        rows.append(_build_row(system, scores))
    return tuple(rows)


def _build_row(system: SystemRuns, scores: dict[str, Interval]) -> System:
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
        trainable_percent=costs[0].trainable_percent,
        train_seconds=float(np.mean(seconds)) if seconds else None,
        peak_memory_bytes=max(memory) if memory else None,
        scores=scores,
        ledger=Ledger.from_costs(costs),
    )


def _seed_means(system: SystemRuns, metric: str, scoring: ScoringConfig) -> tuple[float, ...]:
    return tuple(float(np.mean(_run_values(run, metric, scoring))) for run in system.runs)


def _compare_pairs(
    pairs: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    values: dict[str, dict[str, Floats]],
    draws: Counts,
    scoring: ScoringConfig,
    seed: int,
) -> Iterator[Difference]:
    """Compare every pair in every metric; the correction is over the pairs in one metric."""
    compared = [(a, b, metric) for metric in metrics for a, b in pairs]
    columns = np.column_stack([values[a][metric] - values[b][metric] for a, b, metric in compared])
    p_values = sign_flip_p_values(columns, num_resamples=len(draws), seed=seed)
    adjusted = [p for at in range(0, len(p_values), len(pairs)) for p in holm(p_values[at : at + len(pairs)])]
    intervals = bootstrap_intervals(columns, draws)
    margin = None if scoring.margin is None else scoring.margin / 100
    for at, (a, b, metric) in enumerate(compared):
        low, high = intervals[at]
        mean, base = float(columns[:, at].mean()), float(values[b][metric].mean())
        yield Difference(
            a=a,
            b=b,
            metric=metric,
            difference=mean,
            ci_low=low,
            ci_high=high,
            p_value=p_values[at],
            relative=mean / base if base > 0 else None,
            p_adjusted=adjusted[at],
            detectable=detectable_difference(columns[:, at]),
            # The margin is in ROUGE points.
            noninferior=is_noninferior(low, margin) if margin is not None and metric in METRICS else None,
        )


__all__ = ["aggregate_references", "compare_systems"]
