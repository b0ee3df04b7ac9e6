"""An experiment's learned metrics as one: they add their scores to those of ROUGE, for systems and yardsticks alike.

Takes a ScoringConfig; gives ExampleScores with one more entry per metric, whose values stand in ROUGE's form, one per
reference. A metric against the dialogue has one value, which stands once per reference, so that every way to reduce
references gives it. Models are loaded when first needed, and so is torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dialora.checkpoint import identify_metric, require_weights, resolve_model
from dialora.config import BertScore, LearnedMetric, PairClassifier, ScoringConfig, stable_hash
from dialora.errors import DataError, ModelError
from dialora.protocols import PROTOCOLS
from dialora.records import Example, ExampleScores

Pair = tuple[str, str]
"""(reference or dialogue, summary)."""
OnProgress = Callable[[int, int], None]
"""Called with the number of pairs done and of all."""


class Scorer(Protocol):
    """What a kind of metric does."""

    max_length: int | None
    """Tokens its model reads of a text or pair; None where there is no limit."""

    def score(self, pairs: Sequence[Pair], on_progress: OnProgress) -> tuple[list[float], int]:
        """Return one value per pair, and in how many pairs a text was cut at `max_length`."""
        ...


class LearnedMetrics:
    """The learned metrics of one experiment, none or several; kept for as long as there is something to score."""

    def __init__(self, scoring: ScoringConfig, on_progress: OnProgress = lambda done, total: None) -> None:
        self.metrics: dict[str, BertScore | PairClassifier] = scoring.learned
        self.on_progress = on_progress
        self._scorers: dict[str, Scorer] = {}
        self._facts: dict[str, dict[str, int | None]] = {}

    def add_systems(
        self, scores: Sequence[ExampleScores], examples: Sequence[Example], summaries: Sequence[str]
    ) -> list[ExampleScores]:
        """Add every metric to the scores of one summary per example. Raises ModelError, ConfigError, DataError."""
        return self._add(
            scores, examples, [[(text, e.references)] for e, text in zip(examples, summaries, strict=True)]
        )

    def add_people(self, scores: Sequence[ExampleScores], examples: Sequence[Example]) -> list[ExampleScores]:
        """Add every metric to the scores of each reference against each other one, in `score_people`'s order."""
        return self._add(
            scores,
            examples,
            [
                [(one, e.references[:at] + e.references[at + 1 :]) for at, one in enumerate(e.references)]
                for e in examples
            ],
        )

    def take_facts(self) -> dict[str, Any]:
        """Return what was scored since this was last asked, by metric; `describe_learned` says it in words."""
        facts, self._facts = self._facts, {}
        return {"learned": facts} if facts else {}

    def _add(
        self,
        scores: Sequence[ExampleScores],
        examples: Sequence[Example],
        written: Sequence[Sequence[tuple[str, Sequence[str]]]],
    ) -> list[ExampleScores]:
        """`written` holds for each example the texts to score, each with the references it is scored against."""
        added: list[dict[str, list[float]]] = [dict(item.scores) for item in scores]
        for name, metric in self.metrics.items():
            pairs = [_pair_up(name, metric, e, texts) for e, texts in zip(examples, written, strict=True)]
            values = iter(self._score(name, [pair for group in pairs for pair in group]))
            for item, group in zip(added, pairs, strict=True):
                item[name] = [next(values) for _ in group]
        return [ExampleScores(item.id, values) for item, values in zip(scores, added, strict=True)]

    def _score(self, name: str, pairs: Sequence[Pair]) -> list[float]:
        scorer = self._scorers.get(name)
        if scorer is None:
            scorer = self._scorers[name] = _load_scorer(self.metrics[name], key=_key(name))
        values, num_truncated = scorer.score(pairs, self.on_progress)
        if not all(map(math.isfinite, values)):
            raise ModelError(f"{_key(name)}.model: {self.metrics[name].model} gives scores that are no finite numbers.")
        before = self._facts.get(name, {})
        self._facts[name] = {
            "num_pairs": len(pairs) + (before.get("num_pairs") or 0),
            "num_truncated": num_truncated + (before.get("num_truncated") or 0),
            "max_length": scorer.max_length,
        }
        return values


def describe_scorer(scoring: ScoringConfig) -> str:
    """Return what the scores on disk depend on: the protocol's scorer, and every learned metric with its model."""
    scorer = PROTOCOLS[scoring.protocol].scorer
    if not scoring.learned:
        return scorer
    metrics = {
        name: [metric.model_dump(mode="json", exclude={"model", "revision"}), identify_metric(metric, key=_key(name))]
        for name, metric in scoring.learned.items()
    }
    return f"{scorer}|learned.v1:{stable_hash(metrics)}"


def sign_learned(scoring: ScoringConfig) -> str:
    """Return what the learned metrics add to the protocol's signature, as in `|bertscore:roberta-large:layer17`."""
    parts = []
    for name, metric in scoring.learned.items():
        model = _name_model(metric) + (f"@{metric.revision}" if metric.revision else "")
        kind = metric.kind if name == metric.kind else f"{name}={metric.kind}"
        if isinstance(metric, BertScore):
            parts.append(f"|{kind}:{model}:layer{metric.layer or '-last'}")
        else:
            parts.append(f"|{kind}:{model}:{metric.label or 'regression'}:{metric.against}")
    return "".join(parts)


def describe_learned(scoring: ScoringConfig, facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say what each learned metric is, and what its model did not read; `facts` are what `take_facts` gave."""
    facts = list(facts)
    notes = []
    for name, metric in scoring.learned.items():
        counts = [fact["learned"][name] for fact in facts if name in fact.get("learned", {})]
        total, cut = (sum(count[what] for count in counts) for what in ("num_pairs", "num_truncated"))
        note = f"{name}: {_say_what(metric)}."
        if cut:
            note += (
                f" In {cut:,} of {total:,} pairs of texts one was longer than the {counts[0]['max_length']:,} tokens "
                "that the model reads; what is beyond was not read."
            )
        notes.append(note)
    return notes


def require_learned(scoring: ScoringConfig) -> None:
    """Check what can be known without weights: folders, layers, labels. Raises ModelError, ConfigError."""
    for name, metric in scoring.learned.items():
        require_weights(metric.model, key=f"{_key(name)}.model")
        if isinstance(metric, BertScore):
            from dialora.learned.bertscore import load_layers

            load_layers(metric, key=_key(name))
        else:
            from dialora.learned.pair_classifier import load_labels

            load_labels(metric, key=_key(name))


def _load_scorer(metric: BertScore | PairClassifier, *, key: str) -> Scorer:
    if isinstance(metric, BertScore):
        from dialora.learned.bertscore import BertScorer

        return BertScorer(metric, key=key)
    from dialora.learned.pair_classifier import PairScorer

    return PairScorer(metric, key=key)


def _pair_up(
    name: str, metric: BertScore | PairClassifier, example: Example, texts: Sequence[tuple[str, Sequence[str]]]
) -> list[Pair]:
    if isinstance(metric, BertScore) or metric.against == "references":
        return [(other, text) for text, others in texts for other in others]
    if not example.dialogue:
        raise DataError(
            f"{_key(name)}.against: dialogue needs every dialogue, and {example.id} has none; "
            "outputs.dialogues=DATA joins them to a table."
        )
    return [(example.dialogue, text) for text, others in texts for _ in others]


def _say_what(metric: BertScore | PairClassifier) -> str:
    model = _name_model(metric)
    if isinstance(metric, BertScore):
        layer = "the last layer" if metric.layer is None else f"layer {metric.layer}"
        return f"BERTScore F1 with {layer} of {model}, no idf weights, no rescaling"
    first = "each reference" if metric.against == "references" else "the dialogue"
    if metric.label is None:
        return f"what {model} gives for {first} and the summary; a regression, which may leave 0 to 1"
    return f"the probability of {metric.label!r} that {model} gives to {first} and the summary"


def _name_model(metric: LearnedMetric) -> str:
    """Return a hub id, or a folder's own name."""
    source = resolve_model(metric.model)
    return Path(source).resolve().name if Path(source).is_dir() else source


def _key(name: str) -> str:
    return f"scoring.learned.{name}"


__all__ = [
    "LearnedMetrics",
    "OnProgress",
    "Pair",
    "Scorer",
    "describe_learned",
    "describe_scorer",
    "require_learned",
    "sign_learned",
]
