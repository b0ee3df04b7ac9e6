"""From the runs of several systems to one Comparison. Takes the scores as they lie on disk and never scores again.

The unit is the dialogue: seeds are averaged within a dialogue first, so an interval speaks of other dialogues like
these, not of other seeds; how much seeds differ stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dialora.comparison.nouns import (
    Comparison,
    Difference,
    Interval,
    RunResult,
    System,
    SystemRuns,
    list_metrics,
)
from dialora.comparison.statistics import (
    Counts,
    Floats,
    bootstrap_counts,
    bootstrap_interval,
    detectable_difference,
    holm,
    is_noninferior,
    sign_flip_p_value,
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
    rows = tuple(_system_row(system, values[system.key], draws, scoring) for system in systems)
    beside = tuple(
        replace(_system_row(item, _example_means(item, ids, metrics, scoring), draws, scoring), yardstick=True)
        for item in yardsticks
    )
    pairs = [(a.key, b.key) for i, b in enumerate(systems) for a in systems[i + 1 :]]
    differences = tuple(
        difference for metric in metrics for difference in _compare_pairs(pairs, metric, values, draws, scoring, seed)
    )
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
    values = np.array([aggregate_references(one, scoring.references) for one in scores])
    return weigh_rows(values, [len(one) for one in scores]) if PROTOCOLS[scoring.protocol].counts_rows else values


def _system_row(system: SystemRuns, values: dict[str, Floats], draws: Counts, scoring: ScoringConfig) -> System:
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
        scores={
            metric: Interval(
                float(scores.mean()), *bootstrap_interval(scores, draws), _seed_means(system, metric, scoring)
            )
            for metric, scores in values.items()
        },
        ledger=Ledger.from_costs(costs),
    )


def _seed_means(system: SystemRuns, metric: str, scoring: ScoringConfig) -> tuple[float, ...]:
    return tuple(float(np.mean(_run_values(run, metric, scoring))) for run in system.runs)


def _compare_pairs(
    pairs: Sequence[tuple[str, str]],
    metric: str,
    values: dict[str, dict[str, Floats]],
    draws: Counts,
    scoring: ScoringConfig,
    seed: int,
) -> list[Difference]:
    """Compare every pair in one metric; the correction is over these pairs."""
    # The margin is in ROUGE points.
    margin = scoring.margin / 100 if scoring.margin is not None and metric in METRICS else None
    paired = [values[a][metric] - values[b][metric] for a, b in pairs]
    p_values = [sign_flip_p_value(p, num_resamples=len(draws), seed=seed) for p in paired]
    differences = []
    for (a, b), difference, p_value, p_adjusted in zip(pairs, paired, p_values, holm(p_values), strict=True):
        low, high = bootstrap_interval(difference, draws)
        mean, base = float(difference.mean()), float(values[b][metric].mean())
        differences.append(
            Difference(
                a=a,
                b=b,
                metric=metric,
                difference=mean,
                ci_low=low,
                ci_high=high,
                p_value=p_value,
                relative=mean / base if base > 0 else None,
                p_adjusted=p_adjusted,
                detectable=detectable_difference(difference),
                noninferior=is_noninferior(low, margin) if margin is not None else None,
            )
        )
    return differences


__all__ = ["aggregate_references", "compare_systems"]
