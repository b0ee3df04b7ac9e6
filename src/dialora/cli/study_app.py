"""The application of a study's commands, and what they all take."""

from typing import Annotated

import typer

from dialora.cli.app import app

study_app = typer.Typer(
    no_args_is_help=True,
    help="Blind judgement by people: draw a study, serve it to raters, analyse what they say.",
)
app.add_typer(study_app, name="study")

Study = Annotated[str, typer.Argument(metavar="STUDY", help="A study's folder, or its name in studies/.")]
Ratings = Annotated[
    str | None,
    typer.Option(
        "--ratings",
        metavar="URL",
        help="Data base of the ratings, postgresql://USER@HOST/NAME \\[default: a file of it].",
    ),
]

__all__ = ["Ratings", "Study", "study_app"]
