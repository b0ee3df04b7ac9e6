"""The command that serves systems over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialora.cli.app import app
from dialora.cli.options import Base, SetInUse
from dialora.cli.printing import observing


@app.command()
def serve(
    systems: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SYSTEM]...",
            help="One to four systems: runs' folders, an experiment's (all its systems), adapters, models, hub ids "
            "\\[default: the bundled experiment's].",
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="A file with the token that clients send \\[default: DIALORA_TOKEN of the environment].",
        ),
    ] = None,
    allow_open: Annotated[
        bool, typer.Option("--allow-open", help="Listen on other addresses than this machine's own without a token.")
    ] = False,
    max_body: Annotated[
        int, typer.Option("--max-body", min=1, max=1024, metavar="MIB", help="The largest request, in MiB.")
    ] = 8,
    queue_tokens: Annotated[
        int,
        typer.Option(
            "--queue-tokens",
            min=1,
            max=1_000_000_000,
            metavar="N",
            help="Source tokens that wait before others are refused.",
        ),
    ] = 500_000,
    base: Base = None,
    set: SetInUse = None,
) -> None:
    """Serve summaries over HTTP, and a page to try them on: POST /v1/summaries, GET /v1/systems, /health, /ready,
    /metrics, /openapi.json.

    Requests of all clients are summarized in common batches. A full queue answers 429 with Retry-After. No text of a
    request is logged, and nothing is sent out. Ctrl-C or SIGTERM ends it when what was taken is answered; a second one
    at once.
    """
    from dialora.api.serving import find_systems, find_token, require_safe
    from dialora.api.serving import serve as run
    from dialora.cli.loading import load
    from dialora.config import BUNDLED
    from dialora.models.network import forbid_network, uses_hub
    from dialora.printable import clean

    def tell(address: str, names: list[str]) -> None:
        typer.echo(clean(f"Serving {', '.join(names)} at {address}. Ctrl-C ends."))

    token = find_token(token_file)
    require_safe(host, token, allow_open=allow_open)
    if not systems:
        load(BUNDLED, None)
    with observing() as observer:
        served = find_systems(systems or (), base=base, set=set or (), observer=observer)
        if not any(uses_hub(one.system.config) for one in served):
            forbid_network(served[0].system.config)
        run(
            served,
            host=host,
            port=port,
            token=token,
            allow_open=allow_open,
            max_body=max_body << 20,
            queue_tokens=queue_tokens,
            observer=observer,
            on_ready=tell,
        )
    typer.echo("Stopped; all that was taken is answered.")


__all__ = ["serve"]
