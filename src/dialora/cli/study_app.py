"""The application of a study's commands."""

import typer

from dialora.cli.app import app

study_app = typer.Typer(
    no_args_is_help=True,
    help="Blind judgement by people: draw a study, serve it to raters, analyse what they say.",
)
app.add_typer(study_app, name="study")

__all__ = ["study_app"]
