"""The command that draws a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialora.cli.options import Json
from dialora.cli.printing import observing, print_json, print_rows
from dialora.cli.study_app import study_app
from dialora.printable import clean

if TYPE_CHECKING:
    from dialora.study.drawing import DrawnStudy

_WHY = {"disagreement": "where systems disagree most", "length": "spread over lengths", "random": "at random"}


@study_app.command()
def create(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS... | TABLE...",
            help="Folders of finished experiments or scored tables, or a table of outputs, which is scored first.",
        ),
    ],
    items: Annotated[int, typer.Option("--items", metavar="N", help="How many dialogues to draw.")] = 60,
    design: Annotated[str, typer.Option("--design", metavar="DESIGN", help="pairwise, rating, or both.")] = "pairwise",
    raters: Annotated[int, typer.Option("--raters", metavar="N", help="How many people judge.")] = 3,
    judgements: Annotated[
        int | None,
        typer.Option("--judgements-per-item", metavar="N", help="How many of them judge each item, if not all."),
    ] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--systems", metavar="KEY", help="A system to judge, if not all. Repeatable.")
    ] = None,
    include_human: Annotated[
        bool, typer.Option("--include-human", help="Put the first reference among the systems.")
    ] = False,
    pairs: Annotated[
        str, typer.Option("--pairs", metavar="all|KEY", help="Every pair of systems, or all against one.")
    ] = "all",
    attention: Annotated[
        int | None,
        typer.Option("--attention", metavar="N", help="Attention checks a sheet, if not 1 in 15 items (at least 2)."),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", metavar="N", help="Items that a sheet asks again, if not 1 in 15."),
    ] = None,
    criteria: Annotated[
        Path | None,
        typer.Option("--criteria", metavar="FILE", help="Your own criteria, kinds of errors or instructions (YAML)."),
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Let raters say why they prefer a text.")] = False,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What raters see at the top.")] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Of the study, if not `study`; it must not tell what is compared."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another one draws other dialogues.")] = 0,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Of a table: override outputs.* or scoring.*. Repeatable."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="The study's folder, if not studies/NAME.")
    ] = None,
    json: Json = False,
) -> None:
    """Draw a blind study from finished comparisons: which dialogues, who judges what, and in which order.

    A third of the dialogues are those where the systems disagree most in ROUGE-1, a third are spread over lengths, a
    third are drawn at random. Texts that read the same are judged once. Every system stands first as often as each
    other one. Checks of attention and repeated items are planted. What raters see lies in blind/, who wrote what in
    key/, and nothing is ever written over.
    """
    from dialora.study.drawing import StudyOptions, create_study

    options = StudyOptions(
        num_dialogues=items,
        design=design,
        num_raters=raters,
        judgements_per_item=judgements,
        pairs=pairs,
        attention=attention,
        repeats=repeats,
        seed=seed,
        asks_why=why,
    )
    with observing(quiet=json) as observer:
        drawn = create_study(
            sources,
            options=options,
            systems=systems or (),
            include_human=include_human,
            criteria=criteria,
            name=name,
            title=title,
            output=output,
            set=set or (),
            observer=observer,
        )
    if json:
        print_json(drawn.to_json())
    else:
        _print_drawn(drawn)


def _print_drawn(drawn: DrawnStudy) -> None:
    lengths = [sheet.num_entries for sheet in drawn.sheets]
    minutes = [sheet.minutes for sheet in drawn.sheets]
    checks = [sheet.num_attention for sheet in drawn.sheets]
    repeats = [sheet.num_repeats for sheet in drawn.sheets]
    asked = [f"{_count(drawn.num_ratings, 'text')} to rate"] * bool(drawn.num_ratings)
    asked += [_count(drawn.num_pairs, "pair")] * bool(drawn.num_pairs)
    strata = ", ".join(f"{count:,} {_WHY[stratum]}" for stratum, count in drawn.strata.items() if count)
    rows: list[tuple[str, str]] = [
        ("systems", ", ".join(_name(key, label) for key, label in drawn.systems.items())),
        ("dialogues", f"{drawn.num_dialogues:,} of {drawn.num_available:,}: {strata}"),
        ("items", f"{' and '.join(asked)}, each judged by {drawn.judgements_per_item:,}"),
        ("same text", f"{_count(drawn.num_merged, 'time')} two systems wrote the same of a dialogue"),
        ("sheets", f"{len(drawn.sheets):,}, of {_count(lengths, 'item')} each, about {_count(minutes, 'minute')}"),
        ("checks", f"{_count(checks, 'attention check')} and {_count(repeats, 'repeat')} in each"),
    ]
    print_rows(f"Study {drawn.name}, {drawn.design}, seed {drawn.seed}", ("", "what was drawn"), rows)
    for note in drawn.notes:
        typer.echo(f"Note: {clean(note)}")
    typer.echo(f"Study: {clean(drawn.folder)} (who wrote what is in its folder key: keep it from raters)")
    typer.echo(f"Next: dialora study serve {clean(drawn.folder)}")


def _name(key: str, label: str) -> str:
    """Return a label with the key that options take, where it does not hold it."""
    return label if label == key or label.endswith(f"({key})") else f"{label} ({key})"


def _count(numbers: int | list[int] | list[float], noun: str) -> str:
    """Say a number of things, or the least and the most."""
    values = [numbers] if isinstance(numbers, int) else [round(number) for number in numbers]
    low, high = min(values), max(values)
    shown = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{shown} {noun}" if high == 1 else f"{shown} {noun}s"


__all__ = ["create"]
