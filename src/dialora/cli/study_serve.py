"""Commands that serve a study to raters and tell how far they are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from dialora.cli.options import Json
from dialora.cli.printing import print_json, print_rows
from dialora.cli.study_app import Ratings, Study, study_app
from dialora.errors import InputError
from dialora.printable import clean

if TYPE_CHECKING:
    from dialora.study.folder import BlindStudy
    from dialora.study.serving.links import Links
    from dialora.study.serving.progress import StudyProgress

MOST_DAYS = 3650


@study_app.command()
def serve(
    study: Study,
    host: Annotated[str, typer.Option("--host", help="Where to listen; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8321,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Where raters reach it, as https://study.example.org.")
    ] = None,
    ratings: Ratings = None,
    expires: Annotated[
        float | None, typer.Option("--expires", metavar="DAYS", help="Days after which the links printed now run out.")
    ] = None,
    invite: Annotated[
        int | None, typer.Option("--invite", metavar="N", help="Print rater N's link alone and leave.")
    ] = None,
    show_results: Annotated[
        bool, typer.Option("--show-results", help="Show results by system on the owner's page before the end.")
    ] = False,
) -> None:
    """Serve a study: prints each rater's invitation and the owner's link, and runs until Ctrl-C.

    A rater's page names no system; what is answered is on disk before the page says so. The same command goes on with
    the same links, days later too. Over the internet put it behind a server that speaks HTTPS and give --url.
    """
    from dialora.study.events import EventStore
    from dialora.study.folder import find_study
    from dialora.study.serving.app import build_address, build_app
    from dialora.study.serving.links import Links
    from dialora.study.serving.server import find_address, run_server
    from dialora.web.sockets import open_socket

    if expires is not None and not 0 < expires <= MOST_DAYS:
        raise InputError(f"--expires {expires:g}: give a number of days, above 0 and at most {MOST_DAYS:,}.")
    folder = find_study(study)
    blind = folder.load_blind()
    if invite is not None and not 1 <= invite <= len(blind.sheets):
        raise InputError(f"--invite {invite}: the study has raters 1 to {len(blind.sheets)}.")
    with open_socket(host, port if invite is None else 0) as listening:
        address = find_address(listening, host, url)
        if invite is not None:
            address = address if url else f"{address.rpartition(':')[0]}:{port}"
            typer.echo(build_address(address, "r", Links.open(folder).invite(invite, expires_days=expires)))
            return
        with EventStore.open(folder, ratings) as store:
            app = build_app(folder, store, show_results=show_results, url=url, expires_days=expires)
            _print_links(blind, Links.open(folder), address, expires)
            _warn_of_clear_text(host, url)
            # In a shell's background an interrupt ends the server without an exception.
            with suppress(KeyboardInterrupt):
                run_server(app, listening)
    typer.echo("Stopped. What was answered is kept; the same command goes on with the same links.")


@study_app.command()
def status(study: Study, ratings: Ratings = None, json: Json = False) -> None:
    """Tell how far a study's raters are, and how much they agree; nothing by system."""
    from dialora.study.folder import find_study
    from dialora.study.serving.progress import measure_study

    progress = measure_study(find_study(study), ratings)
    if json:
        print_json(progress.to_json())
    else:
        _print_progress(progress)


def _print_links(study: BlindStudy, links: Links, address: str, expires: float | None) -> None:
    from dialora.study.serving.app import build_address

    typer.echo(clean(f"{study.settings.title}\n"))
    # One a line and no frame: a link that a table breaks cannot be copied.
    for sheet in study.sheets:
        link = build_address(address, "r", links.invite(sheet.number, expires_days=expires))
        typer.echo(f"Rater {sheet.number:<3} {link}")
    typer.echo(f"Owner     {build_address(address, 'owner', links.sign_owner())}\n")
    typer.echo("Send each rater one link; the owner's shows progress and is yours alone. Ctrl-C ends.")


def _warn_of_clear_text(host: str, url: str | None) -> None:
    from dialora.web.sockets import is_local

    if not is_local(host) and not (url or "").startswith("https://"):
        typer.echo(
            "warning: links and ratings travel in clear text: whoever is on the way can read them, and send others. "
            "Put a server that speaks HTTPS in front and give its address as --url.",
            err=True,
        )


def _print_progress(progress: StudyProgress) -> None:
    rows = [
        (str(one.sheet), f"{one.num_answered} of {one.num_asked}",
         "–" if one.median_seconds is None else f"{one.median_seconds:.0f}", str(one.num_pauses),
         "–" if one.last_seen is None else one.last_seen.replace("T", " ").replace("+00:00", " UTC"))
        for one in progress.sheets
    ]  # fmt: skip
    title = f"{progress.name}: {progress.num_answered:,} of {progress.num_asked:,} answered"
    print_rows(title, ("rater", "answered", "seconds an item", "pauses", "last seen"), rows, right=(0, 1, 2, 3))
    print_rows(
        "Agreement so far (Krippendorff's alpha, planted items among it)",
        ("", "alpha", "items judged by two or more"),
        [
            (one.label, "–" if one.alpha is None else f"{one.alpha:.2f}", f"{one.num_items:,}")
            for one in progress.agreements
        ],
        right=(1, 2),
    )


__all__ = ["serve", "status"]
