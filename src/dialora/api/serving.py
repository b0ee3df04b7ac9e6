"""Systems over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.api.inputs import Overrides, Watch
from dialora.config import BUNDLED
from dialora.errors import ConfigError
from dialora.records import ignore_events
from dialora.store import RUNS

if TYPE_CHECKING:
    from dialora.serving.served import ServedSystem

TOKEN_VARIABLE = "DIALORA_TOKEN"
SHORTEST_TOKEN = 16


def serve(
    systems: Sequence[str | Path] | Sequence[ServedSystem] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    allow_open: bool = False,
    max_body: int | None = None,
    queue_tokens: int | None = None,
    base: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
    on_ready: Callable[[str, list[str]], None] = lambda address, names: None,
) -> None:
    """Serve one to four systems until the process is ended: their summaries over HTTP, and a page.

    `systems` are as in `load`; an experiment's folder is all its systems, and without any they are the bundled
    experiment's, which is run first where it has not been. `max_body` is in bytes, `queue_tokens` how many source
    tokens may wait. On another address than this machine's own a token is needed, unless `allow_open`. `on_ready` is
    told the address and the systems' names when they are loaded. Raises DialoraError.
    """
    from dialora.serving.app import ServerOptions
    from dialora.serving.server import SummaryServer
    from dialora.web.sockets import is_local, open_socket

    require_safe(host, token, allow_open=allow_open)
    told = observer or ignore_events
    with open_socket(host, port) as listening:
        served = find_systems(systems, base=base, set=set, observer=observer)
        standard = ServerOptions()
        options = ServerOptions(
            token=None if token is None else check_token(token, "token"),
            is_loopback=is_local(host),
            max_body=standard.max_body if max_body is None else max_body,
            queue_tokens=standard.queue_tokens if queue_tokens is None else queue_tokens,
        )
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        server = SummaryServer(
            served,
            options,
            on_warning=lambda message: told({"event": "warning", "message": message}),
            on_ready=lambda: on_ready(address, [one.name for one in served]),
        )
        server.serve_on(listening)


def find_systems(
    systems: Sequence[str | Path] | Sequence[ServedSystem],
    *,
    base: str | None = None,
    set: Overrides = (),
    observer: Watch = None,
) -> list[ServedSystem]:
    """Return the systems that `serve` serves under some names; loads none yet. Raises DialoraError."""
    from dialora.serving.served import ServedSystem, find_served

    names = [one for one in systems if not isinstance(one, ServedSystem)]
    if systems and not names:
        return [one for one in systems if isinstance(one, ServedSystem)]
    return find_served(names or [_find_bundled(observer)], base=base, set=set)


def require_safe(host: str, token: str | None, *, allow_open: bool) -> None:
    """Raise ConfigError where others than this machine could ask without a token, unless they may."""
    from dialora.web.sockets import is_local

    if token is None and not allow_open and not is_local(host):
        raise ConfigError(
            f"--host {host}: anybody there could ask; give a token with --token-file or {TOKEN_VARIABLE}, or "
            f"--allow-open."
        )


def find_token(file: Path | None) -> str | None:
    """Return the token of a file, or of the environment's DIALORA_TOKEN. Raises ConfigError."""
    if file is None:
        given = os.environ.get(TOKEN_VARIABLE)
        return None if given is None else check_token(given, TOKEN_VARIABLE)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise ConfigError(f"--token-file {file}: cannot be read: {reason}.") from None
    return check_token(text, f"--token-file {file}")


def check_token(text: str, where: str) -> str:
    """Return a token without the space around it. Raises ConfigError for one that is none."""
    token = text.strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{where}: a token is {SHORTEST_TOKEN} or more letters, digits and signs without a space, as `openssl rand "
            f"-hex 32` prints."
        )
    return token


def _find_bundled(observer: Watch) -> Path:
    from dialora.api.systems import find_system

    find_system(None, observer=observer)  # which runs it where it has not been
    return RUNS / BUNDLED


__all__ = ["TOKEN_VARIABLE", "check_token", "find_systems", "find_token", "require_safe", "serve"]
