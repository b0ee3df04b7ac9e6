"""The command line: the verbs of `api` as commands, a small module for each group of them, and no logic.

Importing it loads neither torch nor transformers.
"""

from dialora.cli import data, experiments, inspection, systems
from dialora.cli.app import app, main

__all__ = ["app", "data", "experiments", "inspection", "main", "systems"]
