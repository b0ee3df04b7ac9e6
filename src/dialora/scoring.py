"""ROUGE of every prediction against every reference, kept apart, with the protocol they were made by.

Takes Examples and Predictions, gives ExampleScores. The numbers are `rouge_score`'s own, to the last bit; all
this module adds is that rougeLsum gets its sentences on separate lines (it equals rougeL otherwise).
Never imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from dialora.records import Example, ExampleScores, Prediction

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")

# Behind a sentence's last sign (and a closing quote or bracket), where white space and then anything but a lower-case
# letter follows: "at 9 a.m. on Friday" stays whole, and so do the commonest titles.
_TITLE = r"(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bMrs\.)(?<!\bProf\.)"
_SENTENCE_END = re.compile(rf"(?:(?<=[.!?。！？…])|(?<=[.!?…][\"'”’)\]])){_TITLE}\s+(?=[^\sa-z])")


def split_sentences(text: str) -> str:
    """Put each sentence on a line of its own, as rougeLsum wants; line ends already there are kept."""
    return _SENTENCE_END.sub("\n", text.strip())


def score_predictions(examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[ExampleScores]:
    """Score each prediction against each reference of its example: F-measures in [0, 1].

    Raises ValueError when the two do not hold the same ids in the same order.
    """
    if [e.id for e in examples] != [p.id for p in predictions]:
        raise ValueError("predictions and examples do not hold the same ids in the same order")
    return [
        ExampleScores(example.id, score_summary(prediction.summary, example.references))
        for example, prediction in zip(examples, predictions, strict=True)
    ]


def score_summary(summary: str, references: Sequence[str]) -> dict[str, list[float]]:
    """Score one summary: for each metric one F-measure per reference."""
    scorer, prepared = _scorer(), split_sentences(summary)
    results = [scorer.score(split_sentences(reference), prepared) for reference in references]
    return {metric: [float(result[metric].fmeasure) for result in results] for metric in METRICS}


def protocol_signature(*, references: str, num_examples: int) -> str:
    """Return how a score was computed, in the manner of sacrebleu's signatures."""
    return (
        f"rouge_score:{version('rouge_score')}|stem:yes|sentences:lines.v1|"
        f"references:{references}|examples:{num_examples}"
    )


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(METRICS), use_stemmer=True)


__all__ = ["METRICS", "protocol_signature", "score_predictions", "score_summary", "split_sentences"]
