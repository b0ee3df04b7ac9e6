"""Entries that a file names and other rooms define: a method of `methods:`, a metric of `scoring.learned`, `launch:`.

Takes an entry's name and options, gives the frozen object; a ValueError has a line for each problem, with its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dialora.config.extensions import LAUNCHERS_PACKAGE, METHODS_PACKAGE, METRICS_PACKAGE, load_extensions
from dialora.config.launch import LAUNCH_ENGINES, Launch
from dialora.config.method import METHODS, Method
from dialora.config.metric import METRIC_KINDS, Metric
from dialora.config.problems import describe_problems, show, suggest

METHOD_KEY = re.compile(r"[^\W_][\w.-]*")
MAX_KEY_BYTES = 64
"""It is part of a folder's name, which may have 255."""
METRIC_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,23}")
OWN_NAMES = frozenset(
    {"system", "method", "trainable_params", "trainable_percent", "train_seconds", "peak_memory_bytes"}
)
"""Columns that a comparison's frame has besides the metrics'."""
LOCAL = "local"
T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)


def build_entries(build: Callable[[str, Any], T], entries: Mapping[Any, Any]) -> dict[str, T]:
    """Build every entry of a section. Raises ValueError with the problems of them all."""
    if strange := [show(key) for key in entries if not isinstance(key, str)]:
        raise ValueError(f"a name is text, got {', '.join(strange[:3])}")
    built: dict[str, T] = {}
    problems: list[str] = []
    for key, options in entries.items():
        try:
            built[key] = build(key, options)
        except ValueError as error:
            problems += str(error).splitlines()
    if problems:
        raise ValueError("\n".join(problems))
    return built


def build_method(key: str, options: Any) -> Method:
    """Build one method from its entry; `method:` names the class where the key is another name for it."""
    if not METHOD_KEY.fullmatch(key) or len(key.encode(errors="replace")) > MAX_KEY_BYTES:
        raise ValueError(
            f"methods.{show(key)[1:-1]}: a name begins with a letter or digit and has up to {MAX_KEY_BYTES} letters, "
            f"digits, '_', '-' and '.'"
        )
    options = {} if options is None else options
    if isinstance(options, Method):
        return options
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"methods.{key}: got {show(options)}; options are a mapping, as in `{key}: {{}}`")
    options = dict(options)
    load_extensions(METHODS_PACKAGE)
    name = options.pop("method", key)
    if not isinstance(name, str) or name not in METHODS:
        raise ValueError(f"methods.{key}: unknown method {show(name)}{suggest(name, METHODS)}")
    return _build(METHODS[name], options, key=f"methods.{key}")


def build_metric(name: str, options: Any) -> Metric:
    """Build one metric from its entry; `kind:` names the class."""
    key = f"scoring.learned.{show(name)[1:-1]}"
    if not METRIC_NAME.fullmatch(name):
        raise ValueError(f"{key}: a name begins with a letter and has up to 24 letters, digits, '_' and '-'")
    if name.lower().startswith("rouge") or name in OWN_NAMES or name.endswith(("_low", "_high")):
        raise ValueError(f"{key}: this name is taken; give the metric another one")
    if isinstance(options, Metric):
        return options
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"{key}: got {show(options)}; a metric is a mapping with its `kind`")
    load_extensions(METRICS_PACKAGE)
    kind, allowed = options.get("kind"), ", ".join(map(repr, METRIC_KINDS))
    if kind is None:
        raise ValueError(f"{key}.kind: is missing; allowed: {allowed}.")
    if not isinstance(kind, str) or kind not in METRIC_KINDS:
        raise ValueError(f"{key}: unknown kind {show(kind)}; allowed: {allowed}.")
    return _build(METRIC_KINDS[kind], dict(options), key=key)


def build_launch(options: Any) -> Launch:
    """Build `launch:`; `engine:` names the class, this machine where it is left out."""
    if isinstance(options, Launch):
        return options
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"launch: got {show(options)}; it is a mapping, as in {{engine: local, workers: 2}}")
    load_extensions(LAUNCHERS_PACKAGE)
    engine = options.get("engine", LOCAL)
    if not isinstance(engine, str) or engine not in LAUNCH_ENGINES:
        raise ValueError(f"launch.engine: unknown engine {show(engine)}{suggest(engine, sorted(LAUNCH_ENGINES))}")
    return _build(LAUNCH_ENGINES[engine], dict(options), key="launch")


def _build(kind: type[S], options: dict[str, Any], *, key: str) -> S:
    try:
        return kind(**options)
    except ValidationError as error:
        raise ValueError("\n".join(describe_problems(error, kind, prefix=f"{key}."))) from error


__all__ = ["build_entries", "build_launch", "build_method", "build_metric"]
