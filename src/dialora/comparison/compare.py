"""From the runs of several systems to one Comparison. Takes the scores as they lie on disk and never scores again.

The unit is the dialogue: seeds are averaged within a dialogue first. With several seeds, intervals and tests speak of
other dialogues like these and of other seeds; with one, of these trained weights, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from dialora.comparison.draws import Counts, Floats
from dialora.comparison.results import Comparison, Difference, Interval, RunResult, System, SystemRuns, list_metrics
from dialora.comparison.statistics import (
    bootstrap_intervals,
    detectable_difference,
    find_percentiles,
    holm,
    is_noninferior,
    measure_seed_spread,
    resample_each,
    sign_flip_p_values,
    vary_seeds,
    weigh_rows,
)
from dialora.comparison.verdict import UNTRAINED, render_verdict
from dialora.config import ScoringConfig
from dialora.protocols import PROTOCOLS
from dialora.records import Ledger
from dialora.scoring import METRICS

FLOORS = ("lead-2", "longest-2")
"""Yardsticks that take nothing to make."""


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
    verdict only where they are `comparable_costs`, measured in one environment. `yardsticks` get a row below the
    systems and enter no pair; the verdict says which trained systems do not beat the best floor. Raises ValueError
    when the systems were not scored on the same dialogues in the same order.
    """
    first = systems[0].runs[0].scores
    ids = [score.id for score in first]
    metrics = list_metrics(first[0].scores)
    draws = Counts(len(ids), scoring.num_resamples, seed)
    scored = [_Scored(system, ids, metrics, scoring, draws, (seed, at)) for at, system in enumerate(systems)]
    beside = [_Scored(item, ids, metrics, scoring, draws, (seed, at)) for at, item in enumerate(yardsticks)]
    rows = _build_rows(scored, draws)
    yardstick_rows = tuple(replace(row, yardstick=True) for row in _build_rows(beside, draws))
    pairs = [(a, b) for i, b in enumerate(scored) for a in scored[i + 1 :]]
    differences = tuple(_compare_pairs(pairs, metrics, draws, scoring, seed)) if pairs else ()
    return Comparison(
        experiment=experiment,
        protocol=protocol,
        systems=rows + yardstick_rows,
        comparisons=differences,
        verdict=render_verdict(
            rows,
            differences,
            num_examples=len(ids),
            margin=scoring.margin,
            has_costs=comparable_costs,
            floor=_find_floor(yardstick_rows),
            above_floor=_compare_with_floor(scored, beside, draws, scoring, seed),
        ),
        num_examples=len(ids),
        comparable_costs=comparable_costs,
    )


class _Scored:
    """A system's scores: per dialogue and run, and their means in every resample."""

    def __init__(
        self,
        system: SystemRuns,
        ids: list[str],
        metrics: Sequence[str],
        scoring: ScoringConfig,
        draws: Counts,
        seed: tuple[int, int],
    ) -> None:
        for run in system.runs:
            if [score.id for score in run.scores] != ids:
                raise ValueError(f"{system.key} (seed {run.seed}) was not scored on the same dialogues as the others")
        self.system, self.key, self.draws, self.seed = system, system.key, draws, seed
        self.by_run = {metric: [_run_values(run, metric, scoring) for run in system.runs] for metric in metrics}
        """For each metric one score per dialogue, by run."""
        self.values = {metric: np.mean(runs, axis=0) for metric, runs in self.by_run.items()}
        """For each metric one score per dialogue, averaged over the seeds."""
        self.seed_means = {metric: tuple(float(np.mean(run)) for run in runs) for metric, runs in self.by_run.items()}
        self.spreads = {metric: measure_seed_spread(means) for metric, means in self.seed_means.items()}

    @property
    def has_seeds(self) -> bool:
        """Several seeds were trained."""
        return len(self.system.runs) > 1

    @cached_property
    def resampled(self) -> dict[str, Floats]:
        """For each metric the mean in each resample of dialogues and seeds."""
        means = resample_each(list(self.values.values()), self.draws)
        places = sorted(self.by_run)
        return {
            metric: vary_seeds(mean, self.spreads[metric], _hash_seed(*self.seed, places.index(metric)))
            for metric, mean in zip(self.values, means, strict=True)
        }


def _hash_seed(*parts: int) -> int:
    """Return one seed of several, so that no two systems or metrics draw the same seeds."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def aggregate_references(scores: Sequence[float], references: str) -> float:
    """Reduce one example's scores, one per reference, to one: `mean`, `max` or `first`."""
    if references == "mean":
        return float(np.mean(scores))
    return max(scores) if references == "max" else scores[0]


def _run_values(run: RunResult, metric: str, scoring: ScoringConfig) -> Floats:
    """Return one run's score per dialogue: (num_examples,). Their plain mean is the protocol's mean."""
    scores = [score.scores[metric] for score in run.scores]
    counts = [len(one) for one in scores]
    if scoring.references == "mean" and min(counts) == max(counts):
        values = np.mean(scores, axis=1)
    else:
        values = np.array([aggregate_references(one, scoring.references) for one in scores])
    return weigh_rows(values, counts) if PROTOCOLS[scoring.protocol].counts_rows else values


def _build_rows(scored: Sequence[_Scored], draws: Counts) -> tuple[System, ...]:
    if not scored:
        return ()
    metrics = list(scored[0].values)
    columns = np.column_stack([one.values[metric] for one in scored for metric in metrics])
    intervals = iter(bootstrap_intervals(columns, draws))
    rows = []
    for one in scored:
        bounds = {metric: next(intervals) for metric in metrics}
        if one.has_seeds:
            resampled = np.column_stack([one.resampled[metric] for metric in metrics])
            bounds = dict(zip(metrics, find_percentiles(resampled), strict=True))
        scores = {
            metric: Interval(float(one.values[metric].mean()), *bounds[metric], one.seed_means[metric])
            for metric in metrics
        }
        rows.append(_build_row(one.system, scores))
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
        base=system.base,
    )


def _compare_pairs(
    pairs: Sequence[tuple[_Scored, _Scored]], metrics: Sequence[str], draws: Counts, scoring: ScoringConfig, seed: int
) -> Iterator[Difference]:
    """Compare every pair in every metric; the correction is over the pairs in one metric."""
    compared = [(a, b, metric) for metric in metrics for a, b in pairs]
    columns = np.column_stack([a.values[metric] - b.values[metric] for a, b, metric in compared])
    spreads = [[spread for one in (a, b) if (spread := one.spreads[metric]) is not None] for a, b, metric in compared]
    p_values = sign_flip_p_values(
        columns, num_resamples=draws.num_resamples, seed=seed, spreads=spreads, num_compared=len(pairs)
    )
    adjusted = [p for at in range(0, len(p_values), len(pairs)) for p in holm(p_values[at : at + len(pairs)])]
    intervals = bootstrap_intervals(columns, draws)
    margin = None if scoring.margin is None else scoring.margin / 100
    for at, (a, b, metric) in enumerate(compared):
        low, high = intervals[at]
        if spreads[at]:
            ((low, high),) = find_percentiles((a.resampled[metric] - b.resampled[metric])[:, None])
        mean, base = float(columns[:, at].mean()), float(b.values[metric].mean())
        yield Difference(
            a=a.key,
            b=b.key,
            metric=metric,
            difference=mean,
            ci_low=low,
            ci_high=high,
            p_value=p_values[at],
            relative=mean / base if base > 0 else None,
            p_adjusted=adjusted[at],
            detectable=detectable_difference(columns[:, at], num_compared=len(pairs), spreads=spreads[at]),
            # The margin is in ROUGE points.
            noninferior=is_noninferior(low, margin) if margin is not None and metric in METRICS else None,
        )


def _find_floor(yardsticks: Sequence[System]) -> System | None:
    """Return the best of the floors in ROUGE-1; people are no floor."""
    floors = [row for row in yardsticks if row.key in FLOORS]
    return max(floors, key=lambda row: row.scores[METRICS[0]].mean, default=None)


def _compare_with_floor(
    scored: Sequence[_Scored], beside: Sequence[_Scored], draws: Counts, scoring: ScoringConfig, seed: int
) -> tuple[Difference, ...]:
    """Compare every trained system with the best floor in ROUGE-1, corrected over these systems."""
    floors = [one for one in beside if one.key in FLOORS]
    trained = [one for one in scored if one.system.method != UNTRAINED]
    if not floors or not trained:
        return ()
    floor = max(floors, key=lambda one: float(one.values[METRICS[0]].mean()))
    return tuple(_compare_pairs([(one, floor) for one in trained], METRICS[:1], draws, scoring, seed))


__all__ = ["aggregate_references", "compare_systems"]
