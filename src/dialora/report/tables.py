"""The comparison's tables as plain values, built once for the terminal, Markdown and HTML.

Takes a Comparison and gives Tables whose cells are finished text; a renderer only decides how a cell looks. The first
three are the notebook's: parameters, training, ROUGE.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dialora.comparison import METRICS, Comparison, Difference, Interval, System
from dialora.printable import join_words
from dialora.report import numbers
from dialora.report.palette import is_trained

_CLEAR = "Bold: the interval leaves out 0 and p < 0.05."
METRIC_NAMES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: its text, smaller lines below it, and the full form where the text is shortened."""

    text: str
    details: tuple[str, ...] = ()
    is_strong: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `system` is the key of the system it is about."""

    cells: tuple[Cell, ...]
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table. The first column holds names; the others are numbers unless `is_text` or in `text_columns`."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    footnote: str = ""
    is_text: bool = False
    text_columns: tuple[str, ...] = ()


def split_verdict(comparison: Comparison) -> tuple[str, list[str]]:
    """Return the verdict's first sentence, which is the headline, and the others."""
    headline, *rest = re.split(r"(?<=[.!?]) +", comparison.verdict.strip())
    return headline, rest


def build_parameters_table(comparison: Comparison) -> Table | None:
    """Return how many weights each system trains; None where no system's are known."""
    systems = [system for system in comparison.systems if not system.yardstick]
    if all(system.total_params is None for system in systems):
        return None
    as_loaded = [system.label for system in systems if not is_trained(system)]
    footnote = ""
    rows = [
        _system_row(
            system,
            Cell(numbers.format_count(system.trainable_params)),
            Cell(numbers.format_count(system.total_params)),
            Cell(numbers.format_percent(system.trainable_percent)),
        )
        for system in systems
    ]
    if as_loaded:
        verb = "is" if len(as_loaded) == 1 else "are"
        loaded = join_words(as_loaded)
        footnote = f"{loaded} {verb} counted as loaded, as in the notebook; zero-shot trains none of them."
    columns = ("System", "Trainable", "All", "Trainable %")
    return Table("parameters", "Parameters", columns, tuple(rows), footnote)


def build_training_table(comparison: Comparison) -> Table | None:
    """Return what training each system took; – where nothing was trained or measured, None where nothing is known."""
    systems = [system for system in comparison.systems if not system.yardstick]
    if all(system.total_params is None for system in systems):
        return None
    has_seeds = any(len(system.seeds) > 1 for system in systems)
    rows = []
    for system in systems:
        trained = is_trained(system)
        cells = [
            Cell(numbers.format_duration(system.train_seconds if trained else None)),
            Cell(numbers.format_bytes(system.peak_memory_bytes if trained else None)),
        ]
        if has_seeds:
            cells.append(Cell(numbers.format_count(len(system.seeds)) if trained else numbers.MISSING))
        rows.append(_system_row(system, *cells))
    footnote = "min:s (h:min:s from an hour on) of optimizer steps; memory at its highest."
    if has_seeds:
        footnote += " Time is the mean over seeds."
    columns = ("System", "Training time", "Peak memory") + (("Seeds",) if has_seeds else ())
    return Table("training", "Training", columns, tuple(rows), footnote)


def build_cost_table(comparison: Comparison) -> Table | None:
    """Return all that was measured of what each system costs; None where that is nothing but parameters."""
    systems = [system for system in comparison.systems if not system.yardstick]
    columns = [(name, [show(system) for system in systems]) for name, show in _COSTS.items()]
    # A column that no system has a fact for says nothing.
    measured = [(name, texts) for name, texts in columns if any(text != numbers.MISSING for text in texts)]
    if not measured:
        return None
    rows = [_system_row(system, *(Cell(texts[i]) for _, texts in measured)) for i, system in enumerate(systems)]
    footnote = (
        "Training: optimizer steps; tokens of dialogues and summaries in a second of it, without padding. Memory: from "
        "the first step on, and what loading held before it. Weights: what the trained system takes on disk, the "
        "adapter or the whole model. Converting: making the model that writes, once. Writing: 1,000 summaries, "
        "loading left out. Means over seeds; memory and weights at their highest."
    )
    if any(system.base is not None for system in systems):
        footnote += " Tokens are those of each base's own tokenizer."
    return Table("costs", "Cost", ("System", *(name for name, _ in measured)), tuple(rows), footnote)


def _if_trained(show: Callable[[System], str]) -> Callable[[System], str]:
    return lambda system: show(system) if is_trained(system) else numbers.MISSING


_COSTS: dict[str, Callable[[System], str]] = {
    "Trained weights": _if_trained(lambda system: numbers.format_count(system.trainable_params)),
    "Training": _if_trained(lambda system: numbers.format_duration(system.train_seconds)),
    "Encoder, once": _if_trained(lambda system: numbers.format_duration(system.ledger.encoding_seconds)),
    "Tokens / s": _if_trained(lambda system: numbers.format_speed(system.ledger.tokens_per_second)),
    "Peak memory": _if_trained(lambda system: numbers.format_bytes(system.peak_memory_bytes)),
    "Memory to load": _if_trained(lambda system: numbers.format_bytes(system.ledger.loading_memory_bytes)),
    "Weights on disk": _if_trained(lambda system: numbers.format_bytes(system.ledger.weights_bytes)),
    "Converting": lambda system: numbers.format_duration(system.ledger.converting_seconds),
    "Writing 1,000": lambda system: numbers.format_duration(system.ledger.seconds_per_1000_summaries),
    "Energy": _if_trained(lambda system: numbers.format_energy(system.ledger.energy_kwh)),
}
"""The columns of the cost table: name, and what it shows of a system."""


def build_scores_table(comparison: Comparison) -> Table:
    """Return each system's mean scores with their intervals; the best mean of each column is strong."""
    metrics = comparison.metrics
    best = {metric: _best_mean(comparison.systems, metric) for metric in metrics}
    rows = []
    for system in comparison.systems:
        scores = [system.scores.get(metric) for metric in metrics]
        cells = [
            _score_cell(score, is_best=score is not None and not system.yardstick and score.mean == best[metric])
            for metric, score in zip(metrics, scores, strict=True)
        ]
        rows.append(_system_row(system, *cells))
    footnote = (
        f"Mean {'F-measure ' if metrics == METRICS else ''}over {numbers.format_count(comparison.num_examples)} test "
        "dialogues, with its 95 % bootstrap interval over dialogues."
    )
    if any(len(system.seeds) > 1 for system in comparison.systems):
        footnote += " seeds ±: the standard deviation of the mean over seeds."
    if any(value is not None for value in best.values()):
        footnote += " Bold: the best mean of the column."
    title = "ROUGE" if metrics == METRICS else "ROUGE and learned metrics"
    return Table("scores", title, ("System", *map(name_metric, metrics)), tuple(rows), footnote)


def build_improvements_table(comparison: Comparison) -> Table | None:
    """Return each system's gain over the first one of its base; None when no base has another."""
    firsts: dict[str | None, System] = {}
    rows = []
    for system in comparison.systems:
        if system.yardstick or (first := firsts.setdefault(system.base, system)) is system:
            continue
        items = [_find(comparison, system.key, first.key, metric) for metric in comparison.metrics]
        rows.append(_system_row(system, *(_improvement_cell(item) for item in items)))
    over = join_words([first.label for first in firsts.values()])
    is_one = len(firsts) == 1
    of = f"{over}'s mean" if is_one else f"the mean of the first system of its base ({over})"
    footnote = (
        f"{_points(comparison)} (hundredths), the 95 % interval of the difference, and the change relative to "
        f"{of}. {_CLEAR}"
    )
    title = f"Improvement over {over}" if is_one else "Improvement on each base over its first system"
    columns = ("System", *map(name_metric, comparison.metrics))
    return Table("improvements", title, columns, tuple(rows), footnote) if rows else None


def build_pairs_table(comparison: Comparison) -> Table | None:
    """Return every pair's difference in every metric; None when there is no pair."""
    labels = {system.key: system.label for system in comparison.systems}
    metrics = comparison.metrics
    pairs = list(dict.fromkeys((item.a, item.b) for item in comparison.comparisons))
    rows = [
        Row((Cell(_pair_name(labels, a, b)), *(_pair_cell(_find(comparison, a, b, metric)) for metric in metrics)))
        for a, b in pairs
    ]
    footnote = (
        f"{_points(comparison)}, the 95 % interval of the difference over the same dialogues, and the paired "
        f"permutation p after Holm's correction over the {len(pairs)} pairs. {_CLEAR}"
    )
    columns = ("Difference", *map(name_metric, metrics))
    return Table("pairs", "Every pair", columns, tuple(rows), footnote) if rows else None


def build_rouge1_pairs_table(comparison: Comparison) -> Table | None:
    """Return every pair's ROUGE-1 difference on one line each, for narrow places."""
    labels = {system.key: system.label for system in comparison.systems}
    rows = []
    for item in comparison.comparisons:
        if item.metric != METRICS[0]:
            continue
        cells = (
            Cell(_pair_name(labels, item.a, item.b)),
            Cell(numbers.format_points(item.difference), is_strong=item.is_clear),
            Cell(numbers.format_points_bounds(item.ci_low, item.ci_high)),
            Cell(numbers.format_relative(item.relative)),
            Cell(numbers.format_p_value(item.p_adjusted)),
            Cell(numbers.format_detectable(item.detectable)),
        )
        rows.append(Row(cells))
    footnote = (
        "Paired permutation p after Holm's correction over the pairs. Shows: the difference that "
        f"{comparison.num_examples} such dialogues find four times in five. {_CLEAR}"
    )
    columns = ("Difference", "ROUGE-1 points", "95 % interval", "Relative", "p", "Shows")
    return Table("pairs", "Every pair", columns, tuple(rows), footnote) if rows else None


def name_metric(metric: str) -> str:
    """Return a metric's name in the tables: a learned one's is its own."""
    return METRIC_NAMES.get(metric, metric)


def _points(comparison: Comparison) -> str:
    return "ROUGE points" if comparison.metrics == METRICS else "Points"


def _system_row(system: System, *cells: Cell) -> Row:
    details = (f"yardstick: {system.method}",) if system.yardstick else () if system.base is None else (system.base,)
    return Row((Cell(system.label, details=details), *cells), system=system.key)


def _best_mean(systems: tuple[System, ...], metric: str) -> float | None:
    means = [s.scores[metric].mean for s in systems if not s.yardstick and metric in s.scores]
    return max(means) if len(means) > 1 else None


def _score_cell(score: Interval | None, *, is_best: bool) -> Cell:
    if score is None:
        return Cell(numbers.MISSING)
    details = [numbers.format_bounds(score)]
    if score.seed_deviation is not None:
        details.append(f"seeds ± {numbers.format_score(score.seed_deviation)}")
    return Cell(numbers.format_score(score.mean), tuple(details), is_best)


def _improvement_cell(item: Difference | None) -> Cell:
    if item is None:
        return Cell(numbers.MISSING)
    bounds = numbers.format_points_bounds(item.ci_low, item.ci_high)
    return Cell(numbers.format_points(item.difference), (bounds, numbers.format_relative(item.relative)), item.is_clear)


def _pair_cell(item: Difference | None) -> Cell:
    if item is None:
        return Cell(numbers.MISSING)
    bounds = numbers.format_points_bounds(item.ci_low, item.ci_high)
    p_value = f"p {numbers.format_p_value(item.p_adjusted)}"
    return Cell(numbers.format_points(item.difference), (bounds, p_value), item.is_clear)


def _find(comparison: Comparison, a: str, b: str, metric: str) -> Difference | None:
    try:
        return comparison.difference(a, b, metric)
    except KeyError:
        return None


def _pair_name(labels: dict[str, str], a: str, b: str) -> str:
    return f"{labels.get(a, a)} {numbers.MINUS} {labels.get(b, b)}"


__all__ = [
    "METRIC_NAMES",
    "Cell",
    "Row",
    "Table",
    "build_cost_table",
    "build_improvements_table",
    "build_pairs_table",
    "build_parameters_table",
    "build_rouge1_pairs_table",
    "build_scores_table",
    "build_training_table",
    "name_metric",
    "split_verdict",
]
