"""Bradley–Terry strengths: choix without ties, planted strengths with them, systems that never win, speed."""

import time
from itertools import combinations

import choix
import numpy as np
import pytest

from dialora.study.analysis.bradley_terry import PRIOR, fit, fit_strengths
from dialora.study.analysis.unblind import unblind
from dialora.study.judgements import Judgement
from dialora.study.records import FIRST, SECOND, TIE
from tests.study.analysis.simulation import Rater, draw_layout, draw_qualities, judge

SYSTEMS = ("full", "lora", "zero", "human")


def list_pairs(number: int) -> np.ndarray:
    return np.array([(b, a) for a, b in combinations(range(number), 2)])


@pytest.mark.parametrize("number", [2, 3, 6])
def test_without_ties_it_is_choixs_maximum_likelihood(number: int) -> None:
    pairs, rng = list_pairs(number), np.random.default_rng(number)
    totals = np.zeros((5, len(pairs), 3))
    totals[:, :, :2] = rng.integers(1, 40, (5, len(pairs), 2))
    fitted, ties = fit(totals, pairs, number)
    for row, strengths in zip(totals, fitted, strict=True):
        wins = np.zeros((number, number))
        for (a, b), (won, lost, _) in zip(pairs, row, strict=True):
            wins[a, b], wins[b, a] = won + PRIOR, lost + PRIOR
        expected = choix.ilsr_pairwise_dense(wins, alpha=0.0, max_iter=10_000, tol=1e-12)
        assert strengths == pytest.approx(expected - expected.mean(), abs=1e-6)
    assert np.isneginf(ties).all()


def test_planted_strengths_and_ties_are_found() -> None:
    planted, tie = np.array([0.8, 0.1, -0.2, -0.7]), 0.6
    pairs = list_pairs(4)
    totals = np.zeros((1, len(pairs), 3))
    for at, (a, b) in enumerate(pairs):
        # Davidson's probabilities, as counts of a million comparisons.
        weights = np.array([np.exp(planted[a]), np.exp(planted[b]), tie * np.exp((planted[a] + planted[b]) / 2)])
        totals[0, at] = 1e6 * weights / weights.sum()
    fitted, ties = fit(totals, pairs, 4)
    assert fitted[0] == pytest.approx(planted, abs=1e-5)
    assert np.exp(ties[0]) == pytest.approx(tie, abs=1e-5)


def test_a_system_that_never_wins_has_a_finite_strength() -> None:
    pairs = list_pairs(3)
    totals = np.zeros((1, 3, 3))
    totals[0, :, 1] = 20
    (fitted,), _ = fit(totals, pairs, 3)
    assert np.isfinite(fitted).all()
    assert fitted[0] > fitted[1] > fitted[2]
    assert fitted[0] - fitted[1] == pytest.approx(np.log((20 + PRIOR) / PRIOR), rel=0.2)


def test_all_ties_are_equal_strengths() -> None:
    totals = np.zeros((1, 3, 3))
    totals[0, :, 2] = 10
    (fitted,), _ = fit(totals, list_pairs(3), 3)
    assert fitted == pytest.approx([0, 0, 0], abs=1e-9)


def test_systems_that_nobody_compared_have_no_strength() -> None:
    layout = draw_layout(("full", "lora", "zero"), num_dialogues=20)
    judgements = [
        Judgement(sheet.number, entry.item, place, answer=FIRST if place % 3 else SECOND)
        for sheet in layout.blind.sheets
        for place, entry in enumerate(sheet.entries)
        if layout.judged[entry.item].writers == (("full",), ("lora",))
    ]
    found = fit_strengths(unblind(layout.key, layout.blind.sheets, judgements), ("full", "lora", "zero"))
    assert [one.system for one in found] == ["full", "lora"]
    assert sum(one.log_strength for one in found) == pytest.approx(0)
    assert fit_strengths(unblind(layout.key, layout.blind.sheets, []), ("full", "lora", "zero")) == ()


def test_intervals_hold_the_estimate_and_order_what_is_far_apart() -> None:
    layout = draw_layout(SYSTEMS, num_dialogues=60)
    rng = np.random.default_rng(0)
    planted = dict(zip(SYSTEMS, (0.0, 0.2, -1.5, 1.5), strict=True))
    judgements = judge(layout, [Rater(side=0.5), Rater(), Rater(noise=1.2)], draw_qualities(layout, planted, rng), rng)
    unblinded = unblind(layout.key, layout.blind.sheets, judgements)
    start = time.perf_counter()
    found = {one.system: one for one in fit_strengths(unblinded, SYSTEMS)}
    assert time.perf_counter() - start < 3
    assert all(one.ci_low < one.log_strength < one.ci_high for one in found.values())
    assert found["zero"].ci_high < found["full"].ci_low
    assert found["lora"].ci_high < found["human"].ci_low


@pytest.mark.parametrize("answer", ["win", "tie"])
def test_dialogues_that_all_say_the_same_leave_room_for_what_was_not_seen(answer: str) -> None:
    layout = draw_layout(("full", "lora"), num_dialogues=20, num_raters=1)
    (sheet,) = layout.blind.sheets
    judgements = [
        Judgement(1, entry.item, place, answer=TIE if answer == "tie" else SECOND if not entry.is_swapped else FIRST)
        for place, entry in enumerate(sheet.entries)
    ]
    found = {
        one.system: one for one in fit_strengths(unblind(layout.key, layout.blind.sheets, judgements), ("full", "lora"))
    }
    lora, full = found["lora"], found["full"]
    assert (lora.ci_low, lora.ci_high) == pytest.approx((-full.ci_high, -full.ci_low))
    # What was never seen in twenty dialogues has less than 17 % of them.
    unseen = 1 - 0.025 ** (1 / 20)
    if answer == "win":
        odds = (20 * (1 - unseen) + PRIOR) / (20 * unseen + PRIOR)
        assert 2 * lora.ci_low == pytest.approx(np.log(odds), rel=1e-6)
        assert lora.log_strength == pytest.approx(lora.ci_high)
    else:
        assert lora.log_strength == pytest.approx(0)
        assert lora.ci_low < -1
        assert lora.ci_high > 1
