"""The test dialogues as the report shows them: which come first, and their form inside the HTML page.

Takes ReportedExamples. The JSON given here is safe inside a `<script>` element whatever the dialogues say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from typing import Any

from dialora.comparison import METRICS, System
from dialora.printable import escape_json
from dialora.report.document import ReportedExample
from dialora.report.palette import build_styles

EMPTY = "(empty)"
"""Stands where a system wrote nothing."""


def measure_disagreement(example: ReportedExample, systems: Collection[str] | None = None) -> float | None:
    """Return the largest minus the smallest ROUGE-1 among `systems`, or all; None with fewer than two scores."""
    keys = [key for key in example.scores if systems is None or key in systems]
    scores = [score for key in keys if (score := find_rouge1(example, key)) is not None]
    return max(scores) - min(scores) if len(scores) > 1 else None


def select_disagreements(examples: Sequence[ReportedExample], count: int) -> list[ReportedExample]:
    """Return the examples with the largest disagreement first; equal ones keep their order."""
    return sorted(examples, key=lambda example: -(measure_disagreement(example) or 0.0))[:count]


def build_browser_json(examples: Sequence[ReportedExample], systems: Sequence[System]) -> str:
    """Return the browser's data as JSON in which no `<`, `>` or `&` stands, so it cannot end its element."""
    styles = build_styles(systems)
    shown = [system for system in systems if any(system.key in example.summaries for example in examples)]
    values = {
        "systems": [{"label": system.full_label, "color": styles[system.key].color} for system in shown],
        "examples": [_browser_example(example, shown) for example in examples],
    }
    return embed_json(values)


def embed_json(values: Any) -> str:
    """Return JSON in which no `<`, `>` or `&` stands, so that it cannot end the `<script>` element that holds it."""
    text = escape_json(json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _browser_example(example: ReportedExample, systems: Sequence[System]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": example.id,
        "topic": example.topic,
        "dialogue": example.dialogue,
        "references": list(example.references),
        "summaries": [example.summaries.get(system.key) for system in systems],
        "rouge1": [_rounded(find_rouge1(example, system.key)) for system in systems],
    }
    if any(example.unsupported.values()):
        values["unsupported"] = [sorted(set(example.unsupported.get(system.key, ()))) for system in systems]
    return values


def find_rouge1(example: ReportedExample, key: str) -> float | None:
    """Return a system's ROUGE-1 on a dialogue; None where it has none."""
    score = example.scores.get(key, {}).get(METRICS[0])
    return None if score is None or math.isnan(score) else score


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


__all__ = ["EMPTY", "build_browser_json", "embed_json", "find_rouge1", "measure_disagreement", "select_disagreements"]
