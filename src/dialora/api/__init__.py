"""The same as the command line, as functions with objects in and out.

`experiment` is everywhere a file, the name of a shipped experiment, a mapping or an ExperimentConfig, and `set` holds
overrides, as `["training.max_steps=10"]` or `{"training.max_steps": 10}`. `output` is the experiment's folder,
`runs/<name>` when it is not given, and `observer` is told what happens. All of them raise DialoraError.
"""

from dialora.api.comparisons import examples, load_comparison, score_outputs
from dialora.api.experiments import compare, describe_launch, generate, report, score, status, train, tune
from dialora.api.inspection import check, check_data, methods, params
from dialora.api.publishing import publish
from dialora.api.study import analyse_study, create_study
from dialora.api.systems import export_run, load, load_model, parity, summarize, summarize_files
from dialora.api.tables import TableSummarizer

__all__ = [
    "TableSummarizer",
    "analyse_study",
    "check",
    "check_data",
    "compare",
    "create_study",
    "describe_launch",
    "examples",
    "export_run",
    "generate",
    "load",
    "load_comparison",
    "load_model",
    "methods",
    "params",
    "parity",
    "publish",
    "report",
    "score",
    "score_outputs",
    "status",
    "summarize",
    "summarize_files",
    "train",
    "tune",
]
