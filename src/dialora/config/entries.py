"""Entries that a file names and other rooms define: a method of `methods:`, a metric of `scoring.learned`.

Takes an entry's name and options, gives the frozen object; a ValueError has a line for each problem, with its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from dialora.config.extensions import METHODS_PACKAGE, METRICS_PACKAGE, load_extensions
from dialora.config.method import METHODS, Method
from dialora.config.metric import METRIC_KINDS, Metric
from dialora.config.problems import describe_problems, suggest

T = TypeVar("T")


def build_entries(build: Callable[[str, Any], T], entries: Mapping[Any, Any]) -> dict[str, T]:
    """Build every entry of a section. Raises ValueError with the problems of them all."""
    built: dict[str, T] = {}
    problems: list[str] = []
    for key, options in entries.items():
        try:
            built[str(key)] = build(str(key), options)
        except ValueError as error:
            problems += str(error).splitlines()
    if problems:
        raise ValueError("\n".join(problems))
    return built


def build_method(key: str, options: Any) -> Method:
    """Build one method from its entry; `method:` names the class where the key is another name for it."""
    options = {} if options is None else options
    if isinstance(options, Method):
        return options
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"methods.{key}: got {options!r}; options are a mapping, as in `{key}: {{}}`")
    options = dict(options)
    load_extensions(METHODS_PACKAGE)
    name = options.pop("method", key)
    if not isinstance(name, str) or name not in METHODS:
        raise ValueError(f"methods.{key}: unknown method {name!r}{suggest(name, METHODS)}")
    try:
        return METHODS[name](**options)
    except ValidationError as error:
        raise ValueError("\n".join(describe_problems(error, METHODS[name], prefix=f"methods.{key}."))) from error


def build_metric(name: str, options: Any) -> Metric:
    """Build one metric from its entry; `kind:` names the class."""
    if isinstance(options, Metric):
        return options
    key = f"scoring.learned.{name}"
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"{key}: got {options!r}; a metric is a mapping with its `kind`")
    load_extensions(METRICS_PACKAGE)
    kind, allowed = options.get("kind"), ", ".join(map(repr, METRIC_KINDS))
    if kind is None:
        raise ValueError(f"{key}.kind: is missing; allowed: {allowed}.")
    if not isinstance(kind, str) or kind not in METRIC_KINDS:
        raise ValueError(f"{key}: unknown kind {kind!r}; allowed: {allowed}.")
    try:
        return METRIC_KINDS[kind](**options)
    except ValidationError as error:
        raise ValueError("\n".join(describe_problems(error, METRIC_KINDS[kind], prefix=f"{key}."))) from error


__all__ = ["build_entries", "build_method", "build_metric"]
