"""The report in the terminal: the verdict, the tables, and how the numbers came about, in 100 columns.

Takes a ReportDocument, or a Comparison alone, and prints to a rich console. Labels are printed as text, never as
markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dialora.comparison import Comparison
from dialora.printable import clean, clean_all
from dialora.report import numbers
from dialora.report.document import ReportDocument
from dialora.report.palette import SystemStyle, build_styles
from dialora.report.people import build_study_tables
from dialora.report.provenance import (
    build_data_table,
    build_environment_table,
    build_notes,
    build_time_table,
    build_truncation_table,
)
from dialora.report.tables import (
    Cell,
    Table,
    build_improvements_table,
    build_parameters_table,
    build_rouge1_pairs_table,
    build_scores_table,
    build_training_table,
    split_verdict,
)
from dialora.report.tuning import build_tuning_notes, build_tuning_table
from dialora.tuning.rules import SearchOutcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

MAX_PAIRS = 15
MAX_SENTENCES = 12
"""Of the verdict: with three bases of three systems, those across them are among the last."""
PART_COLUMNS = 4
"""So many metrics fit beside each other."""


def print_report(report: ReportDocument | Comparison, console: Console) -> None:
    """Print the verdict and the tables, and for a whole document how the numbers came about."""
    report = clean_all(report)
    comparison = report.comparison if isinstance(report, ReportDocument) else report
    styles = build_styles(comparison.systems)
    _print_title(comparison, console)
    tables = [
        build_parameters_table(comparison),
        build_training_table(comparison),
        build_scores_table(comparison),
        build_improvements_table(comparison),
        build_rouge1_pairs_table(comparison),
    ]
    if isinstance(report, ReportDocument):
        tables += [table for study in report.studies for table in build_study_tables(study)[:3]]
        tables += [
            build_tuning_table(report.searches, {system.key: system.label for system in comparison.systems}),
            _narrow(build_data_table(report.data)),
            build_truncation_table(report),
            build_time_table(report),
            build_environment_table(report),
        ]
    for table in tables:
        for part in _split_columns(table):
            print_table(part, styles, console)
    if isinstance(report, ReportDocument):
        _print_notes(report, console)


def print_searches(searches: Sequence[SearchOutcome], labels: dict[str, str], console: Console) -> None:
    """Print what the searches for learning rates have come to."""
    table = build_tuning_table(searches, labels)
    if table is not None:
        print_table(table, {}, console)
    for note in build_tuning_notes(searches, labels):
        console.print(clean(note), markup=False)


def _narrow(table: Table | None) -> Table | None:
    """Leave out the columns too wide for a terminal; the written report has them."""
    if table is None:
        return None
    kept = [i for i, name in enumerate(table.columns) if name not in ("Columns", "Fingerprint")]
    rows = tuple(replace(row, cells=tuple(row.cells[i] for i in kept)) for row in table.rows)
    return replace(table, columns=tuple(table.columns[i] for i in kept), rows=rows)


def _split_columns(table: Table | None) -> list[Table]:
    """Put columns that many learned metrics add into tables of their own, each with the first column."""
    if table is None or table.key not in ("scores", "improvements") or len(table.columns) <= 1 + PART_COLUMNS:
        return [] if table is None else [table]
    parts = []
    for start in range(1, len(table.columns), PART_COLUMNS):
        kept = [0, *range(start, min(start + PART_COLUMNS, len(table.columns)))]
        rows = tuple(replace(row, cells=tuple(row.cells[i] for i in kept)) for row in table.rows)
        title = table.title if start == 1 else f"{table.title} (continued)"
        columns = tuple(table.columns[i] for i in kept)
        parts.append(replace(table, title=title, columns=columns, rows=rows, footnote=""))
    return [*parts[:-1], replace(parts[-1], footnote=table.footnote)]


def _print_title(comparison: Comparison, console: Console) -> None:
    from rich import box
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    count = numbers.format_count(comparison.num_examples)
    facts = Text(f"{count} test dialogues · {comparison.protocol}", style="dim")
    headline, rest = split_verdict(comparison)
    lines = [Text(sentence) for sentence in rest[:MAX_SENTENCES]]
    if len(rest) > MAX_SENTENCES:
        lines.append(Text(f"… and {len(rest) - MAX_SENTENCES} more in the written report", style="dim"))
    body = Group(Text(headline, style="bold"), *lines, Text(), facts)
    title = Text(f" {comparison.experiment} ", style="bold")
    console.print(Panel(body, title=title, title_align="left", box=box.ROUNDED, padding=(1, 2), border_style="cyan"))


def print_table(table: Table, styles: dict[str, SystemStyle], console: Console) -> None:
    """Print one table with its title and footnote; `styles` colours the rows that belong to a system."""
    from rich.padding import Padding
    from rich.text import Text

    table = clean_all(table)
    rows = table.rows[:MAX_PAIRS] if table.key == "pairs" else table.rows
    grid = _build_grid(table)
    for row in rows:
        name, *values = (_cell_text(cell) for cell in row.cells)
        if row.system in styles:
            name = Text("● ", style=styles[row.system].color) + name
        grid.add_row(name, *values)
    console.print()
    console.print(Text(f" {table.title}", style="bold"))
    console.print(grid)
    footnote = table.footnote
    if len(rows) < len(table.rows):
        footnote = f"{len(table.rows) - len(rows)} more pairs are in the written report. {footnote}"
    if footnote:
        console.print(Padding(Text(footnote, style="dim"), (0, 1)))


def _build_grid(table: Table) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=True, show_edge=True, padding=(0, 1))
    for index, name in enumerate(table.columns):
        is_left = index == 0 or table.is_text or name in table.text_columns
        grid.add_column(Text(name), justify="left" if is_left else "right", overflow="fold")
    return grid


def _cell_text(cell: Cell) -> Text:
    from rich.text import Text

    text = Text(cell.text, style="bold" if cell.is_strong else "")
    for detail in cell.details:
        text.append("\n")
        text.append(detail, style="not bold dim")
    return text


def _print_notes(document: ReportDocument, console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    notes = build_notes(document)
    if notes:
        console.print()
        console.print(Text(" Notes", style="bold"))
    for note in notes:
        console.print(Padding(Text(f"• {note}"), (0, 1)))


__all__ = ["print_report", "print_searches", "print_table"]
