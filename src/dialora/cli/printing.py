"""How answers are printed: JSON, small tables, and what happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from dialora.printable import clean, escape_json

if TYPE_CHECKING:
    from rich.text import Text

    from dialora.experiment.progress import ProgressDisplay


@contextmanager
def observing(*, quiet: bool = False) -> Iterator[ProgressDisplay]:
    """Give an observer that draws what happens on standard error."""
    from dialora.experiment.progress import ProgressDisplay

    with ProgressDisplay(quiet=quiet) as display:
        yield display


def print_json(values: Any) -> None:
    """Print plain values."""
    typer.echo(escape_json(json.dumps(values, indent=2, ensure_ascii=False)))


def print_rows(
    title: str, columns: tuple[str, ...], rows: Sequence[tuple[str | Text, ...]], *, right: tuple[int, ...] = ()
) -> None:
    """Print a table; `right` are the columns of numbers. A text is printed as it is, never as markup."""
    from rich.table import Table
    from rich.text import Text

    from dialora.experiment.progress import build_console

    table = Table(title=Text(clean(title)), title_justify="left")
    for i, column in enumerate(columns):
        # Names and numbers stand on one line, whatever becomes of the others.
        table.add_column(column, justify="right" if i in right else "left", overflow="fold", no_wrap=i in (0, *right))
    for row in rows:
        table.add_row(*(Text(clean(cell)) if isinstance(cell, str) else cell for cell in row))
    build_console().print(table)


__all__ = ["observing", "print_json", "print_rows"]
