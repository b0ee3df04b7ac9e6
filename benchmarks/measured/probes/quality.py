"""What the fast ways cost in ROUGE: whole systems, trained and used as a user would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dialora.store import load_records


def system(spec: dict[str, Any]) -> dict[str, Any]:
    """Train one method with `dialora.compare`, summarize the test split and score it.

    `spec`: output (folder of the experiment), method, and set: values for the experiment `seed`. ROUGE comes per
    dialogue, the mean over its references.
    """
    import dialora
    from dialora.records import ExampleScores

    output = Path(spec["output"])
    comparison = dialora.compare("seed", set=spec["set"], output=output)
    (found,) = (each for each in comparison.systems if not each.yardstick)
    (run,) = output.glob(f"{spec['method']}-s*")
    records = load_records(ExampleScores, run / "scoring" / "scores.jsonl")
    return {
        "trainable_params": found.trainable_params,
        "seconds": found.train_seconds,
        "peak_memory_bytes": found.peak_memory_bytes,
        "scores": {
            metric: [sum(record.scores[metric]) / len(record.scores[metric]) for record in records]
            for metric in ("rouge1", "rouge2", "rougeL", "rougeLsum")
        },
    }


def precision(spec: dict[str, Any]) -> dict[str, Any]:
    """Summarize the test split with a lower precision, beside fp32. `spec`: output, method (as above), precision."""
    from dialora.systems import find_system
    from dialora.systems.precision import measure_precision

    found = find_system(Path(spec["output"]), method=spec["method"], set={"generation.precision": spec["precision"]})
    cost = measure_precision(found)
    return {
        "engine": cost.engine,
        "dialogues": cost.num_dialogues,
        "equal": cost.num_equal,
        "scores": cost.scores,
        "scores_fp32": cost.scores_fp32,
        "differences": cost.differences,
    }


__all__ = ["precision", "system"]
