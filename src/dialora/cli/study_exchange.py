"""Commands that take a study to raters as files, and what they say back in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialora.cli.options import Json
from dialora.cli.printing import print_json
from dialora.cli.study_app import Ratings, Study, study_app
from dialora.errors import InputError
from dialora.printable import clean

if TYPE_CHECKING:
    from dialora.study.exchange.ratings_file import ImportedSheet
    from dialora.study.folder import BlindStudy, StudyFolder
    from dialora.study.judgements import Event

LABEL_STUDIO, POTATO = "label-studio", "potato"


@study_app.command("export")
def export_study(
    study: Study,
    static: Annotated[
        Path | None, typer.Option("--static", metavar="OUT.html", help="Write the raters' page as one file.")
    ] = None,
    sheet: Annotated[
        int | None, typer.Option("--sheet", metavar="N", help="With --static: rater N's sheet alone.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="Write it for label-studio or potato.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", metavar="DIR", help="With --format: where to.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE.csv", help="Write what was answered so far as a table.")
    ] = None,
    unblind: Annotated[
        bool, typer.Option("--unblind", help="With --csv: say which systems wrote what. Not before the end.")
    ] = False,
    ratings: Ratings = None,
) -> None:
    """Write a study as files: a page that works without a server, another tool's format, a table of answers.

    No file names a system unless --unblind is given. A page's rater sends back a file; `dialora study import` reads it.
    """
    from dialora.study.folder import find_study

    if static is None and format is None and csv is None:
        raise InputError("export: say what to write: --static OUT.html, --format FORMAT --output DIR, --csv FILE.csv.")
    if (format is None) != (output is None):
        raise InputError(f"--format and --output go together: give both; the formats are {LABEL_STUDIO} and {POTATO}.")
    if sheet is not None and static is None:
        raise InputError("--sheet: goes with --static.")
    if unblind and csv is None:
        raise InputError("--unblind: goes with --csv.")
    folder = find_study(study)
    if static is not None:
        _write_page(folder, static, sheet)
    if format is not None and output is not None:
        _write_format(folder.load_blind(), format, output)
    if csv is not None:
        _write_table(folder, csv, unblind=unblind, ratings=ratings)


@study_app.command("import")
def import_ratings(
    study: Study,
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="What raters sent back.")],
    format: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="They come from label-studio or potato \\[default: our page]."),
    ] = None,
    sheet: Annotated[
        int | None, typer.Option("--sheet", metavar="N", help="With --format: they are rater N's \\[default: found].")
    ] = None,
    ratings: Ratings = None,
    json: Json = False,
) -> None:
    """Take ratings from files into a study. All files are checked first; what is known already is not added again."""
    from dataclasses import asdict

    from dialora.study.events import EventStore
    from dialora.study.exchange.ratings_file import add_events
    from dialora.study.folder import find_study

    if sheet is not None and format is None:
        raise InputError("--sheet: goes with --format; a file of our page says itself whose it is.")
    folder = find_study(study)
    blind = folder.load_blind()
    events = [_read_file(file, format, folder, blind, sheet) for file in files]
    with EventStore.open(folder, ratings) as store:
        imported = add_events(store, events)
    if json:
        print_json([asdict(one) for one in imported])
    else:
        _print_imported(imported, blind)


def _write_page(folder: StudyFolder, path: Path, sheet: int | None) -> None:
    from dialora.study.exchange.static_page import export_page

    sheets = export_page(folder, path, sheet)
    whose = f"rater {sheets[0].number}" if len(sheets) == 1 else f"all {len(sheets)} raters"
    typer.echo(clean(f"{path}: the page of {whose}. It opens in any browser and names no system."))
    typer.echo(f"Raters send back a file; take it in with: dialora study import {clean(str(folder.root))} FILE")


def _write_format(blind: BlindStudy, format: str, output: Path) -> None:
    if format == LABEL_STUDIO:
        from dialora.study.exchange.label_studio import export_label_studio as write
    elif format == POTATO:
        from dialora.study.exchange.potato import export_potato as write
    else:
        raise InputError(f"--format {format}: give {LABEL_STUDIO} or {POTATO}.")
    for path in write(blind, output):
        typer.echo(clean(str(path)))


def _write_table(folder: StudyFolder, path: Path, *, unblind: bool, ratings: str | None) -> None:
    from dialora.study.events import EventStore
    from dialora.study.exchange.ratings_table import export_ratings

    blind = folder.load_blind()
    with EventStore.open(folder, ratings) as store:
        events = store.load()
    count = export_ratings(blind, events, path, key=folder.load_key() if unblind else None)
    named = "with the systems' names" if unblind else "no system named"
    typer.echo(clean(f"{path}: {count:,} answers, {named}."))


def _read_file(
    path: Path, format: str | None, folder: StudyFolder, blind: BlindStudy, sheet: int | None
) -> list[Event]:
    if format is None:
        from dialora.study.exchange.ratings_file import read_ratings

        return read_ratings(path, study_id=folder.id, study=blind)
    if format == LABEL_STUDIO:
        from dialora.study.exchange.label_studio import read_label_studio

        return read_label_studio(path, blind, sheet=sheet)
    if format == POTATO:
        from dialora.study.exchange.potato import read_potato

        return read_potato(path, blind, sheet=sheet)
    raise InputError(f"--format {format}: give {LABEL_STUDIO} or {POTATO}, or leave it out for our page's files.")


def _print_imported(imported: list[ImportedSheet], blind: BlindStudy) -> None:
    for one in imported:
        asked = len(blind.find_sheet(one.sheet).entries)
        typer.echo(f"Rater {one.sheet}: {one.num_answered} of {asked} items answered; {one.num_new} new events.")
        if one.had_others:
            typer.echo(
                f"Note: the same items of rater {one.sheet} were answered elsewhere, too. Of each the answer that came "
                "in last counts: make sure that two people did not use the same number."
            )
    if not imported:
        typer.echo("These files hold no events: nothing was answered in them.")


__all__ = ["export_study", "import_ratings"]
