"""The command line: the verbs of `api` as commands, a small module for each group of them, and no logic.

Importing it loads neither torch nor transformers.
"""

from dialora.cli.app import app, main

# A command is entered by being defined; their order here is that of the help.
from dialora.cli import experiments, status, examples, systems, export, publishing, serve, inspection, data  # noqa: F401 # isort: skip
from dialora.cli import study_create, study_serve, study_exchange, study_analyse  # noqa: F401 # isort: skip

__all__ = ["app", "main"]
