"""ExampleSelection: chosen test dialogues side by side, which show themselves in the terminal and in a notebook."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dialora.comparison import Comparison, System
from dialora.printable import clean
from dialora.report.choice import DISAGREE, choose_examples
from dialora.report.document import ReportedExample
from dialora.report.examples import EMPTY, measure_disagreement
from dialora.report.numbers import format_count
from dialora.report.palette import build_styles
from dialora.report.side_by_side import SideBySide, put_side_by_side

if TYPE_CHECKING:
    from rich.console import Console

TEXT_WIDTH = 100
"""Columns where there is no terminal to ask."""


class ExampleSelection(Sequence[ReportedExample]):
    """Some of a comparison's test dialogues, with their references and what systems wrote.

    A sequence of ReportedExamples; `print(selection)` shows them as text, and a notebook side by side.
    """

    def __init__(
        self,
        comparison: Comparison,
        examples: Sequence[ReportedExample],
        *,
        n: int = 3,
        sort: str = DISAGREE,
        ids: Sequence[str] = (),
        systems: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        choice = choose_examples(examples, comparison.systems, n=n, sort=sort, ids=ids, keys=systems, seed=seed)
        self.comparison, self.examples, self.systems = comparison, choice.examples, choice.systems
        count, total = format_count(len(choice.examples)), format_count(len(examples))
        self.heading = clean(f"{comparison.experiment}: {count} of {total} test dialogues, {choice.how}")
        if any(len(system.seeds) > 1 for system in choice.systems):
            self.heading += "; of several seeds, what the first one wrote"

    def print(self, console: Console | None = None, *, width: int | None = None) -> None:
        """Print the examples to a rich console, or to this terminal, in `width` columns."""
        from rich.console import Console

        from dialora.report.examples_terminal import print_examples

        # Rich takes a notebook for a page and would show every line as one of its outputs.
        console = console or Console(force_jupyter=False)
        print_examples(self.heading, self.side_by_side(), console, width=width)

    def side_by_side(self) -> tuple[SideBySide, ...]:
        """Return the examples as plain values that are safe to show."""
        styles = build_styles(self.comparison.systems)
        return tuple(put_side_by_side(example, self.systems, styles) for example in self.examples)

    def to_json(self) -> dict[str, Any]:
        """Return the examples as plain JSON values, of the chosen systems alone; a score that is none is None."""
        keys = [system.key for system in self.systems]
        return {
            "experiment": self.comparison.experiment,
            "heading": self.heading,
            "systems": [_name(system) for system in self.systems],
            "examples": [_to_json(example, keys) for example in self.examples],
        }

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[ReportedExample]:
        return iter(self.examples)

    def __getitem__(self, at: Any) -> Any:
        return self.examples[at]

    def __str__(self) -> str:
        from rich.console import Console

        file = io.StringIO()
        console = Console(file=file, width=TEXT_WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
        self.print(console)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from markupsafe import Markup

        from dialora.report.html import load_template, read_asset

        return load_template("examples.html.j2").render(
            heading=self.heading, examples=self.side_by_side(), empty=EMPTY, style=Markup(read_asset("examples.css"))
        )


def _name(system: System) -> dict[str, str]:
    named = {"key": system.key, "label": system.label}
    return named if system.base is None else named | {"base": system.base}


def _to_json(example: ReportedExample, keys: Sequence[str]) -> dict[str, Any]:
    values = example.to_json()
    for name in ("summaries", "scores", "unsupported"):
        values[name] = {key: values[name][key] for key in keys if key in values[name]}
    values["scores"] = {
        key: {metric: None if score != score else score for metric, score in scores.items()}
        for key, scores in values["scores"].items()
    }
    return values | {"disagreement": measure_disagreement(example, keys)}


__all__ = ["ExampleSelection"]
