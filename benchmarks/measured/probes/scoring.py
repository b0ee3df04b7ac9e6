"""Time ROUGE with intervals of a list of pairs."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.measured.samples import load_scoring_pairs


def score(spec: dict[str, Any]) -> dict[str, Any]:
    """Score the pairs and time it, imports left out. `spec`: side (evaluate, ours), pairs (their number)."""
    name, pairs = load_scoring_pairs(spec["pairs"])
    from benchmarks.compared import evaluate_rouge, ours

    if spec["side"] == "ours":
        ours.score(pairs[:2], 100)  # imports
        started = time.perf_counter()
        result = ours.score(pairs, evaluate_rouge.NUM_RESAMPLES)
    else:
        started = time.perf_counter()
        result = evaluate_rouge.compute(pairs)
    seconds = time.perf_counter() - started
    return {"data": name, "pairs": len(pairs), "seconds": seconds, "pairs_per_second": len(pairs) / seconds} | {
        "scores": {metric: list(values) for metric, values in result.items()}
    }


__all__ = ["score"]
