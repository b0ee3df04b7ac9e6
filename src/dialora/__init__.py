"""dialora: on your own dialogues, is LoRA as good as full fine-tuning, how sure are we, and what did each cost?

    import dialora

    comparison = dialora.compare("bundled")
    print(comparison.verdict)
    comparison.frame()
    print(comparison.examples(3))

Importing this package loads neither torch nor transformers; the functions do when they need them.
"""

from __future__ import annotations

from importlib import import_module

# Not typing's: it takes as long to import as the rest here, and Ctrl-C meanwhile is nobody's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dialora.api import (
        TableSummarizer,
        analyse_study,
        check,
        check_data,
        compare,
        create_study,
        examples,
        export_run,
        generate,
        load,
        load_comparison,
        load_model,
        params,
        publish,
        score,
        score_outputs,
        summarize,
        train,
    )
    from dialora.comparison import Comparison
    from dialora.config import ExperimentConfig, load_experiment
    from dialora.errors import DialoraError

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "dialora.comparison",
    "DialoraError": "dialora.errors",
    "ExperimentConfig": "dialora.config",
    "TableSummarizer": "dialora.api",
    "analyse_study": "dialora.api",
    "check": "dialora.api",
    "check_data": "dialora.api",
    "compare": "dialora.api",
    "create_study": "dialora.api",
    "examples": "dialora.api",
    "export_run": "dialora.api",
    "generate": "dialora.api",
    "load": "dialora.api",
    "load_comparison": "dialora.api",
    "load_experiment": "dialora.config",
    "load_model": "dialora.api",
    "params": "dialora.api",
    "publish": "dialora.api",
    "score": "dialora.api",
    "score_outputs": "dialora.api",
    "summarize": "dialora.api",
    "train": "dialora.api",
}

__all__ = [
    "Comparison",
    "DialoraError",
    "ExperimentConfig",
    "TableSummarizer",
    "analyse_study",
    "check",
    "check_data",
    "compare",
    "create_study",
    "examples",
    "export_run",
    "generate",
    "load",
    "load_comparison",
    "load_experiment",
    "load_model",
    "params",
    "publish",
    "score",
    "score_outputs",
    "summarize",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dialora' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
