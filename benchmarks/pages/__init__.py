"""Which pages come out: docs/benchmarks.json, docs/benchmarks.md, docs/notebook-recipe.md and their figures.

Takes raw measurements and what an earlier document says; measures nothing.
"""

from benchmarks.pages.writing import write_report

__all__ = ["write_report"]
