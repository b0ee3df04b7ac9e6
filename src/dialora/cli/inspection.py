"""Commands for a look before hours are spent: what would be trained, and whether it would go well."""

from __future__ import annotations

from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.loading import load
from dialora.cli.options import Experiment, Json, Output, Set
from dialora.cli.printing import print_json, print_rows


@app.command()
def params(experiment: Experiment = "bundled", set: Set = None, json: Json = False) -> None:
    """Count trainable and all parameters of every method, from the base model's config alone (no weights needed)."""
    from dialora import api

    frame = api.params(load(experiment, set))
    if json:
        print_json(frame.reset_index().to_dict("records"))
        return
    bases = ["base"] if "base" in frame else []
    rows = [
        (label, *row[bases], f"{row.trainable_params:,}", f"{row.total_params:,}", f"{row.trainable_percent:.2f} %")
        for label, row in frame.iterrows()
    ]
    columns = ("", *bases, "trainable", "all", "trainable share")
    print_rows("Parameters", columns, rows, right=tuple(range(len(columns)))[-3:])


@app.command()
def check(experiment: Experiment = "bundled", set: Set = None, output: Output = None, json: Json = False) -> None:
    """Validate an experiment before hours are spent: data, columns, targets, lengths, labels, prompt, disk space."""
    from dialora import api

    frame = api.check(load(experiment, set), output=output)
    if json:
        print_json(frame.reset_index().to_dict("records"))
    else:
        from rich.text import Text

        colors = {"ok": "green", "warning": "yellow", "failed": "red"}
        marks = {status: Text(status, style=color) for status, color in colors.items()}
        print_rows("Checks", ("check", "", "found"), [(c, marks[r.status], r.detail) for c, r in frame.iterrows()])
    if (frame.status == "failed").any():
        raise typer.Exit(2)


@app.command()
def methods(
    set: Set = None,
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the documentation.")] = False,
) -> None:
    """List the methods an experiment may name: trainable parameters, learning rate, layers, options, paper.

    All is as on the bundled base model, or on the one named by --set model=..., from its config alone.
    """
    from dialora import api
    from dialora.report.methods import list_cells, render_methods

    config = load("bundled", set)
    rows = api.methods(config)
    if json:
        print_json([row.to_json() for row in rows])
    elif markdown:
        typer.echo(render_methods(rows, model=config.model), nl=False)
    else:
        columns = ("method", "in tables", "trainable", "merges", "rate", "layers")
        print_rows(f"Methods on {config.model}", columns, [list_cells(row) for row in rows], right=(2, 4))
        typer.echo("Papers, ranges, options and their defaults: dialora methods --json, or docs/methods.md.")


__all__ = ["check", "methods", "params"]
