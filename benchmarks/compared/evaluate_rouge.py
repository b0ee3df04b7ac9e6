"""ROUGE as `evaluate.load("rouge").compute(use_stemmer=True, use_aggregator=True)` computes it.

Loading the metric needs the network, so this calls what it calls (huggingface/evaluate, metrics/rouge/rouge.py): one
`RougeScorer`, every pair after the other, then `BootstrapAggregator` with its 1,000 resamples of every measure.
"""

from __future__ import annotations

from collections.abc import Sequence

from rouge_score import rouge_scorer, scoring

METRICS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
NUM_RESAMPLES = 1000
"""BootstrapAggregator's default."""


def compute(pairs: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float, float]]:
    """Return for each metric the low, middle and high F-measure of (reference, summary) pairs."""
    scorer = rouge_scorer.RougeScorer(rouge_types=METRICS, use_stemmer=True)
    aggregator = scoring.BootstrapAggregator()
    for reference, summary in pairs:
        aggregator.add_scores(scorer.score(reference, summary))
    result = aggregator.aggregate()
    return {key: (value.low.fmeasure, value.mid.fmeasure, value.high.fmeasure) for key, value in result.items()}


__all__ = ["NUM_RESAMPLES", "compute"]
