"""Faithfulness without a second model: what summaries say that their dialogues do not.

    quantities.py   times, prices and numbers
    names.py        names and speaker tags
    roles.py        who asked, who told
    measures.py     one summary: all of these, and length, compression, novelty, repetition
    systems.py      means with intervals, one row per system and one for people
    stage.py        the same kept on disk

Words are English; everything is counted, nothing learned: the same text gives the same numbers. What cannot be told is
left open rather than guessed, so the counts are a lower bound of what is wrong.
"""

from dialora.faithfulness.measures import (
    SpokenDialogue,
    SummaryFaithfulness,
    UnsupportedEntity,
    collect_vocabulary,
    measure_summary,
)
from dialora.faithfulness.stage import measure_once
from dialora.faithfulness.systems import (
    HUMAN,
    MEASURES,
    SystemFaithfulness,
    aggregate_systems,
    measure_systems,
)

__all__ = [
    "HUMAN",
    "MEASURES",
    "SpokenDialogue",
    "SummaryFaithfulness",
    "SystemFaithfulness",
    "UnsupportedEntity",
    "aggregate_systems",
    "collect_vocabulary",
    "measure_once",
    "measure_summary",
    "measure_systems",
]
