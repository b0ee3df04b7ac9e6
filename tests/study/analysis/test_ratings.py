"""Ratings: strictness falls out of differences and widens means; errors by system; what is missing is left out."""

import numpy as np
import pytest

from dialora.study.analysis.errors import count_errors
from dialora.study.analysis.ratings import average_ratings, compare_ratings
from dialora.study.analysis.unblind import Unblinded, unblind
from dialora.study.judgements import Judgement, MarkedError
from dialora.study.records import ErrorKind
from tests.study.analysis.simulation import CRITERIA, Layout, Rater, draw_layout, draw_qualities, judge


def rate(layout: Layout, score: dict[str, int], *, strictness: tuple[int, ...] = (0, 0, 0)) -> list[Judgement]:
    """Let every rater give each system the same, less the rater's strictness."""
    return [
        Judgement(
            sheet.number,
            entry.item,
            place,
            scores=dict.fromkeys(
                CRITERIA, score[layout.judged[entry.item].writers[0][0]] - strictness[sheet.number - 1]
            ),
        )
        for sheet in layout.blind.sheets
        for place, entry in enumerate(sheet.entries)
    ]


def open_up(layout: Layout, judgements: list[Judgement]) -> Unblinded:
    return unblind(layout.key, layout.blind.sheets, judgements)


def test_strict_raters_change_no_difference_and_widen_means() -> None:
    layout = draw_layout(num_dialogues=20, design="rating")
    alike = open_up(layout, rate(layout, {"full": 4, "lora": 3}))
    strict = open_up(layout, rate(layout, {"full": 4, "lora": 3}, strictness=(0, 1, 2)))
    (one, _), (other, _) = compare_ratings(alike, CRITERIA), compare_ratings(strict, CRITERIA)
    assert one == other
    assert one.difference == -1
    assert one.is_clear
    means = {row.system: row for row in average_ratings(alike, ("full", "lora"), CRITERIA[:1])}
    of_strict = {row.system: row for row in average_ratings(strict, ("full", "lora"), CRITERIA[:1])}
    assert means["full"].mean == 4
    assert of_strict["full"].mean == 3
    assert of_strict["full"].num_ratings == 60
    # With another rater the mean could be elsewhere on the whole scale.
    assert of_strict["full"].ci_high - of_strict["full"].ci_low > 2
    assert means["full"].ci_high - means["full"].ci_low < 0.7


def test_pairs_and_criteria_are_compared_each_and_corrected_within_a_criterion() -> None:
    systems = ("full", "lora", "zero")
    layout = draw_layout(systems, num_dialogues=30, design="rating")
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 0.0, "zero": -1.2}, rng)
    found = compare_ratings(open_up(layout, judge(layout, [Rater()] * 3, qualities, rng)), CRITERIA)
    assert [(row.criterion, row.a, row.b) for row in found] == [
        (criterion, a, b) for criterion in CRITERIA for a, b in (("lora", "full"), ("zero", "full"), ("zero", "lora"))
    ]
    for row in found:
        assert row.is_clear == (row.a == "zero")
        assert row.num_more == 0 if row.is_clear else row.num_more != 0
        assert row.p_adjusted >= row.p_value


def test_only_ratings_of_the_same_rater_and_dialogue_are_compared() -> None:
    layout = draw_layout(num_dialogues=10, design="rating")
    # One rater has rated one system alone: that compares nothing.
    judgements = [
        one
        for one in rate(layout, {"full": 5, "lora": 1}, strictness=(0, 0, 0))
        if one.sheet == 1 and layout.judged[one.item].writers == (("full",),)
    ]
    assert compare_ratings(open_up(layout, judgements), CRITERIA) == ()
    assert [row.system for row in average_ratings(open_up(layout, judgements), ("full", "lora"), CRITERIA)] == [
        "full"
    ] * 2


def test_a_system_rated_alike_throughout_is_not_told_apart() -> None:
    layout = draw_layout(num_dialogues=20, design="rating")
    (row, _) = compare_ratings(open_up(layout, rate(layout, {"full": 3, "lora": 3})), CRITERIA)
    assert (row.difference, row.p_value, row.is_clear, row.num_more) == (0, 1, False, None)
    assert row.ci_low < 0 < row.ci_high


def test_errors_are_counted_by_system_and_kind() -> None:
    layout = draw_layout(num_dialogues=10, num_raters=2, design="rating")
    kinds = [ErrorKind("invented", "Invented", "", ""), ErrorKind("speaker", "Wrong speaker", "", "")]
    judgements = []
    for one in rate(layout, {"full": 3, "lora": 3}):
        item = layout.judged[one.item]
        # Rater 1 marks two inventions in each of lora's summaries, rater 2 none.
        marks = (MarkedError(0, 1, "invented"), MarkedError(2, 3, "invented"))
        is_marked = item.writers == (("lora",),) and one.sheet == 1
        judgements.append(
            Judgement(one.sheet, one.item, one.place, scores=one.scores, errors=marks if is_marked else ())
        )
    found = {(row.system, row.kind): row for row in count_errors(open_up(layout, judgements), ("full", "lora"), kinds)}
    assert {place: (row.count, row.share) for place, row in found.items()} == {
        ("full", "invented"): (0, 0.0),
        ("full", "speaker"): (0, 0.0),
        ("lora", "invented"): (20, 0.5),
        ("lora", "speaker"): (0, 0.0),
    }
    none = found["full", "invented"]
    # Ten summaries without a mark do not say that there will never be one.
    assert (none.ci_low, none.ci_high) == (0, pytest.approx(1 - 0.025**0.1))
