"""Power by simulation: it is that of the analysis itself, grows with size, and is the same every time."""

import re

import numpy as np
import pytest

from dialora.study.analysis.power import build_power_table, draw_shares, find_lead, simulate_power
from dialora.study.analysis.preferences import compare_preferences
from dialora.study.analysis.unblind import Preferred, Unblinded
from tests.conftest import ROOT

PAIR = ("lora", "full")


def find(shares: np.ndarray, seed: int) -> bool:
    """Analyse one study, (num_dialogues, num_raters), in which sides alternate."""
    rows = tuple(
        Preferred(f"d{dialogue}", rater, f"i{dialogue}", *PAIR, float(share), False, (dialogue + rater) % 2 == 0)
        for (dialogue, rater), share in np.ndenumerate(shares)
    )
    unblinded = Unblinded((PAIR,), rows, (), {PAIR: ()}, {PAIR: len(shares)})
    return compare_preferences(unblinded, seed=seed, num_resamples=1000)[0].is_clear


@pytest.mark.parametrize(("dialogues", "raters", "share"), [(40, 3, 0.6), (60, 1, 0.65), (20, 5, 0.6)])
def test_power_is_how_often_the_analysis_itself_finds_it(dialogues: int, raters: int, share: float) -> None:
    (told,) = simulate_power([dialogues], [raters], [share], num_studies=4000, seed=1)
    studies = draw_shares(400, dialogues, raters, share, np.random.default_rng(2))
    found = np.mean([find(study, seed) for seed, study in enumerate(studies)])
    # Two standard errors of four hundred studies are 5 %.
    assert told.power == pytest.approx(found, abs=0.06)


def test_shares_are_those_that_were_asked_for() -> None:
    for share in (0.5, 0.55, 0.7, 0.99):
        drawn = draw_shares(500, 100, 4, share, np.random.default_rng(0))
        assert drawn.mean() == pytest.approx(share, abs=0.01)
    assert find_lead(0.5) == pytest.approx(0, abs=1e-6)


def test_more_dialogues_raters_and_preference_are_found_more_often_and_none_rarely() -> None:
    found = {
        (one.num_dialogues, one.num_raters, one.share): one.power
        for one in simulate_power([20, 100], [1, 5], [0.5, 0.6])
    }
    # 5 %, and three standard errors of two thousand studies.
    assert all(power <= 0.065 for (_, _, share), power in found.items() if share == 0.5)
    assert found[20, 1, 0.6] < found[20, 5, 0.6] < found[100, 5, 0.6]
    assert found[20, 1, 0.6] < found[100, 1, 0.6]


def test_it_is_seeded_and_cells_do_not_depend_on_each_other() -> None:
    (alone,) = simulate_power([40], [3], [0.6], num_studies=300)
    among = simulate_power([20, 40], [1, 3], [0.55, 0.6], num_studies=300)
    assert alone in among
    assert simulate_power([40], [3], [0.6], num_studies=300, seed=1) != (alone,)


def test_the_table_has_a_row_for_each_size_and_says_what_is_assumed() -> None:
    table = build_power_table(simulate_power([20, 40], [1, 3], [0.55, 0.7], num_studies=200))
    assert [[cell.text for cell in row.cells[:3]] for row in table.rows] == [
        ["20", "1", "20"],
        ["20", "3", "60"],
        ["40", "1", "40"],
        ["40", "3", "120"],
    ]
    assert table.columns[3:] == ("55 %", "70 %")
    assert "Assumed" in table.footnote


def test_the_guides_table_is_what_the_command_prints() -> None:
    page = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    block = page.split("<!-- power -->")[1].split("<!-- end of power -->")[0]
    told = {(one.num_dialogues, one.num_raters, one.share): one.power for one in simulate_power()}
    rows = [list(map(int, re.findall(r"\d+", line))) for line in block.strip().splitlines()[2:]]
    assert len(rows) >= 5
    for dialogues, raters, judgements, *percents in rows:
        assert judgements == dialogues * raters
        assert percents == [round(100 * told[dialogues, raters, share]) for share in (0.55, 0.6, 0.65, 0.7)]
