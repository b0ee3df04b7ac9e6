"""The frozen values that cross from room to room, and the type of who is told what happens.

Every stage takes and gives these; `to_json` and `from_json` are their form on disk (one JSON object each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Self

Observer = Callable[[dict[str, Any]], None]
"""Told what happens: {"event": "stage" | "progress" | "done" | …, …}."""


@dataclass(frozen=True, slots=True)
class Record:
    """A noun with a plain JSON form."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        values: dict[str, Any] = _dump(self)
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the record from `to_json`'s form; lists become tuples."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _dump(value: Any) -> Any:
    """Return what `dataclasses.asdict` does, in a third of its time: millions of conversations go this way."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if names := _list_fields(kind):
        return {name: _dump(getattr(value, name)) for name in names}
    if kind in (tuple, list):
        return kind(map(_dump, value))
    return {key: _dump(one) for key, one in value.items()} if kind is dict else deepcopy(value)


_PLAIN = frozenset({str, int, float, bool, type(None)})


_FIELDS: dict[type, tuple[str, ...]] = {}


def _list_fields(kind: type) -> tuple[str, ...]:
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
    return _FIELDS[kind]


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
    """The scores of one prediction: for each metric one per reference; ROUGE's are F-measures in [0, 1]."""

    id: str
    scores: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class ParameterCount(Record):
    """Parameters of a system; tied matrices count once."""

    trainable: int
    total: int

    @property
    def percent(self) -> float:
        """Trainable parameters as a percentage of all."""
        return 100 * self.trainable / self.total


def ignore_events(event: dict[str, Any]) -> None:
    """Observe nothing."""


@dataclass(frozen=True, slots=True)
class Cost(Record):
    """What one run cost. A fact that was not measured is None."""

    trainable_params: int | None
    total_params: int | None
    train_seconds: float | None = None
    """Optimizer steps only: forward, backward, update."""
    peak_memory_bytes: int | None = None
    """Since the first step: resident set on CPU, allocated memory on an accelerator."""
    num_steps: int | None = None
    generate_seconds: float | None = None
    num_summaries: int | None = None
    """How many summaries `generate_seconds` was for."""
    num_train_tokens: int | None = None
    """Tokens of dialogues and summaries in all training batches, without padding."""
    weights_bytes: int | None = None
    """The trained system's weights on disk: the adapter, or the whole model."""
    energy_kwh: float | None = None
    """What the machine used while it trained, measured by codecarbon where that is installed."""
    encoding_seconds: float | None = None
    """Running the frozen encoder once, before the first step; None where every step runs it."""
    loading_memory_bytes: int | None = None
    """The most memory held before the first step."""
    converting_seconds: float | None = None
    """Making and checking the model that writes, before the first summary; None where it is the one that was loaded."""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens trained on in a second of `train_seconds`."""
        if self.num_train_tokens is None or not self.train_seconds:
            return None
        return self.num_train_tokens / self.train_seconds

    @property
    def seconds_per_1000_summaries(self) -> float | None:
        """Seconds that a thousand summaries take."""
        if self.generate_seconds is None or not self.num_summaries:
            return None
        return 1000 * self.generate_seconds / self.num_summaries

    @property
    def trainable_percent(self) -> float | None:
        """Trainable parameters in percent of all."""
        if self.trainable_params is None or not self.total_params:
            return None
        return 100 * self.trainable_params / self.total_params


@dataclass(frozen=True, slots=True)
class Ledger(Record):
    """What a system cost besides its training time and memory: means over its runs. None was not measured."""

    tokens_per_second: float | None = None
    weights_bytes: int | None = None
    seconds_per_1000_summaries: float | None = None
    energy_kwh: float | None = None
    encoding_seconds: float | None = None
    loading_memory_bytes: int | None = None
    converting_seconds: float | None = None

    @classmethod
    def from_costs(cls, costs: Iterable[Cost]) -> Self:
        """Average the runs of a system, each fact over the runs that measured it."""
        costs = list(costs)
        weights = [cost.weights_bytes for cost in costs if cost.weights_bytes is not None]
        return cls(
            tokens_per_second=_mean(cost.tokens_per_second for cost in costs),
            weights_bytes=max(weights, default=None),
            seconds_per_1000_summaries=_mean(cost.seconds_per_1000_summaries for cost in costs),
            energy_kwh=_mean(cost.energy_kwh for cost in costs),
            encoding_seconds=_mean(cost.encoding_seconds for cost in costs),
            loading_memory_bytes=max((c.loading_memory_bytes for c in costs if c.loading_memory_bytes), default=None),
            converting_seconds=_mean(cost.converting_seconds for cost in costs),
        )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


__all__ = [
    "Cost",
    "Example",
    "ExampleScores",
    "Ledger",
    "Observer",
    "ParameterCount",
    "Prediction",
    "Record",
    "ignore_events",
]
