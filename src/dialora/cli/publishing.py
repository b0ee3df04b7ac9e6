"""The command that publishes a trained system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.options import Json, Method
from dialora.cli.printing import observing, print_json
from dialora.printable import clean


@app.command()
def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or an experiment's with --method.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="OWNER/NAME", help="The repository on the hub; made where it is missing."),
    ] = None,
    method: Method = None,
    public: Annotated[
        bool,
        typer.Option("--public/--private", help="Whether everybody may have it; nothing gets public without --public."),
    ] = False,
    license: Annotated[
        str | None,
        typer.Option(
            "--license",
            metavar="ID",
            help="Of what you publish, as apache-2.0 \\[default: the strictest of data and base].",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="OWNER/NAME", help="What the base is on the hub, where the run had it as a folder."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the folder and send nothing.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="DIR", help="The folder that is written \\[default: published/ in the run's]."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Publish a trained system on the Hugging Face hub: weights, tokenizer and a card with its scores, their intervals,
    the verdict, what it cannot do, what data and base allow, and code that loads it without dialora.

    The folder is what is sent, in one commit, and nothing else is. The token is that of `hf auth login`, or HF_TOKEN.
    """
    from dialora import api
    from dialora.models.network import forbid_telemetry

    forbid_telemetry()
    with observing(quiet=json) as observer:
        done = api.publish(
            run,
            to,
            method=method,
            public=public,
            license=license,
            base=base,
            dry_run=dry_run,
            output=output,
            observer=observer,
        )
    if json:
        print_json({"folder": str(done.folder), "url": done.url, "license": done.licence, "terms": list(done.terms)})
        return
    if done.licence == "unknown":
        typer.echo("Licence: unknown; look up that of data and base, and name yours with --license.")
    else:
        typer.echo(f"Licence: {done.licence}")
    typer.echo(f"Folder: {clean(str(done.folder))}")
    typer.echo("Nothing was sent." if done.url is None else f"Published: {done.url}")


__all__ = ["publish"]
