"""Seconds of work, wherever it is done: what a GPU has been given counts until it is finished."""

from __future__ import annotations

import sys
import time


class Stopwatch:
    """Runs from when it is made, or reset."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def reset(self) -> None:
        """Begin again at 0."""
        self._started = time.perf_counter()

    def read(self) -> float:
        """Return the seconds so far, and go on."""
        _wait_for_gpu()
        return time.perf_counter() - self._started


def _wait_for_gpu() -> None:
    # Nothing is on a GPU before torch has taken memory there, and timing alone is no reason to: waiting for one that
    # was only asked what it can do would take a few hundred megabytes of it from the worker that computes there.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized() and torch.cuda.memory_reserved():
        torch.cuda.synchronize()


__all__ = ["Stopwatch"]
