"""The server of a study's application: its address, and how it ends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dialora.errors import InputError
from dialora.web.sockets import is_wildcard

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Config

MAX_CONNECTIONS = 1000


def find_address(listening: socket.socket, host: str, url: str | None) -> str:
    """Return the address that links begin with: `url`, else where the socket listens.

    Raises InputError where that is none that a browser can open.
    """
    if url is not None:
        _require_url(url)
        return url.rstrip("/")
    if is_wildcard(host):
        raise InputError(
            f"--host {host}: give --url too, the address at which raters reach this machine, as in "
            "http://192.168.1.5:8321."
        )
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def run_server(app: Starlette, listening: socket.socket) -> None:
    """Serve until the process is interrupted or ended."""
    import uvicorn

    uvicorn.Server(build_config(app)).run(sockets=[listening])


def build_config(app: Starlette) -> Config:
    """Say how an application is served."""
    import uvicorn

    from dialora.web.connections import PassingProtocol

    return uvicorn.Config(
        app,
        http=PassingProtocol,
        log_config=None,
        # It would hold the tokens of all links.
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )


def _require_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    if not is_usable or parts.query or parts.fragment or parts.username is not None or not url.isprintable():
        raise InputError(f"--url {url}: give the address that raters open, as in https://study.example.org.")


__all__ = ["build_config", "find_address", "run_server"]
