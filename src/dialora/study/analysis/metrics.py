"""How well each automatic metric tells what people say, within a dialogue and between systems: Kendall's tau-b.

Takes the scores that the key keeps and unblinded judgements, gives MetricAgreements. Intervals are over dialogues.
D dialogues, K systems, P pairs of systems.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dialora.comparison.draws import Counts, Floats
from dialora.comparison.people import MetricAgreement
from dialora.study.analysis.agreement import PREFERENCE
from dialora.study.analysis.ratings import collect_scores
from dialora.study.analysis.resampling import find_bounds
from dialora.study.analysis.unblind import Unblinded
from dialora.study.key import StudyKey

DIALOGUE, SYSTEM = "dialogue", "system"
FEWEST_SYSTEMS = 3
"""Two systems are one pair: a metric can but agree or not."""
FEWEST_DIALOGUES = 2
NUM_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class _Said:
    """What people said of the systems of each dialogue, as differences of pairs; nan where nobody said anything."""

    what: str
    differences: Floats
    """(D, P): of the first system from the second."""


def compare_metrics(
    key: StudyKey, unblinded: Unblinded, criteria: Sequence[str], *, seed: int = 0
) -> tuple[MetricAgreement, ...]:
    """Return tau of every metric with preferences and with each criterion, at both levels, where people said it."""
    systems = [system.key for system in key.systems]
    dialogues = list(key.scores)
    metrics = list(
        dict.fromkeys(name for by_system in key.scores.values() for one in by_system.values() for name in one)
    )
    draws = Counts(max(1, len(dialogues)), NUM_RESAMPLES, seed)
    found = []
    for said in _collect_said(unblinded, dialogues, criteria):
        if np.isnan(said.differences).all():
            continue
        for metric in metrics:
            scores = np.array(
                [[key.scores[one].get(system, {}).get(metric, np.nan) for system in systems] for one in dialogues]
            )
            scored = _subtract(scores, systems, unblinded)
            found += [_agree(metric, level, said, scored, len(systems), draws) for level in (DIALOGUE, SYSTEM)]
    return tuple(found)


def _subtract(scores: Floats, systems: Sequence[str], unblinded: Unblinded) -> Floats:
    """Return the pairs' differences, (D, P)."""
    order = {system: at for at, system in enumerate(systems)}
    pairs = unblinded.pairs
    return scores[:, [order[a] for a, _ in pairs]] - scores[:, [order[b] for _, b in pairs]]


def _collect_said(unblinded: Unblinded, dialogues: Sequence[str], criteria: Sequence[str]) -> Iterator[_Said]:
    rows = {dialogue: at for at, dialogue in enumerate(dialogues)}
    columns = {pair: at for at, pair in enumerate(unblinded.pairs)}
    if unblinded.preferred:
        yield _Said(
            PREFERENCE,
            _average(
                [(row.dialogue, columns[row.a, row.b], row.share - 0.5) for row in unblinded.preferred],
                rows,
                len(columns),
            ),
        )
    for criterion in criteria:
        scores = collect_scores(unblinded, criterion)
        yield _Said(
            criterion,
            _average(
                [
                    (dialogue, at, value - scores[b][dialogue, rater])
                    for (a, b), at in columns.items()
                    for (dialogue, rater), value in scores.get(a, {}).items()
                    if (dialogue, rater) in scores.get(b, {})
                ],
                rows,
                len(columns),
            ),
        )


def _average(given: Sequence[tuple[str, int, float]], rows: dict[str, int], width: int) -> Floats:
    cells: dict[tuple[int, int], list[float]] = defaultdict(list)
    for dialogue, column, value in given:
        if dialogue in rows:
            cells[rows[dialogue], column].append(value)
    differences = np.full((len(rows), width), np.nan)
    for place, values in cells.items():
        # Sums of thirds may miss zero by a bit, which would be a preference.
        differences[place] = round(sum(values) / len(values), 12)
    return differences


def _agree(metric: str, level: str, said: _Said, scored: Floats, num_systems: int, draws: Counts) -> MetricAgreement:
    counted = ~np.isnan(scored) & ~np.isnan(said.differences)
    of_metric, of_people = np.where(counted, scored, 0.0), np.where(counted, said.differences, 0.0)
    number = int(counted.any(axis=1).sum())
    if level == DIALOGUE:
        one, other = np.sign(of_metric), np.sign(of_people)
        # Of each dialogue's pairs: agreement, those that the metric tells apart, those that people do.
        sums = np.stack([(one * other).sum(axis=1), (one**2).sum(axis=1), (other**2).sum(axis=1)], axis=1)
        num_pairs, is_enough, measure = int(counted.sum()), True, _tau_of_counts
    else:
        sums = np.concatenate([of_metric, of_people], axis=1)
        num_pairs, measure = int(counted.any(axis=0).sum()), _tau_of_differences
        is_enough = min(num_systems, num_pairs) >= FEWEST_SYSTEMS
    tau = float(measure(sums.sum(axis=0)[None])[0]) if is_enough and number >= FEWEST_DIALOGUES else math.nan
    if math.isnan(tau):
        return MetricAgreement(metric, level, said.what, None, None, None, num_pairs)
    resampled = measure(np.concatenate([counts @ sums for _, counts in draws.blocks()]))
    low, high = find_bounds(resampled, number)
    return MetricAgreement(metric, level, said.what, tau, low, high, num_pairs)


def _tau_of_counts(sums: Floats) -> Floats:
    """Return tau-b, (R,), of (R, 3): agreement, and how many pairs either side tells apart; nan where one does not."""
    agreed, of_metric, of_people = sums.T
    product = of_metric * of_people
    return np.divide(agreed, np.sqrt(product), out=np.full(len(sums), np.nan), where=product > 0)


def _tau_of_differences(sums: Floats) -> Floats:
    """Return tau-b, (R,), of the pairs' differences summed over dialogues: (R, 2 P), the metric's and people's."""
    signs = np.sign(np.round(sums, 9))
    one, other = np.split(signs, 2, axis=1)
    return _tau_of_counts(np.stack([(one * other).sum(axis=1), (one**2).sum(axis=1), (other**2).sum(axis=1)], axis=1))


__all__ = ["DIALOGUE", "FEWEST_SYSTEMS", "SYSTEM", "compare_metrics"]
