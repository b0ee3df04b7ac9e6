"""Connections of the server that nobody holds for nothing: whoever asks for nothing makes way for whoever asks.

uvicorn waits without an end for a request's first line and headers, and refuses everybody when it has its fill of
connections: a thousand that are opened and left would shut everybody out.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class PassingProtocol(H11Protocol):
    """HTTP on a connection that is ended where no request comes, or where others need its place."""

    seconds = 15.0
    """Within so long, or twice that, a request must have arrived, the first one as well as a further one."""
    most = 800
    """Of more connections, the one that has been there longest among those with no request makes way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._begun = self.loop.time()
        self._seen: object = None
        self._timer = self.loop.call_later(self.seconds, self._end_where_nothing_came)
        if len(self.connections) > self.most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: there are no web sockets here, and uvicorn's advice is to install some."""

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, PassingProtocol) and one is not self]
        waiting = [one for one in others if one._is_waiting]
        if waiting:
            min(waiting, key=lambda one: one._begun).transport.close()

    @property
    def _is_waiting(self) -> bool:
        is_open = not self.transport.is_closing()
        return is_open and (self.cycle is None or self.cycle.response_complete)

    def _end_where_nothing_came(self) -> None:
        if self._is_waiting and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle
        self._timer = self.loop.call_later(self.seconds, self._end_where_nothing_came)


__all__ = ["PassingProtocol"]
