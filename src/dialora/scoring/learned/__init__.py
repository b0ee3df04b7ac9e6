"""Metrics that a model computes, besides ROUGE: BERTScore, and any sequence classifier over pairs of texts."""

from dialora.scoring.learned.metrics import (
    LearnedMetrics,
    describe_learned,
    describe_scorer,
    require_learned,
    sign_learned,
)

__all__ = ["LearnedMetrics", "describe_learned", "describe_scorer", "require_learned", "sign_learned"]
