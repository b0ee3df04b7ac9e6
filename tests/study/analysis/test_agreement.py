"""Krippendorff's alpha: published examples, the library, and the interval over items."""

import math
from collections.abc import Sequence
from dataclasses import replace

import krippendorff
import numpy as np
import pytest

from dialora.comparison.draws import Counts
from dialora.study.analysis import build_result
from dialora.study.analysis.agreement import (
    NOMINAL,
    ORDINAL,
    count_values,
    measure_agreement,
    measure_agreements,
    resample_alpha,
)
from dialora.study.analysis.unblind import unblind
from dialora.study.judgements import ANSWERED, Event, Judgement
from dialora.study.records import FIRST, SECOND
from dialora.study.serving.progress import measure_progress
from tests.study.analysis.simulation import CRITERIA, Layout, Rater, draw_layout, draw_qualities, judge

N = None
NOW = "2026-03-01T09:00:00+00:00"
# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section D: four observers, twelve units.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3),
    (N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N),
)
# Three coders, fifteen units: the example of Wikipedia's article on alpha.
CODERS = (
    (N, N, N, N, N, 3, 4, 1, 2, 1, 1, 3, 3, N, 3),
    (1, N, 2, 1, 3, 3, 4, 3, N, N, N, N, N, N, N),
    (N, N, 2, 1, 3, 4, 4, N, 2, 1, 1, 3, 3, N, 4),
)
Table = tuple[tuple[int | None, ...], ...]


def by_item(table: Table) -> dict[object, list[int]]:
    return {unit: [row[unit] - 1 for row in table if row[unit] is not None] for unit in range(len(table[0]))}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("table", "level", "published"),
    [(OBSERVERS, NOMINAL, 0.743), (OBSERVERS, ORDINAL, 0.815), (CODERS, NOMINAL, 0.691)],
)
def test_published_examples(table: Table, level: str, published: float) -> None:
    found = measure_agreement("it", by_item(table), level, 5)
    assert found.alpha == pytest.approx(published, abs=0.0005)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < found.alpha <= found.ci_high


class _EachItemOnce(Counts):
    def blocks(self):  # type: ignore[no-untyped-def]
        yield 0, np.ones((1, self.num_examples))


@pytest.mark.parametrize("level", [NOMINAL, ORDINAL])
def test_resampled_alpha_is_the_librarys(level: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        table = rng.integers(0, 5, (4, 30)).astype(float)
        table[:, ::2] = table[0, ::2]
        table[rng.random(table.shape) < 0.3] = np.nan
        given = [[int(value) for value in column if not math.isnan(value)] for column in table.T]
        counts = count_values(given, 5)
        counts = counts[counts.sum(axis=1) > 1]
        expected = krippendorff.alpha(table, level_of_measurement=level, value_domain=list(range(5)))
        (alpha,) = resample_alpha(counts, level, _EachItemOnce(len(counts), 1, 0))
        assert alpha == pytest.approx(expected)


def test_nothing_judged_twice_or_one_answer_alone_has_no_alpha() -> None:
    alone = measure_agreement("it", {1: [0], 2: [1]}, NOMINAL, 4)
    assert (alone.alpha, alone.ci_low, alone.num_items) == (None, None, 0)
    same = measure_agreement("it", {1: [2, 2], 2: [2, 2]}, NOMINAL, 4)
    assert (same.alpha, same.num_items) == (None, 2)


def test_full_agreement_on_two_items_bounds_nothing() -> None:
    found = measure_agreement("it", {1: [0, 0], 2: [1, 1], 3: [0, 0]}, NOMINAL, 4)
    assert (found.alpha, found.ci_low, found.ci_high) == (1, None, None)


def test_raters_of_one_mind_agree_and_others_do_not() -> None:
    layout = draw_layout(num_dialogues=40, design="both")
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 0.0}, rng, spread=3.0)
    alike = judge(layout, [Rater(noise=0.01)] * 3, qualities, rng)
    apart = judge(layout, [Rater(noise=30.0)] * 3, qualities, rng)
    of_alike = {one.what: one for one in measure_agreements(layout.blind.sheets, alike, CRITERIA)}
    of_apart = {one.what: one for one in measure_agreements(layout.blind.sheets, apart, CRITERIA)}
    assert list(of_alike) == ["preference", *CRITERIA]
    for what, found in of_alike.items():
        assert (found.alpha or 0) > 0.9
        assert (of_apart[what].ci_low or 0) < 0.1
        assert abs(of_apart[what].alpha or 0) < 0.3


def test_a_merged_text_is_one_judgement_of_agreement() -> None:
    same = [(f"d{at}", "zero", "full") for at in range(20)]
    layout = draw_layout(("full", "lora", "zero"), num_dialogues=20, identical=same)
    rng = np.random.default_rng(0)
    qualities = draw_qualities(layout, {"full": 0.0, "lora": 0.0, "zero": 0.0}, rng)
    judgements = judge(layout, [Rater()] * 3, qualities, rng)
    (found,) = measure_agreements(layout.blind.sheets, judgements, ())
    assert len(unblind(layout.key, layout.blind.sheets, judgements).preferred) == 2 * 60
    assert found.num_items == 20


def choose(layout: Layout, system: str, raters: Sequence[int] = (1, 2, 3)) -> list[Judgement]:
    """Each rater prefers what this system wrote, wherever it stands."""
    found = []
    for sheet in layout.blind.sheets:
        for place, entry in enumerate(sheet.entries):
            at = [system in writers for writers in layout.judged[entry.item].writers].index(True)
            answer = FIRST if bool(at) == entry.is_swapped else SECOND
            found.append(Judgement(sheet.number, entry.item, place, answer=answer))
    return [one for one in found if one.sheet in raters]


def test_raters_agree_however_far_ahead_a_system_is() -> None:
    layout = draw_layout(num_dialogues=30)
    sheets, same = layout.blind.sheets, choose(layout, "lora")
    (found,) = measure_agreements(sheets, same, ())
    assert found.alpha == 1
    # One rater in three picks the other one in every tenth dialogue.
    other = {one.item: one for one in choose(layout, "full", (1,))}
    mixed = [other[one.item] if one.sheet == 1 and int(one.item[1:].split("-")[0]) % 10 == 0 else one for one in same]
    (found,) = measure_agreements(sheets, mixed, ())
    # By hand: 3 of 30 triples have two of three pairs apart; by chance half of all are, of 180 values in either order.
    assert found.alpha == pytest.approx(1 - (3 * 2 / 3 / 30) / (0.5 * 180 / 179))
    assert found.ci_low is not None
    assert found.ci_low < found.alpha <= (found.ci_high or 0)


def test_which_text_is_the_first_changes_nothing() -> None:
    layout = draw_layout(num_dialogues=40)
    rng = np.random.default_rng(0)
    judgements = judge(layout, [Rater()] * 3, draw_qualities(layout, {"full": 0.0, "lora": 1.0}, rng), rng)
    sheets = [
        replace(sheet, entries=tuple(replace(one, is_swapped=one.is_swapped ^ (sum(map(ord, one.item)) % 2 == 0))
                                     for one in sheet.entries))
        for sheet in layout.blind.sheets
    ]  # fmt: skip
    (one,), (other,) = (measure_agreements(drawn, judgements, ()) for drawn in (layout.blind.sheets, sheets))
    assert (one.alpha, one.ci_low, one.ci_high) == pytest.approx((other.alpha, other.ci_low, other.ci_high))


def test_the_owner_of_a_blind_study_reads_the_reports_alpha() -> None:
    layout = draw_layout(num_dialogues=30, design="both")
    rng = np.random.default_rng(0)
    judgements = judge(layout, [Rater()] * 3, draw_qualities(layout, {"full": 0.0, "lora": 2.0}, rng), rng)
    events = [
        Event(f"e{at}", one.sheet, ANSWERED, one.item, {"answer": one.answer, "scores": one.scores}, 9.0, NOW)
        for at, one in enumerate(judgements)
    ]
    said = {one.what: one.alpha for one in measure_progress(layout.blind, events).agreements}
    reported = {one.what: one.alpha for one in build_result(layout.blind, layout.key, judgements).agreements}
    assert list(said) == ["preference", *CRITERIA]
    assert said == pytest.approx(reported)
