"""The server of a study's application: its address, and how it ends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dialora.errors import InputError
from dialora.web.sockets import is_wildcard

if TYPE_CHECKING:
    from starlette.applications import Starlette

SEND_SECONDS = 5
"""Within which a rater's page has to have read its answer where the server ends."""


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

    from dialora.web.settings import build_config

    uvicorn.Server(build_config(app, send_seconds=SEND_SECONDS)).run(sockets=[listening])


def _require_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    if not is_usable or parts.query or parts.fragment or parts.username is not None or not url.isprintable():
        raise InputError(f"--url {url}: give the address that raters open, as in https://study.example.org.")


__all__ = ["SEND_SECONDS", "find_address", "run_server"]
