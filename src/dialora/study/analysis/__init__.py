"""What raters' judgements say of the systems: preferences, strengths, ratings, agreement, and how sure all of it is.

Takes a study's key, its sheets and its events; gives `comparison.people.StudyResult`. The unit is the dialogue
everywhere, and attention checks and repeats are no judgements. How well intervals cover stands in decision 17.
"""

from dialora.study.analysis.analyse import analyse_study, build_result
from dialora.study.analysis.power import simulate_power

__all__ = ["analyse_study", "build_result", "simulate_power"]
