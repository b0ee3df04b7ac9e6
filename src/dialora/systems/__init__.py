"""A trained system found on disk again and used: to summarize files of any length, or measured in bf16 and int8.

Takes a run's or an experiment's folder. Reads what `store` laid out; makes nothing but the system's conversion, which
is kept beside the run. Loads torch when something is summarized, not before.
"""

from dialora.systems.system import System, find_system

__all__ = ["System", "find_system"]
