"""A request's body, counted and timed while it arrives.

All bodies that are held at a time share a bound, so that many slow ones fill no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from dialora.serving.refusals import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

MIB = 1 << 20
HELD = 16
"""Bodies of full size that are held at a time."""


class BodyReader:
    """Reads bodies of at most `max_body` bytes that arrive within `seconds`."""

    def __init__(self, max_body: int, seconds: float) -> None:
        self.max_body, self.seconds = max_body, seconds
        self._num_held = 0

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[bytes]:
        """Give a request's body, which is held for the time of the block.

        Raises Refusal where it is too large or slow, and ClientDisconnect.
        """
        self._require_size(request.headers.get("content-length"))
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self.seconds):
                    async for chunk in request.stream():
                        body += chunk
                        self._num_held += len(chunk)
                        if len(body) > self.max_body:
                            raise self._refuse()
                        if self._num_held > HELD * self.max_body:
                            raise Refusal(429, "Too much is being uploaded just now; try again in a moment.", wait=5)
            except TimeoutError:
                raise Refusal(
                    408, f"The body did not arrive within {self.seconds:g} seconds; send it faster, or less."
                ) from None
            yield bytes(body)
        finally:
            self._num_held -= len(body)

    def _require_size(self, said: str | None) -> None:
        if said is not None and said.isascii() and said.isdigit() and int(said[:20]) > self.max_body:
            raise self._refuse()

    def _refuse(self) -> Refusal:
        return Refusal(
            413,
            f"The body is larger than {self.max_body:,} bytes; send less at a time (the server's --max-body).",
        )


async def wait_for_hang_up(request: Request) -> None:
    """Return when the client is gone; its body has to be read before."""
    try:
        while (await request.receive())["type"] != "http.disconnect":
            pass
    except ClientDisconnect:
        return


__all__ = ["MIB", "BodyReader", "wait_for_hang_up"]
