"""What a sequence classifier says of (reference or dialogue, summary)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dialora.config.metric import LearnedMetric, Scorer
from dialora.models.checkpoint import identify_metric, name_model, require_weights


class PairClassifier(LearnedMetric):
    """What a sequence classifier says of (reference or dialogue, summary)."""

    kind: Literal["pair_classifier"] = "pair_classifier"
    label: Annotated[
        str | None, Field(description="whose probability is the score, the more the better; none for a regression")
    ] = None
    against: Annotated[Literal["references", "dialogue"], Field(description="the pair's first text")] = "references"

    @property
    def reads_dialogue(self) -> bool:
        """The pair's first text is the dialogue."""
        return self.against == "dialogue"

    def require(self, *, key: str) -> None:
        """Check folder, weights and label."""
        from dialora.scoring.learned.pair_classifier import load_labels

        require_weights(self.model, key=f"{key}.model")
        load_labels(self, self.label, key=key)

    def identify(self, *, key: str) -> str:
        """Return a hash of the model's files, or its hub id and revision."""
        return identify_metric(self, key=f"{key}.model")

    def describe(self) -> str:
        """Say whose probability, or whose regression."""
        first = "the dialogue" if self.reads_dialogue else "each reference"
        if self.label is None:
            return f"what {name_model(self)} gives for {first} and the summary; a regression, which may leave 0 to 1"
        return f"the probability of {self.label!r} that {name_model(self)} gives to {first} and the summary"

    def sign(self) -> str:
        """Return model, label and what is read."""
        return f"{name_model(self, with_revision=True)}:{self.label or 'regression'}:{self.against}"

    def load(self, *, key: str) -> Scorer:
        """Load the model."""
        from dialora.scoring.learned.pair_classifier import PairScorer

        return PairScorer(self, self.label, key=key)


__all__ = ["PairClassifier"]
