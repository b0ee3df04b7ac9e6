"""Systems in use: found wherever they lie, and made to summarize conversations of any length, or measured in bf16 and
int8.

    finding.py    which system a name is; runs.py, foreign.py and converted.py are its kinds
    items.py      what is to be summarized, one after the other
    writing.py    items → Summaries: parts, batches, names; splitting.py cuts what is too long
    summarizer.py the same for whoever calls, one or many
    summaries.py  files → a file of summaries (output.py), which goes on after a kill

Loads torch when something is summarized, not before. Makes nothing but a system's conversion, kept beside its run or in
the user's cache.
"""

from dialora.systems.finding import find_system, find_winner
from dialora.systems.system import System

__all__ = ["System", "find_system", "find_winner"]
