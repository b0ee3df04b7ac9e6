"""Commands that use a trained system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.loading import find_default, load_run, load_system
from dialora.cli.options import Base, Json, Method, SetInUse, System
from dialora.cli.printing import observing, print_json, print_rows

LAUNCH = "launch."
"""How the options of workers begin in --set."""


@app.command()
def summarize(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders and patterns of any format of conversations (docs/summarize.md), tables of dialogues "
            "(csv, tsv, json, jsonl, parquet, xlsx), or - for standard input.",
        ),
    ],
    system: System = None,
    method: Method = None,
    base: Base = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Where to: a .jsonl, .csv, .parquet or .txt file \\[default: summaries are printed].",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="OLD=NEW", help="A new name for a speaker, as SPEAKER_00=Anna. Repeatable."),
    ] = None,
    speakers: Annotated[
        str | None,
        typer.Option(
            "--speakers",
            metavar="STYLE",
            help="How speakers are called in what is read: person_tags (#Person1#) or names \\[default: as in the "
            "system's training data].",
        ),
    ] = None,
    on_long: Annotated[
        str,
        typer.Option(
            "--on-long", metavar="HOW", help="What is longer than the system reads: split into parts, truncate, error."
        ),
    ] = "split",
    join: Annotated[
        str,
        typer.Option(
            "--join", metavar="HOW", help="Summaries of parts: concatenate them in order, or resummarize them."
        ),
    ] = "concatenate",
    prompt: Annotated[
        bool, typer.Option("--prompt", help="Only print the exact text that goes in, each part of it.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only print what is in the files: format, conversations, turns, speakers, tokens and parts.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes that summarize side by side into --output, with a share of the cores, or a GPU, each "
            "(docs/scaling.md) \\[default: this one].",
        ),
    ] = None,
    launch: Annotated[
        str | None,
        typer.Option(
            "--launch",
            metavar="ENGINE",
            help="Where they are: local, or ray; --set launch.address=… and so on as in an experiment file.",
        ),
    ] = None,
    set: SetInUse = None,
    json: Json = False,
) -> None:
    """Summarize conversations with any system: a run, an adapter, a model, a converted one, or the bundled winner.

    Turns are written as the system's training data had them, and names come back in the summary. What is longer than
    the system reads is summarized in parts. Every row of the output has its file and id, finish_reason (stop; length:
    cut at decoding.max_new_tokens), num_parts, truncated, and the names that the conversation does not have. Memory
    stays the same however much there is; interrupted or killed, the same command goes on where it was. On a processor,
    --set generation.precision=int8 is faster; `dialora parity` tells what it changes.
    """
    from dialora.api.systems import build_launch
    from dialora.cli.conversations import print_inputs, print_inspected, print_summaries, write_summaries
    from dialora.data.transcripts import parse_names
    from dialora.systems.items import open_inputs
    from dialora.systems.options import SummaryOptions

    for given, name in ((dry_run, "--dry-run"), (prompt, "--prompt")):
        if given and output is not None:
            raise typer.BadParameter(
                f"nothing is summarized with {name}; leave one of them out.", param_hint="--output"
            )
    if prompt and dry_run:
        raise typer.BadParameter("leave --dry-run out.", param_hint="--prompt")
    if json and output is not None:
        raise typer.BadParameter("is for what is printed; leave it or --output out.", param_hint="--json")
    own = [f"launch.workers={workers}"] * (workers is not None) + [f"launch.engine={launch}"] * (launch is not None)
    own += [item for item in set or () if item.startswith(LAUNCH)]
    set = [item for item in set or () if not item.startswith(LAUNCH)]
    if own and output is None:
        hint = "--launch" if workers is None else "--workers"
        raise typer.BadParameter("workers write into a file; give --output.", param_hint=hint)
    launched = build_launch(own)
    options = SummaryOptions(on_long=on_long, join=join, speakers=speakers)  # type: ignore[arg-type]
    names = parse_names(rename or ())
    with open_inputs(inputs, names=names, output=output) as opened, observing() as observer:
        is_only_looked_at = system is None and method is None and (dry_run or prompt)
        if is_only_looked_at:
            found = find_default(set, base=base)
        else:
            found = load_system(system, method, set, base=base, observer=observer)
        if dry_run:
            print_inspected(opened, found, options, json=json)
        elif prompt:
            print_inputs(opened, found, options, json=json)
        elif output is not None:
            write_summaries(opened, found, output, options, observer, launched)
        else:
            print_summaries(opened, found, options, observer, json=json)


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

    system = load_run(str(run), method, [*(set or ()), f"generation.precision={precision}"])
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
