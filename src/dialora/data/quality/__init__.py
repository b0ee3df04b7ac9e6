"""What is wrong or odd in a data set, before anything is trained on it. Findings are places to look at, no verdicts."""

from dialora.data.quality.check import (
    KINDS,
    DataCheck,
    Duplicates,
    Lengths,
    check_data,
)

__all__ = [
    "KINDS",
    "DataCheck",
    "Duplicates",
    "Lengths",
    "check_data",
]
