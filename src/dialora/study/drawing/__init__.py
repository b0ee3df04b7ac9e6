"""How a study comes to be: dialogues drawn, texts blinded and merged, positions balanced, checks and repeats planted.

Takes finished comparisons, gives a study's folder. Guarantees that nothing shown follows from a seed, that every
system stands first as often as each other one, and that nothing is written over.
"""

from dialora.study.drawing.create import create_study, draw_study
from dialora.study.drawing.drawn import DrawnSheet, DrawnStudy
from dialora.study.drawing.options import StudyOptions

__all__ = ["DrawnSheet", "DrawnStudy", "StudyOptions", "create_study", "draw_study"]
