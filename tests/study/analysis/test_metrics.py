"""Metrics against people: scipy's tau, levels, what makes no sense is None."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dialora.comparison.people import MetricAgreement
from dialora.study.analysis.metrics import compare_metrics
from dialora.study.analysis.unblind import unblind
from dialora.study.judgements import Judgement
from dialora.study.key import StudyKey
from tests.study.analysis.simulation import CRITERIA, Layout, draw_layout

SYSTEMS = ("full", "lora", "zero", "human")


def rate(layout: Layout, ratings: np.ndarray) -> list[Judgement]:
    """One rater, ratings (num_dialogues, num_systems)."""
    judgements = []
    (sheet,) = layout.blind.sheets
    for place, entry in enumerate(sheet.entries):
        item = layout.judged[entry.item]
        score = int(ratings[int(item.dialogue_id[1:]), SYSTEMS.index(item.writers[0][0])])
        judgements.append(Judgement(1, entry.item, place, scores=dict.fromkeys(CRITERIA, score)))
    return judgements


def with_scores(layout: Layout, scores: np.ndarray, systems: tuple[str, ...] = SYSTEMS) -> StudyKey:
    return replace(
        layout.key,
        scores={
            f"d{row}": {system: {"rouge1": float(scores[row, at])} for at, system in enumerate(systems)}
            for row in range(len(scores))
        },
    )


def compare(layout: Layout, ratings: np.ndarray, scores: np.ndarray) -> dict[str, MetricAgreement]:
    key = with_scores(layout, scores)
    unblinded = unblind(key, layout.blind.sheets, rate(layout, ratings))
    return {row.level: row for row in compare_metrics(key, unblinded, CRITERIA[:1])}


def test_tau_b_is_scipys_within_a_dialogue_and_between_systems() -> None:
    layout = draw_layout(SYSTEMS, num_dialogues=30, num_raters=1, design="rating")
    rng = np.random.default_rng(0)
    ratings = rng.integers(1, 6, (30, 4))
    scores = np.round(ratings + rng.normal(0, 2, ratings.shape))
    found = compare(layout, ratings, scores)
    system = found["system"]
    assert system.tau == pytest.approx(stats.kendalltau(scores.mean(axis=0), ratings.mean(axis=0)).statistic)
    assert system.num_pairs == 6
    # All dialogues together: tau-b of the pairs' signs, by its definition.
    pairs = [(a, b) for a in range(4) for b in range(a)]
    one = np.sign([[row[a] - row[b] for a, b in pairs] for row in scores])
    other = np.sign([[row[a] - row[b] for a, b in pairs] for row in ratings])
    expected = (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum())
    dialogue = found["dialogue"]
    assert dialogue.tau == pytest.approx(expected)
    assert dialogue.num_pairs == 180
    assert dialogue.ci_low is not None
    assert dialogue.ci_high is not None
    assert dialogue.ci_low < expected < dialogue.ci_high
    # One dialogue's part is scipy's tau of that dialogue.
    alone = compare(
        draw_layout(SYSTEMS, num_dialogues=2, num_raters=1, design="rating"), ratings[[0, 0]], scores[[0, 0]]
    )
    assert alone["dialogue"].tau == pytest.approx(stats.kendalltau(scores[0], ratings[0]).statistic)


def test_a_metric_that_says_what_people_say_has_one_and_its_opposite_minus_one() -> None:
    layout = draw_layout(SYSTEMS, num_dialogues=10, num_raters=1, design="rating")
    ratings = np.tile([1, 2, 3, 4], (10, 1))
    assert [row.tau for row in compare(layout, ratings, ratings / 10).values()] == pytest.approx([1, 1])
    assert [row.tau for row in compare(layout, ratings, -ratings / 10).values()] == pytest.approx([-1, -1])


def test_two_systems_have_no_order_to_agree_on_and_a_flat_metric_tells_nothing() -> None:
    two = ("full", "lora")
    layout = draw_layout(two, num_dialogues=10, num_raters=1, design="pairwise")
    key = with_scores(layout, np.random.default_rng(0).random((10, 2)), two)
    (sheet,) = layout.blind.sheets
    judgements = [Judgement(1, entry.item, place, answer="a") for place, entry in enumerate(sheet.entries)]
    unblinded = unblind(key, layout.blind.sheets, judgements)
    found = {row.level: row for row in compare_metrics(key, unblinded, ())}
    assert found["dialogue"].people == "preference"
    assert found["dialogue"].tau is not None
    assert (found["system"].tau, found["system"].ci_low) == (None, None)
    flat = with_scores(layout, np.zeros((10, 2)), two)
    assert {row.tau for row in compare_metrics(flat, unblinded, ())} == {None}
    assert compare_metrics(key, unblind(key, layout.blind.sheets, []), CRITERIA) == ()


def test_a_metric_that_misses_a_system_is_compared_over_the_others() -> None:
    layout = draw_layout(SYSTEMS, num_dialogues=10, num_raters=1, design="rating")
    key = with_scores(layout, np.tile([1.0, 2.0, 3.0], (10, 1)), SYSTEMS[:3])
    unblinded = unblind(key, layout.blind.sheets, rate(layout, np.tile([1, 2, 3, 4], (10, 1))))
    found = {row.level: row for row in compare_metrics(key, unblinded, CRITERIA[:1])}
    assert found["dialogue"].num_pairs == 30
    assert found["system"].tau == pytest.approx(1)
