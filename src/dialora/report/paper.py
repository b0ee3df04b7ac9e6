"""The comparison's scores as a table for a paper: LaTeX, Markdown and CSV.

Takes a Comparison. Bold is only what is clearly better than every other system, by interval and corrected test; a best
mean that could be chance is not set off. All text from data is escaped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from dialora.comparison import Comparison, Difference, System
from dialora.printable import clean_all, clean_cell
from dialora.report import numbers
from dialora.report.palette import is_trained
from dialora.report.tables import Cell, Row, Table, name_metric

_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    numbers.MISSING: "--", numbers.MINUS: "$-$", "±": r"$\pm$", "≥": r"$\geq$",
} | {character: f"\\{character}" for character in "&%$#_{}"}  # fmt: skip
"""What LaTeX reads otherwise."""


def build_paper_table(comparison: Comparison) -> Table:
    """Return scores with intervals, with trained weights and training time where they are known.

    Where there are several base models, each system has the name of its own and its size in use.
    """
    comparison = clean_all(comparison)
    systems = comparison.systems
    costs = {}
    has_bases = any(system.base is not None for system in systems)
    if has_bases:
        costs["Base"] = [system.base or "" for system in systems]
        costs["Parameters"] = [numbers.format_count(system.total_params) for system in systems]
    if any(system.trainable_params is not None for system in systems):
        costs["Trainable"] = [_show_trainable(system) for system in systems]
    if comparison.comparable_costs and any(system.train_seconds is not None for system in systems):
        costs["Training"] = [numbers.format_duration(system.train_seconds) for system in systems]
    best = {metric: find_clearly_best(comparison, metric) for metric in comparison.metrics}
    rows = []
    for at, system in enumerate(systems):
        cells = [Cell(system.label), *(Cell(texts[at]) for texts in costs.values())]
        for metric in comparison.metrics:
            score = system.scores.get(metric)
            details = () if score is None else (numbers.format_bounds(score),)
            text = numbers.format_score(None if score is None else score.mean)
            cells.append(Cell(text, details, is_strong=best[metric] == system.key))
        rows.append(Row(tuple(cells), system=system.key))
    footnote = (
        f"Means over {numbers.format_count(comparison.num_examples)} test dialogues with 95 % bootstrap intervals. "
        "Bold: clearly better than every other system, by interval and paired permutation test with Holm's correction. "
        f"{comparison.protocol}"
    )
    columns = ("System", *costs, *map(name_metric, comparison.metrics))
    return Table("paper", "Scores", columns, tuple(rows), footnote, text_columns=("Base",) if has_bases else ())


def find_clearly_best(comparison: Comparison, metric: str) -> str | None:
    """Return the key of the system that is clearly better than each other one in a metric; None without one.

    People and floors are no systems: they are tested against none.
    """
    keys = [system.key for system in comparison.systems if not system.yardstick]
    beaten: dict[str, set[str]] = {key: set() for key in keys}
    for item in comparison.comparisons:
        if item.metric == metric and item.is_clear:
            winner, loser = _order(item)
            beaten[winner].add(loser)
    return next((key for key in keys if len(keys) > 1 and len(beaten[key]) == len(keys) - 1), None)


def render_latex(comparison: Comparison, *, caption: str = "", label: str = "") -> str:
    """Return the table for `booktabs`; it floats where it has a caption or a label."""
    table = build_paper_table(comparison)
    yardsticks = {system.key for system in comparison.systems if system.yardstick}
    lines = [
        rf"\begin{{tabular}}{{l{''.join('l' if name in table.text_columns else 'r' for name in table.columns[1:])}}}",
        r"\toprule",
        _join(escape_latex(name) for name in table.columns),
        r"\midrule",
    ]
    is_below = False
    for row in table.rows:
        if row.system in yardsticks and not is_below:
            is_below = True
            lines.append(r"\midrule")
        lines.append(_join(_render_cell(cell) for cell in row.cells))
    lines += [r"\bottomrule", r"\end{tabular}"]
    if caption or label:
        lines = [
            r"\begin{table}",
            r"\centering",
            *([rf"\caption{{{escape_latex(caption)}}}"] if caption else []),
            *([rf"\label{{{re.sub(r'[^A-Za-z0-9:._-]', '-', label)}}}"] if label else []),
            *lines,
            r"\end{table}",
        ]
    notes = [r"% \usepackage{booktabs}", f"% {' '.join(table.footnote.split())}"]
    return "\n".join([*notes, *lines]) + "\n"


def escape_latex(text: str) -> str:
    """Return text that LaTeX sets as it is, on one line."""
    escaped = "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
    # Behind a row's end a bracket or a star would be an option of it.
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped


def render_csv(comparison: Comparison) -> str:
    """Return `frame()` as CSV; numbers are in full, and no text is a formula to a spreadsheet."""
    frame = comparison.frame().reset_index()
    frame = frame.astype(dict.fromkeys(("trainable_params", "peak_memory_bytes"), "Int64"))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([clean_cell(name) for name in frame.columns])
    for row in frame.astype(object).where(frame.notna(), "").itertuples(index=False):
        writer.writerow([clean_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return file.getvalue()


def _order(item: Difference) -> tuple[str, str]:
    return (item.a, item.b) if item.difference > 0 else (item.b, item.a)


def _show_trainable(system: System) -> str:
    # The untrained model's weights are counted as loaded elsewhere; a paper's reader would take them for trained.
    return numbers.format_count(system.trainable_params if is_trained(system) else None)


def _render_cell(cell: Cell) -> str:
    text = escape_latex(cell.text)
    text = rf"\textbf{{{text}}}" if cell.is_strong else text
    return " ".join([text, *(rf"{{\footnotesize {detail}}}" for detail in cell.details)])


def _join(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


__all__ = ["build_paper_table", "escape_latex", "find_clearly_best", "render_csv", "render_latex"]
