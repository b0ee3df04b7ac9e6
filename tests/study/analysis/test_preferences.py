"""Shares of preferences: the dialogue is the unit, sides are taken out, what is unfinished or thin is not oversold."""

import numpy as np
import pytest

from dialora.comparison.people import Preference
from dialora.study.analysis.preferences import compare_preferences
from dialora.study.analysis.unblind import unblind
from dialora.study.judgements import Judgement
from dialora.study.records import FIRST, NEITHER, SECOND, TIE
from tests.study.analysis.simulation import Layout, Rater, draw_layout, draw_qualities, judge


def analyse(layout: Layout, judgements: list[Judgement]) -> tuple[Preference, ...]:
    return compare_preferences(unblind(layout.key, layout.blind.sheets, judgements), seed=1, num_resamples=2000)


def answer(
    layout: Layout, better: str, *, sheets: tuple[int, ...] = (1, 2, 3), dialogues: int = 1000
) -> list[Judgement]:
    """Let raters prefer one system always, on so many dialogues."""
    judgements = []
    for sheet in layout.blind.sheets:
        for place, entry in enumerate(sheet.entries):
            item = layout.judged[entry.item]
            if sheet.number not in sheets or int(item.dialogue_id[1:]) >= dialogues:
                continue
            shown = item.writers[::-1] if entry.is_swapped else item.writers
            judgements.append(
                Judgement(sheet.number, entry.item, place, answer=FIRST if better in shown[0] else SECOND)
            )
    return judgements


def test_all_prefer_one() -> None:
    layout = draw_layout(num_dialogues=20)
    (pair,) = analyse(layout, answer(layout, "lora"))
    assert (pair.a, pair.b, pair.wins, pair.losses, pair.num_dialogues) == ("lora", "full", 60, 0, 20)
    assert pair.share == 1.0
    assert 0.8 < pair.ci_low < 0.9
    assert pair.is_clear
    assert pair.num_more == 0


def test_a_rater_who_always_answers_a_moves_no_preference() -> None:
    layout = draw_layout(num_dialogues=40)
    honest = answer(layout, "lora", sheets=(1, 2), dialogues=24) + answer(layout, "full", sheets=(1, 2))
    latest = {(one.sheet, one.item): one for one in reversed(honest)}
    always = [
        Judgement(3, entry.item, place, answer=FIRST) for place, entry in enumerate(layout.blind.sheets[2].entries)
    ]
    (without,) = analyse(layout, list(latest.values()))
    (pair,) = analyse(layout, [*latest.values(), *always])
    (alone,) = analyse(layout, always)
    # Half a win on every dialogue, whichever side the systems stood on.
    assert pair.share == pytest.approx((2 * without.share + 0.5) / 3)
    assert (alone.wins, alone.losses, alone.share) == (20, 20, pytest.approx(0.5))
    assert not alone.is_clear


def test_an_unfinished_sheet_of_one_who_always_answers_a_moves_none_either() -> None:
    layout = draw_layout(num_dialogues=40)
    entries = list(enumerate(layout.blind.sheets[0].entries))
    # What came first on the sheet shows the later system as A three times of four.
    shown_as_a = [
        (place, entry)
        for place, entry in entries
        if (layout.judged[entry.item].writers[0] == ("lora",)) != entry.is_swapped
    ]
    others = [pair for pair in entries if pair not in shown_as_a]
    done = [*shown_as_a[:15], *others[:5]]
    (pair,) = analyse(layout, [Judgement(1, entry.item, place, answer=FIRST) for place, entry in done])
    assert (pair.wins, pair.losses) == (15, 5)
    assert pair.share == pytest.approx(0.5)
    assert not pair.is_clear


@pytest.mark.parametrize("given", [TIE, NEITHER])
def test_all_ties(given: str) -> None:
    layout = draw_layout(num_dialogues=20)
    judgements = [
        Judgement(sheet.number, entry.item, place, answer=given)
        for sheet in layout.blind.sheets
        for place, entry in enumerate(sheet.entries)
    ]
    (pair,) = analyse(layout, judgements)
    assert (pair.ties, pair.both_bad) == ((60, 0) if given == TIE else (0, 60))
    assert (pair.share, pair.p_value, pair.num_more, pair.is_clear) == (0.5, 1.0, None, False)
    assert pair.ci_low < 0.5 < pair.ci_high


def test_one_dialogue_is_never_clear() -> None:
    layout = draw_layout(num_dialogues=1)
    (pair,) = analyse(layout, answer(layout, "lora"))
    assert pair.num_dialogues == 1
    assert not pair.is_clear
    assert pair.p_value > 0.2


def test_nothing_judged_is_no_pair() -> None:
    assert analyse(draw_layout(), []) == ()


def test_identical_texts_are_a_tie_of_their_dialogue() -> None:
    same = [(f"d{at}", "lora", "full") for at in range(5)]
    layout = draw_layout(num_dialogues=20, identical=same)
    (pair,) = analyse(layout, answer(layout, "lora"))
    # Fifteen dialogues won, five that nobody was asked about.
    assert pair.share == pytest.approx((15 + 5 * 0.5) / 20)
    assert (pair.ties, pair.num_identical, pair.num_dialogues, pair.num_judgements) == (5, 5, 20, 45)


def test_identical_texts_do_not_drown_an_unfinished_study() -> None:
    same = [(f"d{at}", "lora", "full") for at in range(10)]
    layout = draw_layout(num_dialogues=40, identical=same)
    (finished,) = analyse(layout, answer(layout, "lora"))
    (begun,) = analyse(layout, answer(layout, "lora", dialogues=10 + 6))
    assert begun.num_identical == 2
    assert begun.share == pytest.approx(finished.share)


def test_the_test_makes_up_for_what_taking_out_a_side_takes_from_the_spread() -> None:
    layout = draw_layout(num_dialogues=20, num_raters=1)
    rng = np.random.default_rng(0)
    rater = [Rater(side=1.0, noise=2.0)]
    p_values = []
    for _ in range(400):
        judgements = judge(layout, rater, draw_qualities(layout, {"full": 0.0, "lora": 0.0}, rng), rng)
        p_values.append(analyse(layout, judgements)[0].p_value)
    # Under "no difference" p-values are even: a twentieth below 5 %, half below 50 %, each within three errors.
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 3 * 0.011
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=3 * 0.025)


def test_raters_of_a_dialogue_are_averaged_first() -> None:
    layout = draw_layout(num_dialogues=30)
    # One dialogue in three is judged by all, and lost; the others by one, and won.
    many = answer(layout, "full", dialogues=10)
    few = [one for one in answer(layout, "lora", sheets=(1,)) if int(layout.judged[one.item].dialogue_id[1:]) >= 10]
    (pair,) = analyse(layout, many + few)
    assert (pair.wins, pair.losses) == (20, 30)
    assert pair.share == pytest.approx(20 / 30, abs=0.02)


def test_pairs_are_corrected_for_their_number_and_come_as_later_to_earlier() -> None:
    systems = ("full", "lora", "zero")
    layout = draw_layout(systems, num_dialogues=40)
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 0.1, "zero": -2.0}, rng)
    pairs = analyse(layout, judge(layout, [Rater()] * 3, qualities, rng))
    assert [(pair.a, pair.b) for pair in pairs] == [("lora", "full"), ("zero", "full"), ("zero", "lora")]
    assert [pair.is_clear for pair in pairs] == [False, True, True]
    assert all(pair.p_adjusted >= pair.p_value for pair in pairs)
    assert pairs[1].p_adjusted >= 2 * min(pair.p_value for pair in pairs)


def test_how_many_more_would_settle_it() -> None:
    layout = draw_layout(num_dialogues=40)
    # 23 of 40 dialogues won by all three raters: not clear yet.
    won = answer(layout, "lora", dialogues=23)
    lost = [one for one in answer(layout, "full") if int(layout.judged[one.item].dialogue_id[1:]) >= 23]
    (pair,) = analyse(layout, won + lost)
    assert not pair.is_clear
    # By hand: (1.96 + 0.84)² · variance / (0.575 - 0.5)² dialogues are needed, by three raters each.
    needed = (1.959964 + 0.841621) ** 2 * (23 / 40 * 17 / 40 * 40 / 39) / 0.075**2
    assert pair.num_more == pytest.approx(3 * (needed - 40), rel=0.15)  # the sides fell unevenly
