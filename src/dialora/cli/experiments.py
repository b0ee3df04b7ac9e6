"""Commands that run an experiment, whole or stage by stage."""

from __future__ import annotations

from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.loading import load, load_table
from dialora.cli.options import Experiment, Json, Output, Set
from dialora.cli.printing import observing, print_json
from dialora.errors import ConfigError
from dialora.printable import clean


@app.command()
def compare(
    experiment: Experiment = "bundled",
    set: Set = None,
    output: Output = None,
    json: Json = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the jobs and how they would be launched; do nothing.")
    ] = False,
) -> None:
    """Run an experiment from end to end: train, generate, score, report.

    Only what is missing is done, so the same command resumes an interrupted experiment, and costs next to nothing on
    a finished one. The folder then holds results.json, report.md, report.html and every adapter and model.
    """
    from dialora import api

    if dry_run:
        for line in api.describe_launch(load(experiment, set), output=output).split("\n"):
            typer.echo(clean(line))
        return
    with observing(quiet=json) as observer:
        comparison = api.compare(load(experiment, set), output=output, observer=observer)
    if json:
        print_json(comparison.to_json())


@app.command()
def tune(experiment: Experiment = "bundled", set: Set = None, output: Output = None, json: Json = False) -> None:
    """Search for each trained method's learning rate on the validation split, as the experiment's `tuning` says.

    --set tuning.trials=6 asks for it where the file does not. `dialora compare` does this first and uses what it found.
    """
    from dialora import api
    from dialora.experiment.progress import build_console
    from dialora.report.labels import build_labels
    from dialora.report.terminal import print_searches

    config = load(experiment, set)
    with observing(quiet=json) as observer:
        searches = api.tune(config, output=output, observer=observer)
    if json:
        print_json([search.to_json() for search in searches])
    else:
        print_searches(searches, build_labels(config), build_console())


@app.command()
def train(experiment: Experiment = "bundled", set: Set = None, output: Output = None) -> None:
    """Train every system of an experiment that is not trained yet."""
    from dialora import api

    with observing() as observer:
        api.train(load(experiment, set), output=output, observer=observer)


@app.command()
def generate(experiment: Experiment = "bundled", set: Set = None, output: Output = None) -> None:
    """Summarize the test dialogues with every trained system."""
    from dialora import api

    with observing() as observer:
        api.generate(load(experiment, set), output=output, observer=observer)


@app.command()
def score(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EXPERIMENT | TABLE...]",
            help="An experiment, or a table of references and summaries (csv, tsv, json, jsonl, parquet, xlsx), or "
            "several files: references and one per system, tables or texts (txt) with a summary a line.",
        ),
    ] = None,
    set: Set = None,
    output: Output = None,
    json: Annotated[bool, typer.Option("--json", help="Print a table's comparison as JSON.")] = False,
) -> None:
    """Score every system's summaries: ROUGE per dialogue and reference.

    Of an experiment (bundled, if none is named), what its systems wrote. Of a table with a column or a row per system,
    or of a file per system, whoever made it, with the whole report: statistics over dialogues, figures, every summary
    side by side. Columns are recognised or named, as in --set outputs.reference_columns=[human]; --set
    outputs.dialogues=DATA joins the dialogues; --set scoring.protocol=lab counts like the notebook; --set
    scoring.tokenizer=unicode counts the words of other scripts than the Latin.
    """
    from dialora import api
    from dialora.outputs import is_table

    files = sources or ["bundled"]
    if len(files) > 1 or is_table(files[0]):
        table = load_table(files, set)
        with observing(quiet=json) as observer:
            comparison = api.score_outputs(table, output=output, observer=observer)
        if json:
            print_json(comparison.to_json())
        return
    if json:
        raise ConfigError("--json: the answer of an experiment is in its report; `dialora compare --json` prints it.")
    with observing() as observer:
        api.score(load(files[0], set), output=output, observer=observer)


@app.command()
def report(experiment: Experiment = "bundled", set: Set = None, output: Output = None) -> None:
    """Compare the scored systems: results.json, report.md, report.html and the tables here."""
    from dialora import api

    with observing() as observer:
        api.report(load(experiment, set), output=output, observer=observer)


__all__ = ["compare", "generate", "report", "score", "train", "tune"]
