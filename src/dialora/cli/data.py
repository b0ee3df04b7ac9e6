"""Commands that look at a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.options import Json
from dialora.cli.printing import print_json

data = typer.Typer(help="Look at a data set before anything is trained on it.", no_args_is_help=True)
app.add_typer(data, name="data")


@data.command("check")
def check_data(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A hub id, a folder or file, or bundled.")],
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override data.*, model (its tokenizer) or prompt. Repeatable."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="The page's folder \\[default: runs/data-check/NAME]."),
    ] = None,
    json: Json = False,
) -> None:
    """Look for what would spoil a comparison: sizes, lengths, truncation, duplicates within and across splits,
    references that repeat or are copied, unknown speakers, empty fields, encoding damage.

    Writes data-check.html and data-check.json. Findings are no failure: the exit code is 0 when the check ran.
    """
    from dialora import api
    from dialora.config import load_data_experiment
    from dialora.experiment.data_check import find_folder, print_data_check
    from dialora.experiment.progress import build_console
    from dialora.models.network import forbid_network

    forbid_network(load_data_experiment(source, set or ()))
    folder = output or find_folder(source)
    found = api.check_data(source, set=set or (), output=folder)
    if json:
        print_json(found.to_json())
    else:
        print_data_check(found, build_console(), folder=folder)


__all__ = ["check_data", "data"]
