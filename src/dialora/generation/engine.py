"""Engine: what turns batches of source token ids into new token ids, whatever library does it.

An engine is built for one system and one DecodingConfig. It is entered (`with engine:`) while it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

Batch = Sequence[Sequence[int]]
"""The token ids of some sources, without padding."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an engine wrote for one source."""

    new_ids: list[int]
    """The new tokens up to and with the end token, without padding and without the decoder's start token."""
    score: float | None = None
    """The log probability of the tokens divided by length ** length_penalty; None from a greedy search."""


class Engine(Protocol):
    """What `generate` needs of an engine."""

    name: str
    """torch, ctranslate2 or onnx."""
    precision: str
    """What it multiplies in: fp32, bf16 or int8."""
    stops: frozenset[int]
    """The ids that end a summary; one that ends otherwise was cut at `decoding.max_new_tokens`."""

    @property
    def device(self) -> str:
        """Where it computes: cpu or cuda."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, batches: Iterable[Batch]) -> Iterator[list[Written]]:
        """Give each batch's results in order, one per source. Batches are asked for little ahead of the results.

        A batch may be empty while others are under way: whoever has nothing to write now gets their results that way.
        Raises GenerationError.
        """
        ...


__all__ = ["Batch", "Engine", "Written"]
