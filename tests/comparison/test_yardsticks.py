"""Yardsticks: people and floors under the systems' protocol, in every table and in no test."""

from pathlib import Path

import numpy as np
import pytest

from dialora.comparison import METRICS, RunResult, SystemRuns, compare_systems
from dialora.comparison.yardsticks import lead_turns, load_yardsticks, longest_turns, make_yardsticks, plan_yardsticks
from dialora.config import ScoringConfig
from dialora.errors import StageError
from dialora.protocols import LAB, STANDARD
from dialora.records import Cost, Example, ExampleScores
from dialora.scoring import score_summary
from dialora.scoring.learned import LearnedMetrics
from dialora.store import ExperimentFolder

DIALOGUE = (
    "Ann: Hi.\n\nBen: Hello, how are you today?\nAnn: I am fine, thank you very much.\nBen: Good to hear, truly so."
)
REFERENCES = ("Ann greets Ben.", "Ben and Ann greet.", "They say hello.")


def make(root: Path, *examples: Example, scoring: ScoringConfig = ScoringConfig()) -> list[SystemRuns]:  # noqa: B008
    stage = plan_yardsticks(ExperimentFolder(root), "f", STANDARD.scorer)
    make_yardsticks(stage, examples, STANDARD, LearnedMetrics(scoring))
    return load_yardsticks(stage, scoring)


def test_floors_are_turns_of_the_dialogue() -> None:
    assert lead_turns(DIALOGUE) == "Ann: Hi.\nBen: Hello, how are you today?"
    # The second and the fourth turn have six words each: the earlier one counts as longer.
    assert longest_turns(DIALOGUE) == "Ben: Hello, how are you today?\nAnn: I am fine, thank you very much."
    assert lead_turns("Only one.") == longest_turns("Only one.") == "Only one."


@pytest.mark.parametrize(("references", "reduce"), [("mean", np.mean), ("max", max)])
def test_human_leaves_one_reference_out(tmp_path: Path, references: str, reduce: object) -> None:
    example = Example("a", DIALOGUE, REFERENCES)
    human = make(tmp_path, example, scoring=ScoringConfig(references=references))[0]
    assert (human.key, human.label) == ("human", "Human")
    for metric in METRICS:
        by_hand = []
        for at, left_out in enumerate(REFERENCES):
            others = REFERENCES[:at] + REFERENCES[at + 1 :]
            by_hand.append(reduce(score_summary(left_out, others)[metric]))  # type: ignore[operator]
        # Once per reference, so that any way to reduce references gives the same.
        assert human.runs[0].scores[0].scores[metric] == [pytest.approx(np.mean(by_hand), abs=1e-15)] * 3


def test_what_cannot_be_measured_has_no_row(tmp_path: Path) -> None:
    two, one = Example("a", DIALOGUE, REFERENCES[:2]), Example("b", DIALOGUE, REFERENCES[:1])
    assert [row.key for row in make(tmp_path / "1", two)] == ["human", "lead-2", "longest-2"]
    assert [row.key for row in make(tmp_path / "2", two, one)] == ["lead-2", "longest-2"]
    assert [row.key for row in make(tmp_path / "3", Example("a", "", REFERENCES))] == ["human"]
    assert make(tmp_path / "4", Example("a", "", REFERENCES[:1])) == []


def test_they_are_made_once_for_a_protocol(tmp_path: Path) -> None:
    example = Example("a", DIALOGUE, REFERENCES)
    make(tmp_path, example)
    assert plan_yardsticks(ExperimentFolder(tmp_path), "f", STANDARD.scorer).is_complete
    with pytest.raises(StageError, match="yardsticks"):
        load_yardsticks(plan_yardsticks(ExperimentFolder(tmp_path), "f", LAB.scorer), ScoringConfig())


def test_they_stand_below_and_enter_no_pair() -> None:
    def runs(key: str, values: np.ndarray) -> SystemRuns:
        scores = tuple(ExampleScores(str(i), {metric: [float(v)] for metric in METRICS}) for i, v in enumerate(values))
        return SystemRuns(key, key, key, (RunResult(0, Cost(None, None), scores),))

    values = np.linspace(0, 0.5, 30)
    systems, human = [runs("a", values), runs("b", values + 0.1)], runs("human", values + 0.4)
    options = {"experiment": "x", "protocol": "", "scoring": ScoringConfig(num_resamples=500)}
    plain, with_human = compare_systems(systems, **options), compare_systems(systems, **options, yardsticks=[human])
    assert [system.yardstick for system in with_human.systems] == [False, False, True]
    assert with_human.systems[2].scores["rouge1"].mean == pytest.approx(0.65)
    assert (with_human.comparisons, with_human.verdict) == (plain.comparisons, plain.verdict)
