"""What summaries are worth: ROUGE per dialogue and reference, metrics that a model computes, faithfulness.

Takes Examples and summaries, gives ExampleScores: every value kept apart, so that how they are reduced can change
without scoring again. ROUGE's are `rouge_score`'s own to the last bit. Never imports torch at the top; what a learned
metric needs of it is loaded when it is checked or scores.
"""

from dialora.scoring.scores import METRICS, score_predictions, score_summaries, score_summary
from dialora.scoring.sentences import split_sentences

__all__ = ["METRICS", "score_predictions", "score_summaries", "score_summary", "split_sentences"]
