"""What stands around every answer: who may ask, headers, counters, and a sentence for what nobody foresaw.

On loopback there is no token, and every page that a browser of this machine shows could ask: so what another site's
page sends is refused, and so is a name for this machine that is none of its own (DNS rebinding).
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from dialora.serving.metrics import Metrics
from dialora.serving.refusals import CODES, Refusal
from dialora.web.headers import HEADERS
from dialora.web.sockets import is_local

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
HUNG_UP = 499
"""The status under which a request is counted whose client is gone."""
OTHER = "other"
logger = logging.getLogger("dialora.serving")


class Guard:
    """ASGI middleware. `token` is what /v1/* and /metrics ask for; `is_loopback` is whether only this machine asks."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, token: str | None, is_loopback: bool) -> None:
        self.app, self.metrics = app, metrics
        self._token = None if token is None else token.encode()
        self._is_loopback = is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.monotonic()
        status = HUNG_UP

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                own = [header for header in _HEADERS if header[0] not in present]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        try:
            self._admit(scope)
            if scope["method"] == "HEAD":
                scope = {**scope, "method": "GET"}  # the same answer; uvicorn leaves out what stands below its headers
            await self.app(scope, receive, send_guarded)
        except Refusal as refusal:
            await build_error(refusal)(scope, receive, send_guarded)
        except ClientDisconnect:
            status = HUNG_UP
        except Exception as error:
            # Neither a traceback nor a message: both may hold what somebody said.
            logger.error("An unforeseen %s; the client was told that it is our fault.", type(error).__name__)
            if status != HUNG_UP:
                raise
            fault = Refusal(500, "Something went wrong here; it is not the request's fault.")
            await build_error(fault)(scope, receive, send_guarded)
        finally:
            path = getattr(scope.get("route"), "path", OTHER)
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.request_seconds.labels(path).observe(time.monotonic() - begun)

    def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._is_loopback and not is_local(_split(f"//{host}")[0] or ""):
            raise Refusal(403, "This server is for programs on its own machine: ask for it as 127.0.0.1 or localhost.")
        if not _is_guarded(scope["path"]):
            return  # as the page, to which another site may have a link
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        is_own = site in ("same-origin", "none") if site else origin is None or _split(origin)[1] == host
        if not is_own:
            raise Refusal(403, "This came from another site's page, which may not ask here.")
        if self._token is not None:
            # The scheme's letters may be large or small (RFC 9110, 11.1).
            scheme, _, given = headers.get("authorization", "").partition(" ")
            is_right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token)
            if scheme.lower() != "bearer" or not is_right:
                raise Refusal(401, "Send the server's token: Authorization: Bearer TOKEN.")


def build_error(refusal: Refusal) -> Response:
    """Return a refusal as an answer."""
    error = {"code": CODES.get(refusal.status, "error"), "message": refusal.message}
    return Response(json.dumps({"error": error}), refusal.status, refusal.headers, "application/json")


def _is_guarded(path: str) -> bool:
    """Whether a path gives or does anything."""
    return path.startswith("/v1/") or path == "/metrics"


def _split(address: str) -> tuple[str | None, str | None]:
    """Return the host of an address, without and with its port; nothing where it is no address."""
    try:
        parts = urlsplit(address)
        return parts.hostname, parts.netloc
    except ValueError:
        return None, None


__all__ = ["Guard", "build_error"]
