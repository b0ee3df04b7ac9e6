"""Metrics besides ROUGE, one class each: what an entry of `scoring.learned` may be of `kind`.

A class enters the registry by being defined, and every module here is imported when a file first names a metric:
adding a kind is adding a module. None of them loads torch before its metric is checked or scores something.
"""

from dialora.config.extensions import import_modules

import_modules(__name__, __path__)
