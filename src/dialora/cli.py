"""The command line: thin verbs over the pipeline. Importing it loads neither torch nor transformers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialora.errors import ConfigError, DialoraError, Interrupted

if TYPE_CHECKING:
    from dialora.config import ExperimentConfig
    from dialora.systems import System
    from dialora.workspace import Workspace

app = typer.Typer(
    name="dialora",
    help="On your own dialogues: is LoRA as good as full fine-tuning, how sure are we, and what did each cost?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

data = typer.Typer(help="Look at a data set before anything is trained on it.", no_args_is_help=True)
app.add_typer(data, name="data")

Experiment = Annotated[
    str, typer.Argument(metavar="[EXPERIMENT]", help="An experiment file, or a shipped one: bundled, seed.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, as in training.num_train_epochs=3. Repeatable."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="DIR", help="The experiment's folder [default: runs/NAME]."),
]
Run = Annotated[Path, typer.Option("--run", metavar="FOLDER", help="A run's folder, or an experiment's with --method.")]
Method = Annotated[
    str | None, typer.Option("--method", metavar="KEY", help="Which of an experiment's systems, by its method.")
]
SetInUse = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override generation.*, decoding.* or a column. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """On your own dialogues: is LoRA as good as full fine-tuning, how sure are we, and what did each cost?

    Exit codes: 0 done, 1 the work failed, 2 bad input, 130 interrupted (the same command goes on).
    """
    if version:
        from dialora import __version__

        typer.echo(f"dialora {__version__}")
        raise typer.Exit


@app.command()
def compare(experiment: Experiment = "bundled", set: Set = None, output: Output = None, json: Json = False) -> None:
    """Run an experiment from end to end: train, generate, score, report.

    Only what is missing is done, so the same command resumes an interrupted experiment, and costs next to nothing on
    a finished one. The folder then holds results.json, report.md, report.html and every adapter and model.
    """
    from dialora import pipeline

    with _observing(quiet=json) as observer:
        comparison = pipeline.compare(_load(experiment, set), output=output, observer=observer)
    if json:
        _print_json(comparison.to_json())


@app.command()
def tune(experiment: Experiment = "bundled", set: Set = None, output: Output = None, json: Json = False) -> None:
    """Search for each trained method's learning rate on the validation split, as the experiment's `tuning` says.

    --set tuning.trials=6 asks for it where the file does not. `dialora compare` does this first and uses what it found.
    """
    from dialora import pipeline
    from dialora.assembly import build_labels
    from dialora.errors import ConfigError
    from dialora.progress import build_console
    from dialora.report.terminal import print_table
    from dialora.report.tuning import build_tuning_notes, build_tuning_table

    config = _load(experiment, set)
    if config.tuning is None:
        raise ConfigError("tuning: this experiment asks for no search; --set tuning.trials=6 does.")
    with _observing(quiet=json) as observer, pipeline.open_workspace(config, output, observer) as workspace:
        pipeline.require_checks(workspace, observer)
        searches = [planned.require_outcome() for planned in pipeline.tune_methods(workspace, observer).searches]
    if json:
        _print_json([search.to_json() for search in searches])
        return
    labels, console = build_labels(config), build_console()
    table = build_tuning_table(searches, labels)
    if table is not None:
        print_table(table, {}, console)
    for note in build_tuning_notes(searches, labels):
        console.print(note, markup=False)


@app.command()
def train(experiment: Experiment = "bundled", set: Set = None, output: Output = None) -> None:
    """Train every system of an experiment that is not trained yet."""
    from dialora import pipeline

    def stage(workspace: Workspace, observer: Any) -> None:
        pipeline.require_checks(workspace, observer)
        pipeline.train_runs(pipeline.tune_methods(workspace, observer), observer)

    _run_stage(experiment, set, output, stage)


@app.command()
def generate(experiment: Experiment = "bundled", set: Set = None, output: Output = None) -> None:
    """Summarize the test dialogues with every trained system."""
    from dialora import pipeline

    _run_stage(experiment, set, output, pipeline.generate_runs)


@app.command()
def score(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="[EXPERIMENT | TABLE]",
            help="An experiment, or a table of references and summaries (csv, tsv, json, jsonl, parquet).",
        ),
    ] = "bundled",
    set: Set = None,
    output: Output = None,
    json: Annotated[bool, typer.Option("--json", help="Print a table's comparison as JSON.")] = False,
) -> None:
    """Score every system's summaries: ROUGE per dialogue and reference.

    Of an experiment, what its systems wrote. Of a table with a column per system, whoever made it, with the whole
    report: statistics over dialogues, figures, every summary side by side. Columns are recognised or named, as in
    --set outputs.reference_columns=[human]; --set outputs.dialogues=DATA joins the dialogues; --set
    scoring.protocol=lab counts like the notebook.
    """
    from dialora import pipeline
    from dialora.data.output_columns import is_table

    if is_table(experiment):
        from dialora.checkpoint import forbid_network_to_scoring
        from dialora.outputs import load_outputs_config, score_outputs

        config = load_outputs_config(experiment, set or ())
        forbid_network_to_scoring(config.scoring.learned, config.outputs.dialogues)
        with _observing(quiet=json) as observer:
            comparison = score_outputs(config, output=output, observer=observer)
        if json:
            _print_json(comparison.to_json())
        return
    if json:
        raise ConfigError("--json: the answer of an experiment is in its report; `dialora compare --json` prints it.")
    _run_stage(experiment, set, output, pipeline.score_runs)


@app.command()
def report(experiment: Experiment = "bundled", set: Set = None, output: Output = None) -> None:
    """Compare the scored systems: results.json, report.md, report.html and the tables here."""
    from dialora import pipeline

    _run_stage(experiment, set, output, pipeline.report_runs)


@app.command()
def summarize(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="A table of dialogues (csv, tsv, json, jsonl, parquet), or texts (txt)."),
    ],
    run: Run,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where to: a .jsonl or .csv file.")],
    method: Method = None,
    set: SetInUse = None,
) -> None:
    """Summarize a file of dialogues of any length with a trained system, in the file's order.

    Memory stays the same however long the file is. Interrupted or killed, the same command goes on where it was. Each
    output row has row, id, summary and truncated (the dialogue was longer than the system reads). On a processor,
    --set generation.precision=int8 is faster; `dialora parity` tells what it changes.
    """
    from dialora.summaries import summarize_file

    system = _find_system(run, method, set)
    with _observing() as observer:
        summarize_file(system, source, output, observer=observer)
    typer.echo(f"Summaries: {output}")


@app.command()
def parity(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or an experiment's with --method.")],
    precision: Annotated[str, typer.Option("--precision", help="int8, bf16 or fp32.")] = "int8",
    method: Method = None,
    set: SetInUse = None,
    json: Json = False,
) -> None:
    """Compare a system's summaries in a lower precision with those in fp32, on its test dialogues: how many are the
    same, what ROUGE loses, with its interval, and the time.
    """
    from dialora.precision import measure_precision

    system = _find_system(run, method, [*(set or ()), f"generation.precision={precision}"])
    with _observing(quiet=json) as observer:

        def tell(done: int, total: int) -> None:
            observer({"event": "progress", "stage": "generation", "run": system.folder.name, "key": system.key,
                      "done": done, "total": total})  # fmt: skip

        found = measure_precision(
            system, on_progress=tell, on_warning=lambda message: observer({"event": "warning", "message": message})
        )
    if json:
        _print_json(found.to_json())
        return
    rows = [
        (metric, f"{100 * found.scores_fp32[metric]:.2f}", f"{100 * found.scores[metric]:.2f}",
         f"{100 * difference:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]")
        for metric, (difference, low, high) in found.differences.items()
    ]  # fmt: skip
    title = f"{found.system}: {found.precision} ({found.engine}) against fp32"
    _print_table(title, ("", "fp32", found.precision, "difference, 95 %"), rows, right=(1, 2, 3))
    before = found.generate_seconds_fp32
    typer.echo(
        f"{found.num_equal} of {found.num_dialogues} summaries are the same. {found.generate_seconds:.1f} s"
        + ("." if before is None else f", in fp32 {before:.1f} s.")
    )


@app.command()
def params(experiment: Experiment = "bundled", set: Set = None, json: Json = False) -> None:
    """Count trainable and all parameters of every method, from the base model's config alone (no weights needed)."""
    from dialora import api

    frame = api.params(_load(experiment, set))
    if json:
        _print_json(frame.reset_index().to_dict("records"))
        return
    rows = [
        (label, f"{row.trainable_params:,}", f"{row.total_params:,}", f"{row.trainable_percent:.2f} %")
        for label, row in frame.iterrows()
    ]
    _print_table("Parameters", ("", "trainable", "all", "trainable share"), rows, right=(1, 2, 3))


@app.command()
def check(experiment: Experiment = "bundled", set: Set = None, output: Output = None, json: Json = False) -> None:
    """Validate an experiment before hours are spent: data, columns, targets, lengths, labels, prompt, disk space."""
    from dialora import api

    frame = api.check(_load(experiment, set), output=output)
    if json:
        _print_json(frame.reset_index().to_dict("records"))
    else:
        marks = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]"}
        _print_table("Checks", ("check", "", "found"), [(c, marks[r.status], r.detail) for c, r in frame.iterrows()])
    if (frame.status == "failed").any():
        raise typer.Exit(2)


@app.command()
def methods(
    set: Set = None,
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the documentation.")] = False,
) -> None:
    """List the methods an experiment may name: paper, trainable parameters, learning rate, options.

    Parameters are counted on the bundled base model, or on the one named by --set model=..., from its config alone.
    """
    from dialora import catalog

    config = _load("bundled", set)
    rows = catalog.describe_methods(config)
    if json:
        _print_json([row.to_json() for row in rows])
    elif markdown:
        typer.echo(catalog.render_methods(rows, model=config.model), nl=False)
    else:
        shown = [
            (
                row.method,
                row.label,
                catalog.format_counts(row)[0],
                catalog.format_mergeable(row),
                "–" if row.learning_rate is None else f"{row.learning_rate:g}",
                catalog.name_paper(row),
            )
            for row in rows
        ]
        columns = ("method", "in tables", "trainable", "merges", "rate", "paper")
        _print_table(f"Methods on {config.model}", columns, shown, right=(2, 4))
        typer.echo("Options and their defaults: dialora methods --json, or docs/methods.md.")


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
        Path | None, typer.Option("--output", metavar="DIR", help="Folder of the page [default: runs/data-check/NAME].")
    ] = None,
    json: Json = False,
) -> None:
    """Look for what would spoil a comparison: sizes, lengths, truncation, duplicates within and across splits,
    references that repeat or are copied, unknown speakers, empty fields, encoding damage.

    Writes data-check.html and data-check.json. Findings are no failure: the exit code is 0 when the check ran.
    """
    from dialora import api
    from dialora.checkpoint import forbid_network
    from dialora.workspace import RUNS

    forbid_network(api.load_data_experiment(source, set or ()))
    folder = output or RUNS / "data-check" / (Path(source).expanduser().resolve().stem or "data")
    found = api.check_data(source, set=set or (), output=folder)
    if json:
        _print_json(found.to_json())
        return
    from dialora.progress import build_console
    from dialora.report.data_check import print_data_check

    console = build_console()
    print_data_check(found, console)
    console.print(f"\nReport: {folder}/data-check.html  ·  {folder}/data-check.json", markup=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a DialoraError is one line per problem, not a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        # Outside of standalone mode click gives back the code of an Exit, and what a command returns.
        code = app(arguments, standalone_mode=False)
    except DialoraError as error:
        if "--debug" in arguments:
            raise
        _print_error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _print_error(Interrupted("stopped."))
        return Interrupted.exit_code
    except Exception as error:
        # click's usage errors know their own exit code (2) and how to show themselves.
        if not hasattr(error, "show"):
            raise
        error.show()
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0


def _load(experiment: str, overrides: list[str] | None) -> ExperimentConfig:
    from dialora.checkpoint import forbid_network
    from dialora.config import load_experiment

    config = load_experiment(experiment, overrides or ())
    forbid_network(config)
    return config


def _find_system(run: Path, method: str | None, overrides: list[str] | None) -> System:
    from dialora.checkpoint import forbid_network
    from dialora.systems import find_system

    system = find_system(run, method=method, set=overrides or ())
    forbid_network(system.config)
    return system


def _run_stage(
    experiment: str, overrides: list[str] | None, output: Path | None, stage: Callable[[Workspace, Any], object]
) -> None:
    from dialora.workspace import open_workspace

    config = _load(experiment, overrides)
    with _observing() as observer, open_workspace(config, output, observer) as workspace:
        stage(workspace, observer)


@contextmanager
def _observing(*, quiet: bool = False) -> Iterator[Any]:
    from dialora.progress import ProgressDisplay

    with ProgressDisplay(quiet=quiet) as display:
        yield display


def _print_error(error: DialoraError) -> None:
    name = type(error).__name__
    for line in str(error).splitlines():
        typer.echo(f"{name}: {line}", err=True)
    if isinstance(error, Interrupted):
        typer.echo("The same command goes on from here.", err=True)


def _print_json(values: Any) -> None:
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False))


def _print_table(
    title: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    right: tuple[int, ...] = (),
    lines: bool = False,
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_lines=lines)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i in right else "left", overflow="fold", no_wrap=i == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


__all__ = ["app", "main"]
