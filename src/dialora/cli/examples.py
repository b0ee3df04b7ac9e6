"""The command that puts dialogues and summaries side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.options import Json
from dialora.cli.printing import print_json

MIN_WIDTH, MAX_WIDTH = 40, 1000


@app.command()
def examples(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The folder of a finished experiment or of a scored table; or an experiment file or shipped "
            "experiment, whose folder is then runs/NAME.",
        ),
    ] = "bundled",
    ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="This dialogue, whatever the order. Repeatable.")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", metavar="N", help="How many dialogues.")] = 3,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="ORDER",
            help="disagree (where the systems' ROUGE-1 differs most), worst, best (by the ROUGE-1 of the first "
            "--system; without one by the mean of the trained systems) or random.",
        ),
    ] = "disagree",
    systems: Annotated[
        list[str] | None,
        typer.Option("--system", metavar="KEY", help="Show this system, as in lora, and not all. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of --sort random.")] = 0,
    width: Annotated[
        int | None,
        typer.Option(
            "--width",
            metavar="N",
            min=MIN_WIDTH,
            max=MAX_WIDTH,
            help="Columns; the terminal's up to 120, or 100 in a file, where it is not given.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Read what was written: test dialogues turn by turn, the human summaries, and every system's with its ROUGE.

    Underlined is a name, number, time, price or speaker that the dialogue does not contain.
    """
    from dialora import api
    from dialora.experiment.progress import build_console

    selection = api.examples(run, n=n, sort=sort, ids=ids or (), systems=systems or (), seed=seed)
    if json:
        print_json(selection.to_json())
    else:
        selection.print(build_console(), width=width)


__all__ = ["examples"]
