"""METHODS: one small frozen class per method of adapting the base model.

A method owns all that is particular to it: its options and their defaults, its learning rate and where a search for
it should look, its PEFT config, how its weights are put on a model, its optimizer, and what it does after each step.
What every method is and may decide stands in `config.method`, since an experiment file is checked with it. Adding a
method is adding a class to one of these modules, or a module with a class: every module here is imported, and a class
enters METHODS by being defined. Nothing else names methods. Importing this package loads neither torch nor peft.
"""

from __future__ import annotations

from dialora.config.extensions import import_modules
from dialora.config.method import METHODS, Method

# The order of METHODS is the order of the tables: whole models, then LoRA, then the others by module.
from dialora.methods.whole import Full, ZeroShot  # isort: skip
from dialora.methods.low_rank import LoRA  # isort: skip
from dialora.methods.targets import require_targets

import_modules(__name__, __path__)

__all__ = ["METHODS", "Full", "LoRA", "Method", "ZeroShot", "require_targets"]
