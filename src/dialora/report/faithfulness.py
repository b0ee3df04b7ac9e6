"""The faithfulness tables: what summaries say that their dialogues do not, and how far they copy.

Takes the rows that `comparison.faithfulness` gives and gives Tables; people's row stands first, as a yardstick.
"""

from __future__ import annotations

from collections.abc import Sequence

from dialora.comparison import Interval
from dialora.comparison.faithfulness import HUMAN, SystemFaithfulness
from dialora.report import numbers
from dialora.report.tables import Cell, Row, Table

_KINDS = {"names": "Names", "numbers": "Numbers", "times": "Times", "prices": "Prices", "speakers": "Speakers"}
_SHARES = {"compression": "Compression", "novelty": "Novelty", "repetition": "Repetition"}


def build_faithfulness_table(rows: Sequence[SystemFaithfulness]) -> Table | None:
    """Return what is not in the dialogues, and speakers taken for each other; None without rows."""
    lines = []
    for row in rows:
        cells = [_share_cell(row.measures["unsupported"])]
        cells += [_per_hundred_cell(row.measures[name]) for name in _KINDS]
        cells.append(_share_cell(row.measures["swapped"], f"{numbers.format_count(row.num_role_claims)} decided"))
        lines.append(_system_row(row, cells))
    footnote = (
        "Unsupported: summaries with a name, number, time, price or speaker that the dialogue does not contain; then "
        "how many of each in 100 summaries. Swapped: of the claims about who asked or told that the dialogue decides, "
        "those it denies. 95 % bootstrap intervals over dialogues. Found by rules for English text, which leave open "
        "what they cannot tell; what they find in people's own summaries is in part their error."
    )
    columns = ("System", "Unsupported", *_KINDS.values(), "Swapped")
    return Table("faithfulness", "Faithfulness", columns, tuple(lines), footnote) if lines else None


def build_copying_table(rows: Sequence[SystemFaithfulness]) -> Table | None:
    """Return how long the summaries are and how far they copy; None without rows."""
    lines = [
        _system_row(
            row, [_ratio_cell(row.measures["length_ratio"]), *(_share_cell(row.measures[name]) for name in _SHARES)]
        )
        for row in rows
    ]
    footnote = (
        "Length: words of the summary by the mean of the references (people: of the other references). Compression: "
        "by the words said in the dialogue. Novelty: bigrams that the dialogue does not contain. Repetition: trigrams "
        "that stood in the summary before. Means over dialogues with 95 % bootstrap intervals."
    )
    columns = ("System", "Length", *_SHARES.values())
    return Table("copying", "Length and copying", columns, tuple(lines), footnote) if lines else None


def _system_row(row: SystemFaithfulness, cells: Sequence[Cell]) -> Row:
    details = ("yardstick",) if row.key == HUMAN else ()
    return Row((Cell(row.label, details=details), *cells), system=row.key)


def _share_cell(value: Interval | None, *details: str) -> Cell:
    if value is None:
        return Cell(numbers.MISSING)
    return Cell(numbers.format_share(value.mean), (numbers.format_bounds(value, scale=100, digits=1), *details))


def _per_hundred_cell(value: Interval | None) -> Cell:
    if value is None:
        return Cell(numbers.MISSING)
    return Cell(f"{100 * value.mean:.1f}", (numbers.format_bounds(value, scale=100, digits=1),))


def _ratio_cell(value: Interval | None) -> Cell:
    if value is None:
        return Cell(numbers.MISSING)
    return Cell(f"{value.mean:.2f}", (numbers.format_bounds(value, digits=2),))


__all__ = ["build_copying_table", "build_faithfulness_table"]
