"""What files of conversations hold, printed before anything is summarized."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from dialora.cli.printing import print_json, print_rows
from dialora.errors import DataError
from dialora.printable import clean

_MOST_SPEAKERS = 6
_COLUMNS = ("format", "conversations", "turns", "speakers", "file")


def print_inspected(inputs: Sequence[str], *, json: bool) -> None:
    """Print for each file its format, conversations, turns and speakers, and what became of the rest of it.

    Raises DataError at the end, a line for each file that cannot be read.
    """
    from dialora.data.transcripts.inputs import InspectedFile, inspect_inputs

    def show_speakers(file: InspectedFile) -> str:
        shown = ", ".join(file.speakers[:_MOST_SPEAKERS])
        return f"{shown} … ({len(file.speakers)})" if len(file.speakers) > _MOST_SPEAKERS else shown

    passed_over: dict[Path, list[str]] = {}
    files = list(inspect_inputs(inputs, passed_over=passed_over))
    folders = [InspectedFile(str(folder), notes=tuple(notes)) for folder, notes in passed_over.items()]
    if json:
        print_json([file.to_json() for file in (*files, *folders)])
    else:
        rows = [
            (file.format, f"{file.num_conversations:,}", f"{file.num_turns:,}", show_speakers(file), file.path)
            for file in files
            if file.format is not None
        ]
        if rows:
            print_rows("What the files hold", _COLUMNS, rows, right=(1, 2))
        for file in (*files, *folders):
            for note in file.notes:
                typer.echo(clean(f"{file.path}: {note}"))
    if problems := [file.problem for file in files if file.problem is not None]:
        raise DataError("\n".join(problems))


__all__ = ["print_inspected"]
