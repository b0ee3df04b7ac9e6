"""Commands that use a trained system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.conversations import print_inspected
from dialora.cli.loading import load_system
from dialora.cli.options import Json, Method, OptionalRun, SetInUse
from dialora.cli.printing import observing, print_json, print_rows


@app.command()
def summarize(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="A table of dialogues (csv, tsv, json, jsonl, parquet, xlsx) or texts (txt), each read as it stands, "
            "chats and captions too; with --dry-run files, folders and patterns of any format of conversations, or - "
            "for standard input.",
        ),
    ],
    run: OptionalRun = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to: a .jsonl or .csv file.")
    ] = None,
    method: Method = None,
    set: SetInUse = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only print what is in the files: format, conversations, turns, speakers; nothing is summarized.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Summarize a file of dialogues of any length with a trained system, in the file's order.

    Memory stays the same however long the file is. Interrupted or killed, the same command goes on where it was. Each
    output row has row, id, summary and truncated (the dialogue was longer than the system reads). On a processor,
    --set generation.precision=int8 is faster; `dialora parity` tells what it changes.
    """
    from dialora import api

    if dry_run:
        given = {"--run": run, "--output": output, "--method": method, "--set": set}
        if unused := [name for name, value in given.items() if value]:
            raise typer.BadParameter("only looks at the files; leave it out with --dry-run.", param_hint=unused[0])
        print_inspected(source, json=json)
        return
    if json:
        raise typer.BadParameter("summaries are written to --output; --json is for --dry-run.", param_hint="--json")
    if len(source) > 1:
        raise typer.BadParameter("one table or folder of texts is summarized at a time.", param_hint="SOURCE")
    if run is None or output is None:
        missing = "--run" if run is None else "--output"
        raise typer.BadParameter("is missing; only --dry-run goes without.", param_hint=missing)
    system = load_system(run, method, set)
    with observing() as observer:
        api.summarize_file(source[0], run=system, output=output, observer=observer)
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
    from dialora import api

    system = load_system(run, method, [*(set or ()), f"generation.precision={precision}"])
    with observing(quiet=json) as observer:
        found = api.parity(system, observer=observer)
    if json:
        print_json(found.to_json())
        return
    rows = [
        (metric, f"{100 * found.scores_fp32[metric]:.2f}", f"{100 * found.scores[metric]:.2f}",
         f"{100 * difference:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]")
        for metric, (difference, low, high) in found.differences.items()
    ]  # fmt: skip
    title = f"{found.system}: {found.precision} ({found.engine}) against fp32"
    print_rows(title, ("", "fp32", found.precision, "difference, 95 %"), rows, right=(1, 2, 3))
    before = found.generate_seconds_fp32
    typer.echo(
        f"{found.num_equal} of {found.num_dialogues} summaries are the same. {found.generate_seconds:.1f} s"
        + ("." if before is None else f", in fp32 {before:.1f} s.")
    )


__all__ = ["parity", "summarize"]
