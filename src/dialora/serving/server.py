"""The server of served systems: loads them while it listens, and ends when all that it took is answered."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from dialora.serving.app import ServerOptions, build_app
from dialora.serving.batcher import Batcher
from dialora.serving.inputs import remove_uploads
from dialora.serving.loading import open_warm_engine
from dialora.serving.metrics import Metrics
from dialora.serving.served import ServedSystem
from dialora.serving.service import SummaryService
from dialora.web.settings import build_config

if TYPE_CHECKING:
    from collections.abc import Sequence

SEND_SECONDS = 10
"""Within which a client has to have read its answer where the server ends."""


class SummaryServer(uvicorn.Server):
    """Serves systems on a socket. `on_warning` and `on_ready` are told of what happens, from another thread."""

    def __init__(
        self,
        served: Sequence[ServedSystem],
        options: ServerOptions,
        *,
        on_warning: Callable[[str], None],
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.service = SummaryService(
            served, Metrics(), queue_tokens=options.queue_tokens, max_unpacked=options.max_body
        )
        self.error: Exception | None = None
        """Why the systems could not be loaded."""
        self._on_warning, self._on_ready = on_warning, on_ready
        super().__init__(build_config(build_app(self.service, options), send_seconds=SEND_SECONDS))

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until the process is interrupted or ended. Raises DialoraError where a system cannot be loaded."""
        self.run(sockets=[listening])
        if self.error is not None:
            raise self.error

    async def main_loop(self) -> None:
        """Load the systems and serve until everything taken is answered."""
        loading = asyncio.create_task(self._load())
        try:
            await super().main_loop()
        finally:
            loading.cancel()

    async def on_tick(self, counter: int) -> bool:
        """Say whether to end."""
        if self.service.is_ending and not self.service.num_taken:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End connections and engines."""
        await super().shutdown(sockets)
        for one in self.service.served:
            if one.batcher is not None:
                await asyncio.to_thread(one.batcher.close)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take nothing more and end when the rest is answered; at a second signal, at once."""
        if self.service.is_ending:
            remove_uploads()
            os._exit(128 + sig)
        self.service.is_ending = True
        if not self.service.is_ready:
            # A thread that loads cannot be stopped, and nothing was taken.
            os._exit(0)

    async def _load(self) -> None:
        try:
            for one in self.service.served:
                engine, rate = await asyncio.to_thread(open_warm_engine, one.system, self._on_warning)
                batcher = Batcher(engine, one.system.config.decoding, self.service.metrics.of_system(one.name))
                batcher.rate = rate
                batcher.start()
                one.batcher = batcher
        except Exception as error:  # raised by `serve_on`, once nothing is served any more
            self.error = error
            self.should_exit = True
            return
        # Else every collection looks at all that was loaded: some 0.4 of the 2.6 ms that a dialogue took here.
        gc.collect()
        gc.freeze()
        self.service.is_ready = True
        self._on_ready()


__all__ = ["SummaryServer"]
