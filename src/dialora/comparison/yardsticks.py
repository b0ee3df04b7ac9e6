"""Yardsticks: what people score, and what costs nothing, on the same dialogues and under the same protocol.

Takes test Examples, gives SystemRuns that the tables show beside the systems. `human` leaves one reference out: each is
scored as if a system had written it, against the dialogue's others, and the mean is taken. `lead-2` is the dialogue's
first two turns and `longest-2` its longest two, in their order, speakers included. A system below a floor has learned
nothing about summarizing; none needs to be above `human`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from dialora.comparison import METRICS
from dialora.comparison.compare import aggregate_references
from dialora.comparison.results import RunResult, SystemRuns
from dialora.config import ScoringConfig, stable_hash
from dialora.protocols import Protocol
from dialora.records import Cost, Example, ExampleScores
from dialora.scoring import score_summaries, score_summary
from dialora.scoring.learned import LearnedMetrics
from dialora.store import ExperimentFolder, Stage, load_records, names, save_records

NUM_TURNS = 2
LABELS = {"human": "Human", "lead-2": "First two turns", "longest-2": "Longest two turns"}


def lead_turns(dialogue: str) -> str:
    """Return the first two turns."""
    return "\n".join(_split_turns(dialogue)[:NUM_TURNS])


def longest_turns(dialogue: str) -> str:
    """Return the two turns with the most words, the earlier of equal ones, in the order they are said."""
    turns = _split_turns(dialogue)
    longest = sorted(range(len(turns)), key=lambda at: -len(turns[at].split()))[:NUM_TURNS]
    return "\n".join(turns[at] for at in sorted(longest))


def plan_yardsticks(folder: ExperimentFolder, fingerprint: str, scorer: str) -> Stage:
    """Lay out the stage in an experiment's folder; `fingerprint` is the test examples'.

    `scorer` is what scores depend on, as `describe_scorer` says it.
    """
    return folder.yardsticks(stable_hash(["yardsticks.v1", fingerprint, scorer, version("rouge_score")]))


def make_yardsticks(stage: Stage, examples: Sequence[Example], protocol: Protocol, learned: LearnedMetrics) -> None:
    """Score what these examples allow and save it.

    Without a dialogue's text there are no floors, and where some dialogue has a single reference no human row: its mean
    would be over other dialogues than the systems'.
    """
    scores: dict[str, list[ExampleScores]] = {}
    if all(len(example.references) > 1 for example in examples):
        people = [ExampleScores(example.id, score_people(example, protocol)) for example in examples]
        scores["human"] = learned.add_people(people, examples)
    if all(example.dialogue for example in examples):
        for key, choose in (("lead-2", lead_turns), ("longest-2", longest_turns)):
            turns = [choose(example.dialogue) for example in examples]
            scores[key] = learned.add_systems(score_summaries(examples, turns, protocol), examples, turns)
    learned.take_facts()  # what is told is what is known of the systems' summaries
    with stage.writing() as folder:
        for key, items in scores.items():
            save_records(items, folder / names.yardstick_scores(key))


def load_yardsticks(stage: Stage, scoring: ScoringConfig) -> list[SystemRuns]:
    """Return the yardsticks as systems, in the order of the tables. Raises StageError when they are not made."""
    folder = stage.require()
    rows = []
    for key, label in LABELS.items():
        path = folder / names.yardstick_scores(key)
        if not path.is_file():
            continue
        scores = load_records(ExampleScores, path)
        if key == "human":
            scores = [leave_one_out(item, scoring.references) for item in scores]
        rows.append(SystemRuns(key, key, label, (RunResult(0, Cost(None, None), tuple(scores)),)))
    return rows


def score_people(example: Example, protocol: Protocol) -> dict[str, list[float]]:
    """Score each of the k references against each other one: k × (k − 1) values, by the one that is scored."""
    scores: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for at, summary in enumerate(example.references):
        others = example.references[:at] + example.references[at + 1 :]
        for metric, values in score_summary(summary, others, protocol).items():
            scores[metric] += values
    return scores


def leave_one_out(scores: ExampleScores, references: str) -> ExampleScores:
    """Reduce `score_people`'s values to one per metric, which stands k times, as a system's scores do.

    The left-out references' scores are aggregated over the others as a system's are over all, then averaged.
    """
    reduced = {}
    for metric, values in scores.scores.items():
        # k × (k − 1) values: k is the root, rounded up.
        k = math.isqrt(len(values)) + 1
        rows = [values[at : at + k - 1] for at in range(0, len(values), k - 1)]
        reduced[metric] = [float(np.mean([aggregate_references(row, references) for row in rows]))] * k
    return ExampleScores(scores.id, reduced)


def _split_turns(dialogue: str) -> list[str]:
    return [line for line in dialogue.split("\n") if line.strip()]


__all__ = [
    "lead_turns",
    "leave_one_out",
    "load_yardsticks",
    "longest_turns",
    "make_yardsticks",
    "plan_yardsticks",
    "score_people",
]
