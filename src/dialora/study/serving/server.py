"""The server of a study's application: its socket, and how it ends."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dialora.errors import InputError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Config

MAX_CONNECTIONS = 1000


def open_socket(host: str, port: int) -> socket.socket:
    """Listen at an address. Raises InputError where that is not possible."""
    place = f"--host {host} --port {port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except (UnicodeError, socket.gaierror):
        raise InputError(f"{place}: there is no such host; give an address of this machine, as 127.0.0.1.") from None
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: "another program listens there; end that one or give another --port",
            errno.EADDRNOTAVAIL: "that is no address of this machine; give 127.0.0.1, or 0.0.0.0 for all it has",
            errno.EACCES: "ports below 1024 are the system's; give a higher --port",
        }
        reason = reasons.get(error.errno or 0, error.strerror or "cannot be listened at")
        raise InputError(f"{place}: {reason}.") from None


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


def is_wildcard(host: str) -> bool:
    """Whether a host stands for all addresses of the machine."""
    try:
        return not host or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether what is sent to a host stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run_server(app: Starlette, listening: socket.socket) -> None:
    """Serve until the process is interrupted or ended."""
    import uvicorn

    uvicorn.Server(build_config(app)).run(sockets=[listening])


def build_config(app: Starlette) -> Config:
    """Say how an application is served."""
    import uvicorn

    from dialora.study.serving.connections import PassingProtocol

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


__all__ = ["build_config", "find_address", "is_local", "is_wildcard", "open_socket", "run_server"]
