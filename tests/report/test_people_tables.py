"""The tables of what people judged: what is clear stands out, what is not known is a dash, nothing empty is shown."""

from dialora.comparison.people import (
    Agreement,
    ErrorShare,
    MetricAgreement,
    Preference,
    RatedCriterion,
    RaterFacts,
    RatingDifference,
    Strength,
    StudyResult,
)
from dialora.report.people import build_study_tables
from dialora.report.tables import Table


def build() -> StudyResult:
    return StudyResult(
        name="study",
        design="both",
        labels={"full": "Full", "lora": "LoRA"},
        criteria={"fluency": "Fluency"},
        num_dialogues=20,
        num_raters=2,
        num_judgements=60,
        num_asked=60,
        preferences=(
            Preference("lora", "full", 30, 8, 1, 1, 20, 0.775, 0.6, 0.9, 0.001, 0.001, 0),
            Preference("full", "lora", 10, 11, 1, 1, 20, 0.49, 0.4, 0.6, 0.7, 0.7, None),
        ),
        strengths=(Strength("full", -0.6, -0.9, -0.3), Strength("lora", 0.6, 0.3, 0.9)),
        ratings=(RatedCriterion("lora", "fluency", 4.2, 3.9, 4.5, 40),),
        rating_differences=(RatingDifference("lora", "full", "fluency", -0.001, -0.3, 0.3, 0.9, 0.9, 1234),),
        agreements=(
            Agreement("preference", -0.05, -0.2, 0.1, 20),
            Agreement("fluency", None, None, None, 0),
        ),
        raters=(
            RaterFacts(1, 30, 30, 21.0, 2, 2, 0.5, 0.6, None, 0.7, ""),
            RaterFacts(2, 30, 30, None, 0, 3, None, None, None, None, "failed 3 of 3 attention checks"),
        ),
        errors=(ErrorShare("lora", "invented", "Invented", 1, 0.05, 0.0, 0.2),),
        metrics=(
            MetricAgreement("rouge1", "dialogue", "preference", 0.2, 0.0, 0.4, 20),
            MetricAgreement("rouge1", "system", "preference", None, None, None, 1),
        ),
        position=None,
        notes=(),
    )


def find(key: str) -> Table:
    return next(table for table in build_study_tables(build()) if table.key == f"people-{key}")


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_what_is_asked_for_first_comes_first_and_nothing_is_empty() -> None:
    tables = build_study_tables(build())
    assert [table.title for table in tables[:3]] == ["Preferred by people", "Rated by people", "Differences of ratings"]
    assert all(table.rows for table in tables)
    assert all(len(row.cells) == len(table.columns) for table in tables for row in table.rows)


def test_only_what_is_clear_is_strong_and_a_dash_is_no_number() -> None:
    clear, unclear = find("preferences").rows
    assert [cell.text for cell in clear.cells] == ["LoRA to Full", "77.5 %", "30 : 8", "20", "0.0010", "0"]
    assert clear.cells[1].details == ("[60.0, 90.0]",)
    assert (clear.cells[1].is_strong, unclear.cells[1].is_strong) == (True, False)
    assert unclear.cells[-1].text == "–"


def test_signs_and_zeros() -> None:
    assert texts(find("strengths")) == [["LoRA", "+0.60"], ["Full", "−0.60"]]
    (row,) = find("differences").rows
    # No minus before a zero, and how many more judgements it would take.
    assert row.cells[1].text == "0.00"
    assert row.cells[1].details == ("[−0.30, 0.30]", "p 0.9000", "1,234 more")
    assert texts(find("agreement")) == [["Preference", "−0.05", "20"], ["Fluency", "–", "0"]]


def test_a_level_without_a_tau_has_no_row_and_who_is_left_out_is_told() -> None:
    assert [row.cells[0].details for row in find("metrics").rows] == [("of a dialogue",)]
    one, two = find("raters").rows
    assert one.cells[0].details == ()
    assert two.cells[0].details == ("left out: failed 3 of 3 attention checks",)
    assert [cell.text for cell in two.cells[2:]] == ["–", "0 of 3", "–", "–", "–", "–"]
