"""`dialora summarize` in its ways: what the files hold, what goes in, summaries on the terminal or in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dialora.cli.printing import print_json, print_rows
from dialora.errors import DataError
from dialora.printable import clean

if TYPE_CHECKING:
    from dialora.config.launch import Launch
    from dialora.data.transcripts import Conversation
    from dialora.experiment.progress import ProgressDisplay
    from dialora.systems import System
    from dialora.systems.items import Inputs
    from dialora.systems.options import SummaryOptions

_MOST_SPEAKERS = 6
_COLUMNS = ("file", "format", "conversations", "turns", "tokens", "parts", "speakers")


def print_inspected(inputs: Inputs, system: System, options: SummaryOptions, *, json: bool) -> None:
    """Print for each file its format, conversations, turns and speakers, what a system reads of it, and what became of
    the rest.

    Raises DataError at the end, a line for each file that cannot be read.
    """
    from dialora.data.transcripts.inputs import InspectedFile, inspect_file
    from dialora.systems.reading import ItemReader

    def show_speakers(file: InspectedFile) -> str:
        shown = ", ".join(file.speakers[:_MOST_SPEAKERS])
        return f"{shown} … ({len(file.speakers)})" if len(file.speakers) > _MOST_SPEAKERS else shown

    reader = ItemReader(system, options, lambda message: None)
    known = set[str]()

    def measure(content: Conversation | str) -> tuple[int, int]:
        if isinstance(content, str):
            return reader.measure(content)
        known.update(content.speakers)
        return reader.measure(inputs.rename(content))

    def inspect(path: Path) -> InspectedFile:
        file = inspect_file(path, measure=measure, config=system.config.data, required=system.named_columns)
        name = inputs.name(path)
        told = (
            None if file.problem is None else file.problem.replace(str(path), name).replace(path.name, Path(name).name)
        )
        notes = tuple(note.replace(path.name, Path(name).name) for note in file.notes)
        return replace(file, path=name, problem=told, notes=notes)

    files = [inspect(path) for path in inputs.paths]
    folders = [InspectedFile(str(folder), notes=tuple(notes)) for folder, notes in inputs.passed_over.items()]
    if json:
        print_json([file.to_json() for file in (*files, *folders)])
    else:
        rows = [
            (file.path, file.format, f"{file.num_conversations:,}", f"{file.num_turns:,}",
             f"{file.num_tokens:,}", f"{file.num_parts:,}", show_speakers(file))
            for file in files
            if file.format is not None
        ]  # fmt: skip
        if rows:
            print_rows("What the files hold", _COLUMNS, rows, right=(2, 3, 4, 5))
            typer.echo(clean(f"Tokens and parts are those of {system.name}, prompts included."))
        for file in (*files, *folders):
            for note in file.notes:
                typer.echo(clean(f"{file.path}: {note}"))
    if problems := [file.problem for file in files if file.problem is not None]:
        raise DataError("\n".join(problems))
    inputs.require_renamed(known)


def print_inputs(inputs: Inputs, system: System, options: SummaryOptions, *, json: bool) -> None:
    """Print the exact text of each part of each conversation that goes in."""
    from dialora.systems.reading import ItemReader

    reader = ItemReader(system, options, lambda message: typer.echo(clean(f"warning: {message}"), err=True))
    rows: list[dict[str, Any]] = []
    for item in inputs.stream(system.config.data, required=system.named_columns, notes=[]):
        (read,) = reader.read([item])
        for number, part in enumerate(read.parts, start=1):
            text, size = reader.show(part), len(part.source.input_ids)
            if json:
                rows.append({"source": item.source, "id": item.id, "part": number, "num_tokens": size, "text": text})
                continue
            of = f", part {number} of {len(read.parts)}" if len(read.parts) > 1 else ""
            typer.secho(clean(f"{item.source}: {item.id}{of}, {size:,} tokens"), bold=True)
            typer.echo(clean(text) + "\n")
    if json:
        print_json(rows)


def print_summaries(
    inputs: Inputs, system: System, options: SummaryOptions, observer: ProgressDisplay, *, json: bool
) -> None:
    """Print every summary, and behind it what is to be known of it."""
    from dialora.systems.output import list_cells
    from dialora.systems.rendering import format_summaries
    from dialora.systems.summaries import stream_summaries

    made = stream_summaries(system, inputs, options=options, observer=observer)
    rows = (list_cells(item, summary) for item, summary in made)
    if json:
        print_json(list(rows))
        return

    def tell(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in rows:
            for remark in _list_remarks(row):
                observer({"event": "note", "message": f"{row['id']}: {remark}"})
            yield row

    for text in format_summaries(tell(rows)):
        observer.progress.stop()  # on a terminal the bar is taken away, or the text would go on its line
        typer.echo(text, nl=False)
        observer.progress.start()


def write_summaries(
    inputs: Inputs,
    system: System,
    output: Path,
    options: SummaryOptions,
    observer: ProgressDisplay,
    launch: Launch | None = None,
) -> None:
    """Write every summary into a file."""
    from dialora.systems.summaries import summarize_inputs

    summarize_inputs(system, inputs, output, options=options, observer=observer, launch=launch)
    typer.echo(f"Summaries: {output}")


def _list_remarks(row: dict[str, Any]) -> Iterator[str]:
    """Give what a reader has to know of a summary."""
    if row["num_parts"] > 1:
        yield f"longer than the system reads, so summarized in {row['num_parts']} parts."
    if row["truncated"]:
        yield "longer than the system reads; its end was not read."
    if row["finish_reason"] == "length":
        yield "the summary was cut at decoding.max_new_tokens."
    if row["unsupported_names"]:
        yield f"the conversation does not have: {', '.join(row['unsupported_names'])}."


__all__ = ["print_inputs", "print_inspected", "print_summaries", "write_summaries"]
