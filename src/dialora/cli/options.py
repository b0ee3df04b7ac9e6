"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Experiment = Annotated[
    str, typer.Argument(metavar="[EXPERIMENT]", help="An experiment file, or a shipped one: bundled, seed.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, as in training.num_train_epochs=3. Repeatable."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="DIR", help="The experiment's folder \\[default: runs/NAME]."),
]
System = Annotated[
    str | None,
    typer.Option(
        "--system",
        "--run",
        metavar="SYSTEM",
        help="A run's folder, an experiment's with --method, an export's, a PEFT adapter's, a model's, one converted "
        "for CTranslate2, or a hub id \\[default: the winner of the bundled experiment].",
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="MODEL",
        help="The model of an adapter that names another place for it, or of a converted folder.",
    ),
]
Method = Annotated[
    str | None, typer.Option("--method", metavar="KEY", help="Which of an experiment's systems, by its method.")
]
SetInUse = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override generation.*, decoding.* or a column, and of what is no run prompt, data.max_source_length or "
        "model_revision. Repeatable.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]

__all__ = ["Base", "Experiment", "Json", "Method", "Output", "Set", "SetInUse", "System"]
