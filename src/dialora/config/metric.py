"""Metric: what every metric besides ROUGE is, and the hooks through which scoring and the report ask it.

A metric is an entry of `scoring.learned`: its options are the file's, its class stands in `scoring/learned/kinds/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import Field

from dialora.config.section import Section

METRIC_KINDS: dict[str, type[Metric]] = {}

Pair = tuple[str, str]
"""(reference or dialogue, summary)."""
OnProgress = Callable[[int, int], None]
"""Called with the number of pairs done and of all."""


class Scorer(Protocol):
    """A metric that is loaded."""

    @property
    def max_length(self) -> int | None:
        """Tokens its model reads of a text or pair; None where there is no limit."""

    def score(self, pairs: Sequence[Pair], on_progress: OnProgress) -> tuple[list[float], int]:
        """Return one value per pair, and in how many pairs a text was cut at `max_length`."""
        ...


class Metric(Section):
    """A metric besides ROUGE. In every message `key` is where it stands in the file."""

    if TYPE_CHECKING:
        kind: str
        """Its own name: a field of each class, with that name as its one value."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Enter a class that says its kind in METRIC_KINDS."""
        super().__pydantic_init_subclass__(**kwargs)
        if "kind" in cls.model_fields:
            METRIC_KINDS[cls.model_fields["kind"].default] = cls

    @property
    def reads_dialogue(self) -> bool:
        """The first text of a pair is the dialogue, not a reference."""
        return False

    def require(self, *, key: str) -> None:
        """Check what can be known without loading it. Raises ModelError, ConfigError."""

    def list_models(self) -> tuple[str, ...]:
        """Return the folders and hub ids that it loads: only those named are asked of the network."""
        return ()

    def identify(self, *, key: str) -> str:
        """Return what its values depend on besides its options: of a model, its files. Raises ModelError.

        Of a metric without a model, a word that changes whenever the way it computes does.
        """
        return ""

    def describe(self) -> str:
        """Say what its values are, as the end of a sentence."""
        raise NotImplementedError

    def sign(self) -> str:
        """Return what its values depend on for a signature: as in `roberta-large:layer17`."""
        return ""

    def load(self, *, key: str) -> Scorer:
        """Load it. Raises ModelError, ConfigError."""
        raise NotImplementedError


class LearnedMetric(Metric):
    """A metric that a model computes."""

    model: Annotated[str, Field(min_length=1, description="local folder, or hub id")]
    revision: Annotated[str | None, Field(description="commit or tag of a hub id")] = None

    def list_models(self) -> tuple[str, ...]:
        """Return the model."""
        return (self.model,)


__all__ = ["METRIC_KINDS", "LearnedMetric", "Metric", "OnProgress", "Pair", "Scorer"]
