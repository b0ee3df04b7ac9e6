"""dialora: on your own dialogues, is LoRA as good as full fine-tuning, how sure are we, and what did each cost?

    import dialora

    comparison = dialora.compare("bundled")
    print(comparison.verdict)
    comparison.frame()

Importing this package loads neither torch nor transformers; the functions do when they need them.
"""

from __future__ import annotations

from importlib import import_module

# Not typing's: it takes as long to import as the rest here, and Ctrl-C meanwhile is nobody's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dialora.api import check, check_data, compare, load_model, params, score_outputs, summarize
    from dialora.comparison import Comparison
    from dialora.config import ExperimentConfig, load_experiment
    from dialora.errors import DialoraError

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "dialora.comparison",
    "DialoraError": "dialora.errors",
    "ExperimentConfig": "dialora.config",
    "check": "dialora.api",
    "check_data": "dialora.api",
    "compare": "dialora.api",
    "load_experiment": "dialora.config",
    "load_model": "dialora.api",
    "params": "dialora.api",
    "score_outputs": "dialora.api",
    "summarize": "dialora.api",
}

__all__ = [
    "Comparison",
    "DialoraError",
    "ExperimentConfig",
    "check",
    "check_data",
    "compare",
    "load_experiment",
    "load_model",
    "params",
    "score_outputs",
    "summarize",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dialora' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
