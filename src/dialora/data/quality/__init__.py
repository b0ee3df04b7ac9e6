"""What is wrong or odd in a data set, before anything is trained on it. Findings are places to look at, no verdicts."""

from dialora.data.quality.check import (
    KINDS,
    DataCheck,
    DataFinding,
    DuplicatePair,
    Duplicates,
    Lengths,
    check_data,
    find_duplicates,
)

__all__ = [
    "KINDS",
    "DataCheck",
    "DataFinding",
    "DuplicatePair",
    "Duplicates",
    "Lengths",
    "check_data",
    "find_duplicates",
]
