"""Protocols: the same summaries counted in three ways, each as its publications count."""

from pathlib import Path

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer

from dialora.comparison import METRICS, Comparison, RunResult, SystemRuns, compare_systems
from dialora.comparison.statistics import weigh_rows
from dialora.config import ScoringConfig, load_experiment
from dialora.errors import ConfigError
from dialora.protocols import HUB, LAB, PROTOCOLS, STANDARD, Protocol
from dialora.records import Cost, Example, ExampleScores
from dialora.scoring import score_summaries
from dialora.store import build_run

EXAMPLES = (
    Example("a", "", ("She is walking home. He stays.", "She walks home.", "They meet.")),
    Example("b", "", ("They talked about the weather.",)),
)
SUMMARIES = ("She walked home. He stayed.", "They talk.")


def compare(scores: list[ExampleScores], protocol: str) -> Comparison:
    system = SystemRuns("x", "x", "X", (RunResult(0, Cost(None, None), tuple(scores)),))
    scoring = ScoringConfig(protocol=protocol, num_resamples=2000)
    return compare_systems([system], experiment="x", protocol="", scoring=scoring)


def mean(protocol: Protocol, metric: str) -> float:
    scores = score_summaries(EXAMPLES, SUMMARIES, protocol)
    return compare(scores, protocol.name).systems[0].scores[metric].mean


@pytest.mark.parametrize("metric", METRICS)
def test_hub_is_what_evaluate_does_by_default(metric: str) -> None:
    scorer = RougeScorer(list(METRICS))
    theirs = [
        scorer.score_multi(example.references, summary)[metric].fmeasure
        for example, summary in zip(EXAMPLES, SUMMARIES, strict=True)
    ]
    assert mean(HUB, metric) == np.mean(theirs)


@pytest.mark.parametrize("metric", METRICS)
def test_lab_is_the_plain_mean_over_rows(metric: str) -> None:
    scorer = RougeScorer(list(METRICS), use_stemmer=True)
    rows = [
        scorer.score(reference, summary)[metric].fmeasure
        for example, summary in zip(EXAMPLES, SUMMARIES, strict=True)
        for reference in example.references
    ]
    assert mean(LAB, metric) == pytest.approx(np.mean(rows), abs=1e-15)
    assert mean(LAB, metric) != pytest.approx(mean(STANDARD, metric), abs=1e-4)


def test_rows_of_a_dialogue_are_one_piece_of_evidence() -> None:
    rng = np.random.default_rng(0)
    values, counts = rng.beta(2, 3, 120), rng.integers(1, 6, 120)
    scores = [
        ExampleScores(str(i), {metric: [float(value)] * count for metric in METRICS})
        for i, (value, count) in enumerate(zip(values, counts.tolist(), strict=True))
    ]
    score = compare(scores, "lab").systems[0].scores["rouge1"]
    drawn = rng.integers(0, 120, (4000, 120))
    means = (values * counts)[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    assert (score.ci_low, score.ci_high) == pytest.approx((low, high), abs=0.005)
    # Were each row a unit, the interval would be much too narrow.
    rows = np.repeat(values, counts)
    narrow = 2 * 1.96 * rows.std() / np.sqrt(len(rows))
    assert score.ci_high - score.ci_low > 1.4 * narrow


def test_equal_numbers_of_references_change_nothing() -> None:
    values = np.random.default_rng(0).uniform(size=20)
    assert weigh_rows(values, [3] * 20) is values


def test_the_protocol_decides_over_the_references() -> None:
    assert ScoringConfig(protocol="hub", references="first").references == "max"
    assert ScoringConfig(protocol="lab", references="max").references == "mean"
    assert ScoringConfig(references="first").references == "first"
    config = load_experiment("seed", ["scoring.protocol=hub"])
    assert config.scoring.references == "max"
    with pytest.raises(ConfigError, match="input should be 'standard', 'hub' or 'lab', got 'labs'"):
        load_experiment("seed", ["scoring.protocol=labs"])


def test_another_protocol_asks_for_other_scores_and_the_same_summaries() -> None:
    stages = {
        name: build_run(
            Path("x"), key="a", method="lora", seed=0, trains=True, inputs=1, decoding=1, scorer=protocol.scorer
        )
        for name, protocol in PROTOCOLS.items()
    }
    assert len({run.generation for run in stages.values()}) == 1
    assert len({run.scoring.key for run in stages.values()}) == 3
    unnamed = build_run(Path("x"), key="a", method="lora", seed=0, trains=True, inputs=1, decoding=1)
    assert unnamed.scoring == stages["standard"].scoring
