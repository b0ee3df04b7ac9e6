"""Tables of the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dialora.report.numbers import MINUS, format_bytes


def render_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; every column but the first is to the right."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "|".join(["---"] + ["---:"] * (len(headers) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def render_spread(facts: Mapping[str, float]) -> str:
    """Return a median with the smallest and the largest value."""
    return f"{facts['median']:.3g} ({facts['min']:.3g}–{facts['max']:.3g})"


def render_size(facts: Mapping[str, float] | None) -> str:
    """Return the median of a number of bytes."""
    return format_bytes(None if facts is None else int(facts["median"]))


def render_mean(facts: Mapping[str, float]) -> str:
    """Return a score with its interval."""
    return f"{facts['mean']:.4f} [{facts['ci_low']:.3f}, {facts['ci_high']:.3f}]"


def render_points(mean: float, low: float, high: float) -> str:
    """Return a difference of scores and its interval in points, all with their sign."""
    return f"{mean * 100:+.2f} [{low * 100:+.2f}, {high * 100:+.2f}]".replace("-", MINUS)


def render_origin(document: Mapping[str, Any], section: str) -> str:
    """Return of which run a section is, where there are several."""
    return f" Of run {document['of'][section]}." if len(document["runs"]) > 1 else ""


__all__ = ["render_mean", "render_origin", "render_points", "render_size", "render_spread", "render_table"]
