"""Other people's outputs: a table of references and summaries → the same comparison and report as our own runs.

Takes an OutputsConfig, gives a Comparison. Needs no model unless a learned metric is asked for.
"""

from dialora.outputs.columns import is_table
from dialora.outputs.score import score_outputs
from dialora.outputs.table import Outputs, SystemOutputs, load_outputs

__all__ = ["Outputs", "SystemOutputs", "is_table", "load_outputs", "score_outputs"]
