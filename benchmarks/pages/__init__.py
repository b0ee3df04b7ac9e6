"""Which pages come out: docs/benchmarks.md, docs/notebook-recipe.md, their figures, and what README says of speed.

Takes the document of all recorded runs; measures nothing.
"""

from benchmarks.pages.writing import write_pages

__all__ = ["write_pages"]
