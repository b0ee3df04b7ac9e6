"""Statistics over runs: from per-dialogue scores to intervals, differences and a verdict; yardsticks beside them.

Takes what `scoring` gave for each run, as it lies on disk, and scores no system again; gives a Comparison. Yardsticks,
people and floors, are scored here, since they are what systems are compared with. The unit is the dialogue everywhere:
seeds are averaged within one first. Guarantees that the same scores give the same numbers.
"""

from dialora.comparison.compare import aggregate_references, compare_systems
from dialora.comparison.results import Comparison, Difference, Interval, RunResult, System, SystemRuns
from dialora.scoring import METRICS

__all__ = [
    "METRICS",
    "Comparison",
    "Difference",
    "Interval",
    "RunResult",
    "System",
    "SystemRuns",
    "aggregate_references",
    "compare_systems",
]
