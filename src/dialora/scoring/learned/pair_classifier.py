"""Any sequence classifier as a metric: what it says of (reference or dialogue, summary).

An NLI model gives the probability that the dialogue entails the summary; a regressor with one output, as BLEURT's
are, its number as it is. Probabilities are a softmax over the labels, or each label's own sigmoid where the checkpoint
was trained with several labels at once (`problem_type: multi_label_classification`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from dialora.config.metric import LearnedMetric, OnProgress, Pair
from dialora.errors import ConfigError
from dialora.scoring.learned.reader import Reader, load_config


class PairScorer:
    """Scores pairs of texts. Raises ModelError, ConfigError."""

    def __init__(self, metric: LearnedMetric, label: str | None, *, key: str) -> None:
        from transformers import AutoModelForSequenceClassification

        config, self.label = load_labels(metric, label, key=key)
        self.is_multi_label = config.problem_type == "multi_label_classification"
        self.reader = Reader(metric, config, key=key, build=AutoModelForSequenceClassification.from_pretrained)
        self.max_length = self.reader.max_length

    def score(self, pairs: Sequence[Pair], on_progress: OnProgress) -> tuple[list[float], int]:
        """Return the label's probability, or the regression, of each pair, and how many pairs were cut."""
        distinct = list(dict.fromkeys(pairs))
        if not distinct:
            return [], 0
        rows, is_cut = self.reader.encode([first for first, _ in distinct], [second for _, second in distinct])
        found: dict[Pair, float] = {}
        for batch, output in self.reader.read(rows):
            for at, value in zip(batch, self._read_label(output.logits).tolist(), strict=True):
                found[distinct[at]] = value
            on_progress(len(found), len(distinct))
        cut = {pair for pair, one in zip(distinct, is_cut, strict=True) if one}
        return [found[pair] for pair in pairs], sum(pair in cut for pair in pairs)

    def _read_label(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (B,) from the logits (B, labels)."""
        if self.label is None:
            return logits[:, 0]
        return (logits.sigmoid() if self.is_multi_label else logits.softmax(dim=-1))[:, self.label]


def load_labels(metric: LearnedMetric, label: str | None, *, key: str) -> tuple[Any, int | None]:
    """Return the checkpoint's configuration and its output for the label; None for a regression. Raises ConfigError."""
    config = load_config(metric, key=key)
    names = [config.id2label[at] for at in range(config.num_labels)]
    if config.num_labels == 1:
        if label is not None:
            raise ConfigError(f"{key}.label: {metric.model} has one output, a regression; leave label out.")
        return config, None
    lowered = [str(name).lower() for name in names]
    if label is None:
        raise ConfigError(f"{key}.label: is missing; {metric.model} has {', '.join(names)}.")
    if label not in names and lowered.count(label.lower()) != 1:
        raise ConfigError(f"{key}.label: {label!r} is no label of {metric.model}; it has {', '.join(names)}.")
    return config, names.index(label) if label in names else lowered.index(label.lower())


__all__ = ["PairScorer", "load_labels"]
