"""An experiment's learned metrics as one: they add their scores to those of ROUGE, for systems and yardsticks alike.

Takes a ScoringConfig; gives ExampleScores with one more entry per metric, whose values stand in ROUGE's form, one per
reference. A metric against the dialogue has one value, which stands once per reference, so that every way to reduce
references gives it. Models are loaded when first needed, and so is torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dialora.config import ScoringConfig, stable_hash
from dialora.config.metric import Metric, OnProgress, Pair, Scorer
from dialora.errors import DataError, ModelError
from dialora.records import Example, ExampleScores
from dialora.scoring.tokenizers import require_tokenizer


class LearnedMetrics:
    """The learned metrics of one experiment, none or several; kept for as long as there is something to score."""

    def __init__(self, scoring: ScoringConfig, on_progress: OnProgress = lambda done, total: None) -> None:
        self.metrics: Mapping[str, Metric] = scoring.learned
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
            scorer = self._scorers[name] = self.metrics[name].load(key=_key(name))
        values, num_truncated = scorer.score(pairs, self.on_progress)
        if not all(map(math.isfinite, values)):
            raise ModelError(f"{_key(name)}: {self.metrics[name].describe()}: some scores are no finite numbers.")
        before = self._facts.get(name, {})
        self._facts[name] = {
            "num_pairs": len(pairs) + (before.get("num_pairs") or 0),
            "num_truncated": num_truncated + (before.get("num_truncated") or 0),
            "max_length": scorer.max_length,
        }
        return values


def describe_scorer(scoring: ScoringConfig) -> str:
    """Return what the scores on disk depend on: the protocol's scorer, and every learned metric with its model.

    Raises ConfigError where the tokenizer is not installed.
    """
    require_tokenizer(scoring.tokenizer)
    scorer = scoring.rules.scorer
    if not scoring.learned:
        return scorer
    metrics = {
        name: [metric.model_dump(mode="json", exclude={"model", "revision"}), metric.identify(key=_key(name))]
        for name, metric in scoring.learned.items()
    }
    return f"{scorer}|learned.v1:{stable_hash(metrics)}"


def sign_learned(scoring: ScoringConfig) -> str:
    """Return what the learned metrics add to the protocol's signature, as in `|bertscore:roberta-large:layer17`."""
    parts = []
    for name, metric in scoring.learned.items():
        kind = metric.kind if name == metric.kind else f"{name}={metric.kind}"
        parts.append(f"|{':'.join(part for part in (kind, metric.sign()) if part)}")
    return "".join(parts)


def describe_learned(scoring: ScoringConfig, facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say what each learned metric is, and what its model did not read; `facts` are what `take_facts` gave."""
    facts = list(facts)
    notes = []
    for name, metric in scoring.learned.items():
        counts = [fact["learned"][name] for fact in facts if name in fact.get("learned", {})]
        total, cut = (sum(count[what] for count in counts) for what in ("num_pairs", "num_truncated"))
        note = f"{name}: {metric.describe()}."
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
        metric.require(key=_key(name))


def _pair_up(name: str, metric: Metric, example: Example, texts: Sequence[tuple[str, Sequence[str]]]) -> list[Pair]:
    if not metric.reads_dialogue:
        return [(other, text) for text, others in texts for other in others]
    if not example.dialogue:
        raise DataError(
            f"{_key(name)}.against: dialogue needs every dialogue, and {example.id} has none; "
            "outputs.dialogues=DATA joins them to a table."
        )
    return [(example.dialogue, text) for text, others in texts for _ in others]


def _key(name: str) -> str:
    return f"scoring.learned.{name}"


__all__ = ["LearnedMetrics", "describe_learned", "describe_scorer", "require_learned", "sign_learned"]
