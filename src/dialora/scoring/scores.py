"""ROUGE of every prediction against every reference, kept apart.

Takes Examples and Predictions, gives ExampleScores. The numbers are `rouge_score`'s own, to the last bit (see `rouge`);
all this module adds is that rougeLsum gets its sentences on separate lines where the protocol says so: it equals
rougeL otherwise. Never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from dialora.protocols import STANDARD, Protocol
from dialora.records import Example, ExampleScores, Prediction
from dialora.scoring.rouge import read_text, score_texts
from dialora.scoring.sentences import split_sentences

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def score_predictions(
    examples: Sequence[Example], predictions: Sequence[Prediction], protocol: Protocol = STANDARD
) -> list[ExampleScores]:
    """Score each prediction against each reference of its example: F-measures in [0, 1].

    Raises ValueError when the two do not hold the same ids in the same order.
    """
    if [e.id for e in examples] != [p.id for p in predictions]:
        raise ValueError("predictions and examples do not hold the same ids in the same order")
    return score_summaries(examples, [prediction.summary for prediction in predictions], protocol)


def score_summaries(
    examples: Sequence[Example], summaries: Sequence[str], protocol: Protocol = STANDARD
) -> list[ExampleScores]:
    """Score one summary per example, in the examples' order."""
    return [
        ExampleScores(example.id, score_summary(summary, example.references, protocol))
        for example, summary in zip(examples, summaries, strict=True)
    ]


def score_summary(summary: str, references: Sequence[str], protocol: Protocol = STANDARD) -> dict[str, list[float]]:
    """Score one summary: for each metric one F-measure per reference."""
    if protocol.split_sentences:
        is_latin = protocol.tokenizer == "rouge_score"
        summary, *references = (split_sentences(text, spaced=is_latin) for text in (summary, *references))
    read, *others = (
        read_text(text, stem=protocol.stem, tokenizer=protocol.tokenizer) for text in (summary, *references)
    )
    rows = [score_texts(other, read) for other in others]
    return {metric: [row[at] for row in rows] for at, metric in enumerate(METRICS)}


__all__ = ["METRICS", "score_predictions", "score_summaries", "score_summary"]
