"""BERTScore F1 against each reference."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dialora.config.metric import LearnedMetric, Scorer
from dialora.models.checkpoint import identify_metric, name_model, require_weights


class BertScore(LearnedMetric):
    """BERTScore F1 against each reference."""

    kind: Literal["bertscore"] = "bertscore"
    layer: Annotated[int | None, Field(ge=1, description="whose output is compared; the last one if not named")] = None

    def require(self, *, key: str) -> None:
        """Check folder, weights and layer."""
        from dialora.scoring.learned.bertscore import load_layers

        require_weights(self.model, key=f"{key}.model")
        load_layers(self, self.layer, key=key)

    def identify(self, *, key: str) -> str:
        """Return a hash of the model's files, or its hub id and revision."""
        return identify_metric(self, key=f"{key}.model")

    def describe(self) -> str:
        """Say which layer of which model."""
        layer = "the last layer" if self.layer is None else f"layer {self.layer}"
        return f"BERTScore F1 with {layer} of {name_model(self)}, no idf weights, no rescaling"

    def sign(self) -> str:
        """Return model and layer."""
        return f"{name_model(self, with_revision=True)}:layer{self.layer or '-last'}"

    def load(self, *, key: str) -> Scorer:
        """Load the model."""
        from dialora.scoring.learned.bertscore import BertScorer

        return BertScorer(self, self.layer, key=key)


__all__ = ["BertScore"]
