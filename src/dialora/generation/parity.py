"""Do two engines write the same? The gate that a converted system passes before anything else is written with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dialora.config import DecodingConfig
from dialora.generation.batches import plan_source_batches
from dialora.generation.engine import Engine, Written
from dialora.records import Record

MAX_SCORE_DIFFERENCE = 1e-3
"""Of a beam search's scores, which are mean log probabilities; fp32 rounds to about 1e-6."""


@dataclass(frozen=True, slots=True)
class Parity(Record):
    """How alike two engines wrote."""

    num_sources: int
    num_equal: int
    """Sources for which every token is the same."""
    largest_score_difference: float | None
    """Over all sources; None after a greedy search, which gives no scores."""

    @property
    def is_exact(self) -> bool:
        """Every token is the same, and no score differs by more than rounding."""
        difference = self.largest_score_difference
        return self.num_equal == self.num_sources and (difference is None or difference <= MAX_SCORE_DIFFERENCE)


def check_parity(
    engine: Engine, reference: Engine, sources: Sequence[Sequence[int]], decoding: DecodingConfig
) -> Parity:
    """Let both engines write for the same sources (token ids) and compare token by token and score by score."""
    ours, theirs = (write_all(each, sources, decoding) for each in (engine, reference))
    pairs = list(zip(ours, theirs, strict=True))
    differences = [abs(a.score - b.score) for a, b in pairs if a.score is not None and b.score is not None]
    return Parity(
        num_sources=len(sources),
        num_equal=sum(a.new_ids == b.new_ids for a, b in pairs),
        largest_score_difference=max(differences, default=None),
    )


def write_all(engine: Engine, sources: Sequence[Sequence[int]], decoding: DecodingConfig) -> list[Written]:
    """Write for every source, in the order given."""
    batches = plan_source_batches(sources, decoding, device=engine.device)
    made: dict[int, Written] = {}
    with engine:
        results = engine.write([sources[i] for i in batch] for batch in batches)
        for batch, rows in zip(batches, results, strict=True):
            made.update(zip(batch, rows, strict=True))
    return [made[i] for i in range(len(sources))]


__all__ = ["MAX_SCORE_DIFFERENCE", "Parity", "check_parity", "write_all"]
