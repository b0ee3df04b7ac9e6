"""Test dialogues with all that was written of them, in the terminal.

Takes what `side_by_side` gives and prints to a rich console. Texts are printed as text, never as markup, and wrapped to
the console; lines are never longer than a page's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dialora.report.examples import EMPTY
from dialora.report.side_by_side import SideBySide, WrittenSummary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MAX_WIDTH = 120
"""Columns; longer lines are hard to read."""
MAX_SPEAKER = 18
INDENT = 2
UNSUPPORTED = "#d55e00"
SPEAKERS = ("bold", "bold dim")


def print_examples(heading: str, shown: Sequence[SideBySide], console: Console, *, width: int | None = None) -> None:
    """Print examples, turn by turn and summary by summary, in `width` columns or the console's, up to a page's."""
    from rich.text import Text

    # A console knows a width for all that it prints, so that one is made narrower for a while.
    before, console.width = console.width, width or min(console.width, MAX_WIDTH)
    try:
        _print_text(Text(heading, style="bold"), console, indent=0)
        for example in shown:
            _print_example(example, console)
    finally:
        console.width = before


def _print_example(example: SideBySide, console: Console) -> None:
    from rich.rule import Rule
    from rich.text import Text

    console.print()
    console.print(Rule(style="dim"))
    title = Text(example.id, style="bold")
    if example.topic:
        title.append(f"  {example.topic}", style="not bold")
    if example.spread:
        title.append(f"  {example.spread}", style="not bold dim")
    _print_text(title, console, indent=0)
    console.print()
    _print_turns(example, console)
    for who, text in example.references:
        console.print()
        console.print(Text(who, style="bold"))
        _print_text(_text(text), console)
    for summary in example.summaries:
        console.print()
        _print_summary(summary, console)


def _print_turns(example: SideBySide, console: Console) -> None:
    from rich.cells import cell_len
    from rich.text import Text

    speakers = list(dict.fromkeys(turn.speaker for turn in example.turns))
    widest = max((cell_len(speaker) for speaker in speakers), default=0)
    column = min(widest, MAX_SPEAKER, console.width // 3)
    for turn in example.turns:
        speaker = Text(turn.speaker, style=SPEAKERS[speakers.index(turn.speaker) % len(SPEAKERS)])
        if speaker.cell_len > column:
            _print_text(speaker, console)
            speaker = Text()
        _print_text(Text(turn.text), console, before=speaker, column=column + INDENT if column else 0)
    if not example.turns:
        _print_text(_text(""), console)


def _print_summary(summary: WrittenSummary, console: Console) -> None:
    from rich.text import Text

    line = Text.assemble(("● ", summary.color), (summary.label, f"bold {summary.color}"))
    for at, (metric, score) in enumerate(summary.scores):
        is_strong = at == 0 and summary.is_best
        line.append("  " if at == 0 else " · ", style="dim")
        line.append(f"{metric} {score}", style="bold" if is_strong else "dim")
    _print_text(line, console, indent=0)
    text = Text()
    for passage in summary.passages:
        text.append(passage.text, style=f"underline {UNSUPPORTED}" if passage.is_unsupported else "")
    _print_text(text if text else _text(""), console)
    if summary.unsupported:
        # In words too: a file has no underlines.
        _print_text(Text(f"not in the dialogue: {', '.join(summary.unsupported)}", style="dim"), console)


def _print_text(
    text: Text, console: Console, *, indent: int = INDENT, before: Text | None = None, column: int = 0
) -> None:
    """Print a wrapped text `indent + column` from the edge, the first line behind `before`; no line ends in blanks."""
    from rich.text import Text

    for at, line in enumerate(text.wrap(console, max(console.width - indent - column, 1), overflow="fold") or [Text()]):
        start = before.copy() if before is not None and at == 0 else Text()
        start.pad_right(column - start.cell_len)
        whole = Text(" " * indent).append_text(start).append_text(line)
        whole.rstrip()
        console.print(whole, soft_wrap=True)


def _text(text: str) -> Text:
    from rich.text import Text

    return Text(text) if text.strip() else Text(EMPTY, style="italic dim")


__all__ = ["MAX_WIDTH", "print_examples"]
