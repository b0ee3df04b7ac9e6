"""Faithfulness without a second model: what a summary says that its dialogue does not.

    quantities.py         times, prices and numbers of a text
    spoken_quantities.py  those that a dialogue does not say
    names.py              names and speaker tags
    roles.py              who asked, who told
    measures.py           one summary: all of these, and length, compression, novelty, repetition

Words are English; everything is counted, nothing learned: the same text gives the same numbers. What cannot be told is
left open rather than guessed, so the counts are a lower bound of what is wrong.
"""

from dialora.scoring.faithfulness.measures import (
    KINDS,
    SpokenDialogue,
    SummaryFaithfulness,
    UnsupportedEntity,
    collect_vocabulary,
    find_unsupported_spans,
    list_unsupported,
    measure_summary,
    split_words,
)

__all__ = [
    "KINDS",
    "SpokenDialogue",
    "SummaryFaithfulness",
    "UnsupportedEntity",
    "collect_vocabulary",
    "find_unsupported_spans",
    "list_unsupported",
    "measure_summary",
    "split_words",
]
