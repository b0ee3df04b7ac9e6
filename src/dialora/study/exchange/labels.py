"""What other tools call a study's answers: what their raters choose from, and what comes back."""

from dialora.study.records import FIRST, NEITHER, SECOND, TIE

CHOICES = {FIRST: "A is better", SECOND: "B is better", TIE: "Equally good", NEITHER: "Both are bad"}
"""Of a pair, by answer."""
SCORE = "score_"
"""Stands before a criterion's key, so that no name is another question's."""

__all__ = ["CHOICES", "SCORE"]
