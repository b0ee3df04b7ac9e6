"""Bradley–Terry strengths: choix without ties, planted strengths with them, systems that never win, speed."""

import time
from itertools import combinations

import choix
import numpy as np
import pytest

from dialora.study.analysis.bradley_terry import PRIOR, fit
from dialora.study.analysis.intervals import find_interval
from dialora.study.analysis.strengths import fit_strengths
from dialora.study.analysis.unblind import Preferred, Unblinded, unblind
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
    fitted = fit(totals, pairs, number)
    for row, strengths in zip(totals, fitted.strengths, strict=True):
        wins = np.zeros((number, number))
        for (a, b), (won, lost, _) in zip(pairs, row, strict=True):
            wins[a, b], wins[b, a] = won + PRIOR, lost + PRIOR
        expected = choix.ilsr_pairwise_dense(wins, alpha=0.0, max_iter=10_000, tol=1e-12)
        assert strengths == pytest.approx(expected - expected.mean(), abs=1e-6)
    assert np.isneginf(fitted.ties).all()


def test_planted_strengths_and_ties_are_found() -> None:
    planted, tie = np.array([0.8, 0.1, -0.2, -0.7]), 0.6
    pairs = list_pairs(4)
    totals = np.zeros((1, len(pairs), 3))
    for at, (a, b) in enumerate(pairs):
        # Davidson's probabilities, as counts of a million comparisons.
        weights = np.array([np.exp(planted[a]), np.exp(planted[b]), tie * np.exp((planted[a] + planted[b]) / 2)])
        totals[0, at] = 1e6 * weights / weights.sum()
    fitted = fit(totals, pairs, 4)
    assert fitted.strengths[0] == pytest.approx(planted, abs=1e-5)
    assert np.exp(fitted.ties[0]) == pytest.approx(tie, abs=1e-5)


def test_a_system_that_never_wins_has_a_finite_strength() -> None:
    pairs = list_pairs(3)
    totals = np.zeros((1, 3, 3))
    totals[0, :, 1] = 20
    (fitted,) = fit(totals, pairs, 3).strengths
    assert np.isfinite(fitted).all()
    assert fitted[0] > fitted[1] > fitted[2]
    assert fitted[0] - fitted[1] == pytest.approx(np.log((20 + PRIOR) / PRIOR), rel=0.2)


def test_all_ties_are_equal_strengths() -> None:
    totals = np.zeros((1, 3, 3))
    totals[0, :, 2] = 10
    (fitted,) = fit(totals, list_pairs(3), 3).strengths
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
    assert (lora.ci_low, lora.ci_high) == pytest.approx((-full.ci_high, -full.ci_low), abs=0.01)
    assert lora.ci_low < lora.log_strength < lora.ci_high
    if answer == "win":
        # What was never seen in twenty dialogues has less than 17 to 18 % of them (Clopper-Pearson, Wilson).
        assert 0.5 * np.log(0.82 / 0.18) == pytest.approx(lora.ci_low, abs=0.1)
        assert lora.ci_high > lora.log_strength + 1
    else:
        assert lora.log_strength == pytest.approx(0)
        assert lora.ci_low < -1
        assert lora.ci_high > 1


def prefer(pairs: dict[tuple[str, str], list[list[float]]]) -> Unblinded:
    """Judgements by pair: of each dialogue the shares of the first that its raters gave."""
    rows = [
        Preferred(f"d{at}", rater, f"{a}{b}{at}", a, b, share, is_both_bad=False, is_first=(at + rater) % 2 == 0)
        for (a, b), dialogues in pairs.items()
        for at, given in enumerate(dialogues)
        for rater, share in enumerate(given)
    ]
    return Unblinded(
        tuple(pairs), tuple(rows), (), dict.fromkeys(pairs, ()), {pair: len(pairs[pair]) for pair in pairs}
    )


@pytest.mark.parametrize(("lost", "number"), [(1, 20), (2, 60), (8, 20)])
def test_of_two_systems_an_interval_is_that_of_the_share(lost: int, number: int) -> None:
    given = [[0.0 if at < lost else 1.0] for at in range(number)]
    low, high = find_interval(
        1 - lost / number,
        lost / number * (1 - lost / number) / (number - 1),
        number,
        lowest=0,
        highest=1,
    )
    (b,) = (one for one in fit_strengths(prefer({("b", "a"): given}), ["a", "b"]) if one.system == "b")
    assert b.ci_low == pytest.approx(np.log(low / (1 - low)) / 2, abs=0.06)
    assert b.ci_high == pytest.approx(np.log(high / (1 - high)) / 2, abs=0.15)


def test_one_dialogue_says_hardly_anything() -> None:
    for one in fit_strengths(prefer({("b", "a"): [[1.0, 1.0, 0.5]]}), ["a", "b"]):
        assert one.ci_high - one.ci_low > 3


def test_a_system_far_behind_leaves_the_others_as_well_known_as_they_are() -> None:
    rng = np.random.default_rng(0)
    even = rng.integers(0, 2, (40, 1)).astype(float).tolist()
    won = [[1.0]] * 40
    found = {
        one.system: one
        for one in fit_strengths(prefer({("b", "a"): even, ("b", "c"): won, ("a", "c"): won}), ["a", "b", "c"])
    }
    # Beyond what has been seen of it, c may be further behind, and by that the mean lower.
    assert found["c"].ci_high - found["c"].log_strength > 1
    assert found["c"].log_strength - found["c"].ci_low > 1
    assert found["a"].ci_high - found["a"].ci_low < found["c"].ci_high - found["c"].ci_low


def test_systems_that_nothing_connects_have_strengths_of_their_own() -> None:
    given = [[1.0], [1.0], [0.0], [0.5]] * 5
    alone = fit_strengths(prefer({("b", "a"): given}), ["a", "b"])
    beside = fit_strengths(prefer({("b", "a"): given, ("d", "c"): given[::-1]}), ["a", "b", "c", "d"])
    assert beside[:2] == alone
    assert sum(one.log_strength for one in beside[2:]) == pytest.approx(0)
