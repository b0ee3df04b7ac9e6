"""Commands that say what people judged, and how large a study has to be."""

from __future__ import annotations

from typing import Annotated

import typer

from dialora.cli.options import Json
from dialora.cli.printing import print_json
from dialora.cli.study_app import Ratings, Study, study_app
from dialora.errors import ConfigError
from dialora.printable import clean

LARGEST = 10_000
"""Dialogues or raters that a study is simulated with."""
MOST_JUDGEMENTS = 500_000
"""Of one study of each size and share asked for: what takes about half a minute."""


@study_app.command()
def analyse(
    study: Study,
    ratings: Ratings = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Count raters who failed attention checks or answered too fast, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what people judged: who was preferred, ratings, agreement, how raters worked, what metrics tell of it.

    Writes analysis.json into the study's folder and the result into the folder of every system that was judged, where
    `dialora report` shows it. Can be run at any time; an unfinished study is said to be one.
    """
    from dialora import api
    from dialora.comparison.people_verdict import describe_study
    from dialora.experiment.progress import build_console
    from dialora.report.people import build_study_tables
    from dialora.report.terminal import print_table

    result = api.analyse_study(study, ratings=ratings, keep_all=keep_all)
    if json:
        print_json(result.to_json())
        return
    console = build_console()
    console.print(clean(describe_study(result)), style="bold", markup=False, highlight=False)
    for table in build_study_tables(result):
        print_table(table, {}, console)
    for note in result.notes:
        console.print(clean(f"• {note}"), markup=False, highlight=False)


@study_app.command()
def power(
    items: Annotated[
        list[int] | None, typer.Option("--items", metavar="N", help="Dialogues \\[default: 20 to 200]. Repeatable.")
    ] = None,
    raters: Annotated[
        list[int] | None, typer.Option("--raters", metavar="N", help="Raters of each \\[default: 1, 3, 5]. Repeatable.")
    ] = None,
    share: Annotated[
        list[float] | None,
        typer.Option("--share", metavar="P", help="True share of one, as .6 \\[default: .55 to .7]. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the simulation.")] = 0,
    json: Json = False,
) -> None:
    """Say how likely a study of some size is to find that one system is truly preferred to another, by simulation."""
    from dialora.experiment.progress import build_console
    from dialora.report.terminal import print_table
    from dialora.study.analysis.power import (
        DIALOGUES,
        NUM_STUDIES,
        RATERS,
        SHARES,
        build_power_table,
        simulate_power,
    )

    for name, values, least in (("--items", items, 2), ("--raters", raters, 1)):
        for value in values or ():
            if not least <= value <= LARGEST:
                raise ConfigError(f"{name} {value}: must be from {least} to {LARGEST:,}.")
    for wanted in share or ():
        if not 0.01 <= wanted <= 0.99:
            raise ConfigError(f"--share {wanted:g}: must be a share from 0.01 to 0.99, as in 0.6 for 60 %.")
    sizes = [(number, people) for number in items or DIALOGUES for people in raters or RATERS]
    judgements = sum(number * people for number, people in sizes) * len(share or SHARES)
    if judgements > MOST_JUDGEMENTS:
        raise ConfigError(
            f"--items and --raters: the sizes asked for have {judgements:,} judgements together, and each is simulated "
            f"{NUM_STUDIES:,} times; ask for at most {MOST_JUDGEMENTS:,} at once: fewer dialogues, raters or shares."
        )
    found = simulate_power(items or DIALOGUES, raters or RATERS, share or SHARES, seed=seed)
    if json:
        print_json([one.to_json() for one in found])
    else:
        print_table(build_power_table(found), {}, build_console())


__all__ = ["analyse", "power"]
