"""Metrics besides ROUGE, most of them computed by a model: BERTScore, any sequence classifier over pairs of texts.

Takes a ScoringConfig, adds its metrics to the scores of systems and yardsticks. Each metric is a class in `kinds`;
`bertscore` and `pair_classifier` are the models behind two of them, `reader` a checkpoint that reads texts.
"""

from dialora.scoring.learned.metrics import (
    LearnedMetrics,
    describe_learned,
    describe_scorer,
    require_learned,
    sign_learned,
)

__all__ = ["LearnedMetrics", "describe_learned", "describe_scorer", "require_learned", "sign_learned"]
