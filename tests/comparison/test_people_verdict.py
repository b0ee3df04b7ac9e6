"""What people said, in words: exact numbers, and no difference where none is clear."""

from dataclasses import replace

import pytest

from dialora.comparison.people import Preference, RaterFacts, RatingDifference, StudyResult
from dialora.comparison.people_verdict import describe_studies, describe_study

UNCLEAR = Preference("peft", "instruct", 88, 70, 20, 2, 60, 0.541, 0.473, 0.609, 0.2, 0.2, 900)
CLEAR = replace(UNCLEAR, share=0.66, ci_low=0.58, ci_high=0.74, p_value=0.001, p_adjusted=0.001, num_more=0)
RATED = RatingDifference("peft", "instruct", "fluency", -0.25, -0.4, -0.1, 0.01, 0.02, 0)


def build(*preferences: Preference, ratings: tuple[RatingDifference, ...] = (), judged: int = 180) -> StudyResult:
    return StudyResult(
        name="study",
        design="both",
        labels={"instruct": "Instruct", "peft": "PEFT", "full": "Full", "zero": "Zero"},
        criteria={"fluency": "Fluency", "coverage": "Coverage"},
        num_dialogues=60,
        num_raters=3,
        num_judgements=judged,
        num_asked=180,
        preferences=preferences,
        strengths=(),
        ratings=(),
        rating_differences=ratings,
        agreements=(),
        raters=(),
        errors=(),
        metrics=(),
        position=None,
        notes=(),
    )


def test_an_unclear_preference_is_no_difference() -> None:
    expected = (
        "People preferred PEFT to Instruct in 54 % [47, 61] (180 judgements: 88 for, 70 against, 22 for neither, "
        "counted as halves, evened out over dialogues and sides); no clear difference."
    )
    assert describe_study(build(UNCLEAR)) == expected


def test_the_one_ahead_comes_first() -> None:
    behind = replace(UNCLEAR, share=0.459, ci_low=0.391, ci_high=0.527)
    expected = "People preferred Instruct to PEFT in 54 % [47, 61] (180 judgements: 70 for, 88 against, "
    assert describe_study(build(behind)).startswith(expected)


def test_a_clear_preference_is_called_one() -> None:
    assert describe_study(build(CLEAR)).endswith("; a clear difference.")
    assert "PEFT to Instruct in 66 % [58, 74] (180 judgements" in describe_study(build(CLEAR))


@pytest.mark.parametrize("changed", [{"p_adjusted": 0.06}, {"ci_low": 0.49}])
def test_interval_and_corrected_test_have_to_agree(changed: dict[str, float]) -> None:
    assert "no clear difference" in describe_study(build(replace(CLEAR, **changed)))


def test_texts_that_nobody_was_asked_about_are_no_judgements() -> None:
    assert "(170 judgements: " in describe_study(build(replace(UNCLEAR, num_identical=10)))


def test_equal_shares_prefer_neither() -> None:
    text = describe_study(build(replace(UNCLEAR, share=0.5, ci_low=0.4, ci_high=0.6)))
    assert text.startswith("People preferred neither of PEFT and Instruct")


def test_many_pairs_are_listed_where_they_are_clear() -> None:
    others = [replace(UNCLEAR, a=a, b=b) for a, b in (("full", "peft"), ("full", "instruct"), ("zero", "full"))]
    text = describe_study(build(CLEAR, *others))
    assert (
        text == "People clearly preferred PEFT to Instruct (66 % [58, 74]); the other 3 of 4 pairs are not told apart."
    )
    assert describe_study(build(UNCLEAR, *others)) == "No preference of people is clear among 4 pairs."


def test_ratings_say_in_what() -> None:
    unclear = replace(RATED, criterion="coverage", p_adjusted=0.5, ci_high=0.2)
    assert describe_study(build(ratings=(RATED, unclear))) == (
        "From 1 to 5, PEFT was rated lower in fluency (−0.25 [−0.40, −0.10]) than Instruct; no clear difference in "
        "coverage."
    )
    assert describe_study(build(ratings=(replace(RATED, p_adjusted=0.5), unclear))) == (
        "Ratings of PEFT and Instruct do not differ clearly in fluency and coverage."
    )


def test_of_many_ratings_the_largest_differences_are_told() -> None:
    pairs = (("full", "peft"), ("full", "instruct"), ("zero", "full"), ("zero", "peft"))
    rows = [replace(RATED, a=a, b=b, difference=-0.3 - at / 10) for at, (a, b) in enumerate(pairs)]
    text = describe_study(build(ratings=(RATED, *rows)))
    assert text.startswith("Ratings from 1 to 5 differ clearly: Zero from PEFT in fluency (−0.60 [−0.40, −0.10]); ")
    assert text.endswith("; 2 more are in the table.")
    unclear = [replace(row, p_adjusted=0.5) for row in rows]
    assert describe_study(build(ratings=tuple(unclear))) == "No rating tells any of 4 pairs apart."


def test_an_unfinished_study_and_one_without_judgements_say_so() -> None:
    assert describe_study(build(UNCLEAR, judged=120)).endswith("The study is unfinished: 120 of 180 judgements are in.")
    assert describe_study(build(judged=0)) == "Nobody has judged anything in the study study yet."
    assert describe_study(build(judged=1)).startswith("The judgements of the study study compare no two systems yet.")


def test_a_share_is_told_apart_from_the_counts_it_comes_from() -> None:
    even = Preference("peft", "instruct", 1, 1, 0, 1, 3, 0.57, 0.03, 0.98, 0.9, 0.9, None)
    assert describe_study(build(even, judged=3)).startswith(
        "People preferred PEFT to Instruct in 57 % [3, 98] (3 judgements: 1 for, 1 against, 1 for neither, counted as "
        "halves, evened out over dialogues and sides); no clear difference."
    )
    exact = replace(even, wins=2, losses=1, both_bad=0, ties=1, share=0.625)
    assert "evened out" not in describe_study(build(exact))


def build_rater(sheet: int, excluded: str) -> RaterFacts:
    return RaterFacts(sheet, 60, 60, 9.0, 1, 4, None, None, None, None, excluded)


def test_judgements_of_raters_who_are_left_out_are_told_from_none() -> None:
    raters = tuple(build_rater(sheet, "failed 3 of 4 attention checks") for sheet in (1, 2, 3))
    text = describe_study(replace(build(judged=0), raters=raters))
    assert "Nobody" not in text
    assert text.startswith("No judgement of the study study counts: 180 judgements by raters who are left out (rater 1")
    assert text.count("failed 3 of 4") == 3
    assert "Nobody" in describe_study(replace(build(judged=0), raters=(replace(raters[0], num_judged=0),)))


def test_of_several_studies_each_is_named() -> None:
    one, other = build(UNCLEAR), replace(build(CLEAR), name="experts")
    assert describe_studies([one, build(judged=0)]) == [describe_study(one)]
    told = describe_studies([one, other])
    assert [text.split(":")[0] for text in told] == ["Study study", "Study experts"]
    assert told[1].endswith(describe_study(other))
