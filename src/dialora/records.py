"""The frozen nouns that cross a stage, and nothing else.

Every stage takes and gives these; `to_json` and `from_json` are their form on disk (one JSON object each).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Record:
    """A noun with a plain JSON form."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the record from `to_json`'s form; lists become tuples."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


@dataclass(frozen=True, slots=True)
class Example(Record):
    """One dialogue with the summaries people wrote of it (at least one)."""

    id: str
    dialogue: str
    references: tuple[str, ...]
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction(Record):
    """One system's summary of one dialogue, and what it took to make it."""

    id: str
    summary: str
    num_source_tokens: int
    num_new_tokens: int
    truncated: bool
    """The source was longer than max_source_length, so its end was not read."""


@dataclass(frozen=True, slots=True)
class ExampleScores(Record):
    """The ROUGE F-measures in [0, 1] of one prediction: for each metric, one score per reference."""

    id: str
    scores: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Cost(Record):
    """What one run cost. A fact that was not measured is None."""

    trainable_params: int | None
    total_params: int | None
    train_seconds: float | None = None
    """Optimizer steps only: forward, backward, update."""
    peak_memory_bytes: int | None = None
    """Resident set on CPU, allocated memory on an accelerator."""
    num_steps: int | None = None
    generate_seconds: float | None = None

    @property
    def trainable_percent(self) -> float | None:
        """Trainable parameters in percent of all."""
        if self.trainable_params is None or not self.total_params:
            return None
        return 100 * self.trainable_params / self.total_params


__all__ = ["Cost", "Example", "ExampleScores", "Prediction", "Record"]
