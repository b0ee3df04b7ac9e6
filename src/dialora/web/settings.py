"""How our applications are served."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from dialora.web.connections import PassingProtocol

MAX_CONNECTIONS = 1000


def build_config(app: Callable[..., object], *, send_seconds: int) -> uvicorn.Config:
    """Say how an application is served, without a log of who asked what: addresses hold tokens.

    Where the server ends, a client has `send_seconds` to read its answer.
    """
    return uvicorn.Config(
        app,
        http=PassingProtocol,
        log_config=None,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=send_seconds,
    )


__all__ = ["MAX_CONNECTIONS", "build_config"]
