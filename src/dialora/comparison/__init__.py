"""Statistics over runs: from per-dialogue scores to intervals, differences and a verdict."""

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
