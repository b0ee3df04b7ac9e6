"""FAMILIES: one class per kind of base model. Every module here is imported, and a class enters FAMILIES by being
defined; nothing else names kinds of models. Importing this package loads neither torch nor transformers."""

from dialora.config.extensions import import_modules
from dialora.models.families.family import FAMILIES, Family, family_of, find_family

# The order of FAMILIES is that of messages: T5 first.
from dialora.models.families.t5 import T5  # isort: skip

import_modules(__name__, __path__)

__all__ = ["FAMILIES", "T5", "Family", "family_of", "find_family"]
