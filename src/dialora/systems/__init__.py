"""Systems in use: found wherever they lie, and made to summarize conversations of any length, or measured in bf16 and
int8.

    kinds/         what can be a system, and which one a name is
    items.py       what is to be summarized, one after the other; spooling.py keeps standard input
    reading.py     items → what a system reads of them; splitting.py cuts what is too long, options.py says how
    writing.py     what was read → Summaries (summary.py), in batches, with names; evidence.py says what they stand on
    summarizer.py  the same for whoever calls, one or many
    summaries.py   files → a file of summaries (output.py, rendering.py; beside.py), which goes on after a kill
    many_workers.py  the same by several workers: shards.py are what they share, shard_job.py what each of them does
    precision.py   what a lower precision changes

Loads torch when something is summarized, not before. Makes nothing but a system's conversion, kept beside its run or in
the user's cache.
"""

from dialora.systems.kinds import System, find_system, find_winner

__all__ = ["System", "find_system", "find_winner"]
