"""What an experiment may name: every method with its paper, cost, learning rate and options, as rows and as a page.

Takes what says of a base model what a method's parameters, layers and rates are on it; loads none itself.
`docs/methods.md` is this page for the bundled base (`make docs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dialora.config.method import OF_BASE
from dialora.config.parts import Rates
from dialora.errors import ConfigError
from dialora.methods import METHODS, Method
from dialora.records import ParameterCount, Record


@dataclass(frozen=True, slots=True)
class OnBase:
    """What a base model says of methods on it; each raises ModelError, and counting ConfigError."""

    count: Callable[[Method, str], ParameterCount]
    """Of a method's parameters; the second value is its name in messages."""
    find_rates: Callable[[type[Method]], Rates]
    name_targets: Callable[[type[Method]], dict[str, Any]]
    """The layers that a method adapts unless others are named, by option."""


INTRODUCTION = """# Methods

Every method that an experiment may name. An entry of `methods:` is a method's key with its options, or any name with
`method:` inside, as in `wide: {{method: lora, r: 128}}`. Trainable parameters are those of the default options on
`{model}` ({total:,} parameters); `dialora methods --set model=google/flan-t5-base` counts for another model, from its
config alone, and shows the layers and learning rates that hold for it. A method that merges costs nothing more than
the base model in use. The range is where a search for the learning rate looks.

This page is made by `make docs`.
"""


@dataclass(frozen=True, slots=True)
class MethodRow(Record):
    """One method with the options and rates it has on one base model. What depends on options not given is None."""

    method: str
    label: str
    about: str
    paper: str
    trainable_params: int | None
    total_params: int | None
    trainable_percent: float | None
    is_mergeable: bool | None
    learning_rate: float | None
    learning_rate_range: tuple[float, float] | None
    learning_rate_source: str | None
    options: dict[str, Any]
    problem: str | None
    """Why the default options do not fit this model."""


def describe_methods(base: OnBase) -> list[MethodRow]:
    """Describe every method on a base model. Raises ModelError."""
    return [_describe(base, name, method) for name, method in METHODS.items()]


def render_methods(rows: Sequence[MethodRow], *, model: str) -> str:
    """Return the methods as a Markdown page: a table, then each method's options."""
    total = next(row.total_params for row in rows if row.method == "zero_shot")
    lines = [
        INTRODUCTION.format(model=model, total=total),
        "| method | in tables | trainable | share | merges | learning rate | range | paper |",
        "|---|---|---:|---:|---|---:|---|---|",
    ]
    for row in rows:
        cells = [f"[`{row.method}`](#{row.method})", row.label, *format_counts(row), format_mergeable(row)]
        cells += [
            "–" if row.learning_rate is None else f"{row.learning_rate:g}",
            format_range(row),
            f"[{name_paper(row)}]({row.paper})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for row in rows:
        lines += ["", f"## {row.method}", "", row.about]
        if row.learning_rate_source:
            lines += ["", f"Learning rate: {row.learning_rate_source}."]
        if row.options:
            lines += ["", "| option | default | |", "|---|---|---|"]
            fields = METHODS[row.method].model_fields
            for option, value in row.options.items():
                shown = "required" if fields[option].is_required() else _show_default(value)
                lines.append(f"| `{option}` | {shown} | {fields[option].description or ''} |")
    return "\n".join(lines) + "\n"


def list_cells(row: MethodRow) -> tuple[str, ...]:
    """Return a row for a narrow table: method, name in tables, trainable parameters, merging, rate, layers."""
    return (
        row.method,
        row.label,
        format_counts(row)[0],
        format_mergeable(row),
        "–" if row.learning_rate is None else f"{row.learning_rate:g}",
        _show_targets(row.options.get("target_modules")),
    )


def format_range(row: MethodRow) -> str:
    """Return where a search for the learning rate looks, for a table."""
    return "–" if row.learning_rate_range is None else " to ".join(f"{rate:g}" for rate in row.learning_rate_range)


def format_counts(row: MethodRow) -> tuple[str, str]:
    """Return trainable parameters and their share of all, for a table."""
    if row.trainable_params is None or row.trainable_percent is None:
        return "–", "–"
    if not METHODS[row.method].trains:
        return "0", "0 %"
    return f"{row.trainable_params:,}", f"{row.trainable_percent:.2f} %"


def format_mergeable(row: MethodRow) -> str:
    """Return whether a method merges, for a table; a method without an adapter has nothing to merge."""
    if not METHODS[row.method].is_peft:
        return "–"
    return {True: "yes", False: "no", None: "depends"}[row.is_mergeable]


def format_option(value: Any) -> str:
    """Return a default as it would stand in an experiment file."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_default(value: Any) -> str:
    return "–" if value is None else f"`{format_option(value)}`"


def name_paper(row: MethodRow) -> str:
    """Return the paper without its address, as in arXiv 2106.09685."""
    return row.paper.removeprefix("https://").replace("arxiv.org/abs/", "arXiv ")


def _show_targets(targets: Any) -> str:
    if targets is None:
        return "–"
    return targets if isinstance(targets, str) else ", ".join(targets)


def _describe(base: OnBase, name: str, method: type[Method]) -> MethodRow:
    fields = method.model_fields
    rates = base.find_rates(method) if method.trains else None
    defaults = {key: None if field.is_required() else field.default for key, field in fields.items()}
    defaults |= base.name_targets(method) | ({} if rates is None else {"learning_rate": rates.rate})
    needs_options = any(field.is_required() for field in fields.values())
    count, problem = None, None
    if not needs_options:
        try:
            count = base.count(method(), name)
        except ConfigError as error:
            problem = str(error)
    return MethodRow(
        method=name,
        label=method.label,
        about=" ".join((method.__doc__ or "").split()),
        paper=method.paper,
        trainable_params=None if count is None else count.trainable if method.trains else 0,
        total_params=None if count is None else count.total,
        trainable_percent=None if count is None else count.percent if method.trains else 0.0,
        is_mergeable=None if needs_options else method.is_mergeable,
        learning_rate=None if rates is None else rates.rate,
        learning_rate_range=None if rates is None else (rates.low, rates.high),
        learning_rate_source=None if rates is None else rates.source,
        options={key: value for key, value in defaults.items() if key not in OF_BASE},
        problem=problem,
    )


__all__ = [
    "MethodRow",
    "OnBase",
    "describe_methods",
    "format_counts",
    "format_mergeable",
    "format_option",
    "format_range",
    "list_cells",
    "name_paper",
    "render_methods",
]
