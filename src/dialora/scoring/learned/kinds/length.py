"""A toy: how many words a summary has for each of the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dialora.config.metric import Metric, OnProgress, Pair, Scorer


class Length(Metric):
    """A toy: words of the summary by words of the reference."""

    kind: Literal["length"] = "length"

    def describe(self) -> str:
        """Say what it counts."""
        return "words of the summary by words of the reference"

    def load(self, *, key: str) -> Scorer:
        """There is nothing to load."""
        return LengthScorer()


class LengthScorer:
    """Counts words."""

    max_length = None

    def score(self, pairs: Sequence[Pair], on_progress: OnProgress) -> tuple[list[float], int]:
        """Return the ratio of each pair."""
        return [len(summary.split()) / max(1, len(reference.split())) for reference, summary in pairs], 0


__all__ = ["Length", "LengthScorer"]
