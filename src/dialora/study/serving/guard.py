"""What stands around every answer of the server: headers, the size of a request, its origin, its rate.

The token that opens a sheet stands in the address, so an address is never told to anybody, nor kept by a browser, and
only the page itself may post.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from dialora.web.headers import HEADERS, POLICY

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 65_536
"""Bytes."""
MAX_BODY_SECONDS = 30
logger = logging.getLogger("dialora.study")


def build_page_policy(nonce: str) -> dict[str, str]:
    """Return the header that lets a page run its own script and style, and ask its own server."""
    allowed = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:"
    return {"content-security-policy": f"{POLICY}; {allowed}"}


class Guard:
    """ASGI middleware: adds HEADERS to every answer, and turns what nobody foresaw into a sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                present = {name.lower() for name, _ in message["headers"]}
                missing = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in present]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        try:
            await self.app(scope, receive, send_guarded)
        except ClientDisconnect:
            return
        except Exception as error:
            # Neither a traceback nor a message: both may hold what a rater wrote, or a link.
            logger.error("An unforeseen %s; the rater was asked to try again.", type(error).__name__)
            if is_begun or scope["type"] != "http":
                raise
            await JSONResponse({"error": "Something went wrong here; try again."}, 500)(scope, receive, send_guarded)


def require_own_page(request: Request, url: str | None) -> None:
    """Raise HTTPException where another site's page sends. `url` is where the study is reached, if that was said.

    There are no cookies, so whoever has the link may send; this keeps a page elsewhere from doing it in a rater's name.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "Send JSON, with the content type application/json.")
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site in ("same-origin", "none") or (site is None and origin is None):
        return
    own = {request.headers.get("host", ""), urlsplit(url or "").netloc} - {""}
    if origin is None or urlsplit(origin).netloc not in own:
        raise HTTPException(403, "This answer came from another page than the study's; open your link again.")


async def read_body(request: Request) -> bytes:
    """Return a request's body. Raises HTTPException where it is too long, or too slow."""
    too_long = HTTPException(413, f"This is too long: at most {MAX_BODY:,} bytes.")
    if int(request.headers.get("content-length") or 0) > MAX_BODY:
        raise too_long
    body = bytearray()

    async def read() -> None:
        async for part in request.stream():
            body.extend(part)
            if len(body) > MAX_BODY:
                raise too_long

    try:
        await asyncio.wait_for(read(), MAX_BODY_SECONDS)
    except TimeoutError:
        raise HTTPException(408, "This took too long to arrive; try again.") from None
    return bytes(body)


class RateLimit:
    """How much one sheet may send: far more than a person does, far less than fills a disk."""

    most, seconds = 1200, 60.0

    def __init__(self) -> None:
        self._times: dict[int, deque[float]] = {}

    def admit(self, sheet: int) -> None:
        """Count a request of a sheet. Raises HTTPException where there were too many just now."""
        now = time.monotonic()
        times = self._times.setdefault(sheet, deque())
        while times and now - times[0] > self.seconds:
            times.popleft()
        if len(times) >= self.most:
            wait = max(1, round(self.seconds - (now - times[0])))
            raise HTTPException(429, "That was too much at once; wait a little.", {"retry-after": str(wait)})
        times.append(now)


__all__ = ["MAX_BODY", "Guard", "RateLimit", "build_page_policy", "read_body", "require_own_page"]
