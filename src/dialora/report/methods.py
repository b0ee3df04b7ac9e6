"""What an experiment may name: every method with its paper, cost, learning rate and options, as rows and as a page.

Takes what counts a method's parameters on a base model; loads none itself.
`docs/methods.md` is this page for the bundled base (`make docs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dialora.config.method import OF_BASE
from dialora.errors import ConfigError
from dialora.methods import METHODS, Method
from dialora.records import ParameterCount, Record

Count = Callable[[Method, str], ParameterCount]

INTRODUCTION = """# Methods

Every method that an experiment may name. An entry of `methods:` is a method's key with its options, or any name with
`method:` inside, as in `wide: {{method: lora, r: 128}}`. Trainable parameters are those of the default options on
`{model}` ({total:,} parameters); `dialora methods --set model=google/flan-t5-base` counts for another model, from its
config alone. A method that merges costs nothing more than the base model in use. The range is where a search for the
learning rate looks.

This page is made by `make docs`.
"""


@dataclass(frozen=True, slots=True)
class MethodRow(Record):
    """One method with its default options on one base model. What depends on options not given is None."""

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


def describe_methods(count: Count) -> list[MethodRow]:
    """Describe every method; `count` counts one's parameters, whose name in messages is the second value."""
    return [_describe(count, name, method) for name, method in METHODS.items()]


def render_methods(rows: Sequence[MethodRow], *, model: str) -> str:
    """Return the methods as a Markdown page: a table, then each method's options."""
    total = next(row.total_params for row in rows if row.method == "zero_shot")
    lines = [
        INTRODUCTION.format(model=model, total=total),
        "| method | in tables | trainable | share | merges | learning rate | range | paper |",
        "|---|---|---:|---:|---|---:|---|---|",
    ]
    for row in rows:
        rates = "–" if row.learning_rate_range is None else " to ".join(f"{rate:g}" for rate in row.learning_rate_range)
        cells = [f"[`{row.method}`](#{row.method})", row.label, *format_counts(row), format_mergeable(row)]
        cells += [
            "–" if row.learning_rate is None else f"{row.learning_rate:g}",
            rates,
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
    """Return a row for a narrow table: method, name in tables, trainable parameters, merging, rate, paper."""
    return (
        row.method,
        row.label,
        format_counts(row)[0],
        format_mergeable(row),
        "–" if row.learning_rate is None else f"{row.learning_rate:g}",
        name_paper(row),
    )


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
    return "the base's" if value is None else f"`{format_option(value)}`"


def name_paper(row: MethodRow) -> str:
    """Return the paper without its address, as in arXiv 2106.09685."""
    return row.paper.removeprefix("https://").replace("arxiv.org/abs/", "arXiv ")


def _describe(count_method: Count, name: str, method: type[Method]) -> MethodRow:
    fields = method.model_fields
    needs_options = any(field.is_required() for field in fields.values())
    count, problem = None, None
    if not needs_options:
        try:
            count = count_method(method(), name)
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
        learning_rate=fields["learning_rate"].default if method.trains else None,
        learning_rate_range=method.learning_rate_range if method.trains else None,
        learning_rate_source=method.learning_rate_source if method.trains else None,
        options={
            key: None if field.is_required() else field.default for key, field in fields.items() if key not in OF_BASE
        },
        problem=problem,
    )


__all__ = [
    "MethodRow",
    "describe_methods",
    "format_counts",
    "format_mergeable",
    "format_option",
    "list_cells",
    "name_paper",
    "render_methods",
]
