"""ROUGE of every prediction against every reference, kept apart.

Takes Examples and Predictions, gives ExampleScores. The numbers are `rouge_score`'s own, to the last bit (see `rouge`);
all this module adds is that rougeLsum gets its sentences on separate lines where the protocol says so: it equals
rougeL otherwise. Never imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dialora.protocols import STANDARD, Protocol
from dialora.records import Example, ExampleScores, Prediction
from dialora.rouge import read_text, score_texts

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")

# Behind a sentence's last sign (and a closing quote or bracket), where white space and then anything but a lower-case
# letter follows: "at 9 a.m. on Friday" stays whole, and so do the commonest titles.
_TITLE = r"(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bMrs\.)(?<!\bProf\.)"
_SENTENCE_END = re.compile(rf"(?:(?<=[.!?。！？…])|(?<=[.!?…][\"'”’)\]])){_TITLE}\s+(?=[^\sa-z])")


def split_sentences(text: str) -> str:
    """Put each sentence on a line of its own, as rougeLsum wants; line ends already there are kept."""
    return _SENTENCE_END.sub("\n", text.strip())


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
        summary, references = split_sentences(summary), [split_sentences(reference) for reference in references]
    read = read_text(summary, stem=protocol.stem)
    rows = [score_texts(read_text(reference, stem=protocol.stem), read) for reference in references]
    return {metric: [row[at] for row in rows] for at, metric in enumerate(METRICS)}


__all__ = ["METRICS", "score_predictions", "score_summaries", "score_summary", "split_sentences"]
