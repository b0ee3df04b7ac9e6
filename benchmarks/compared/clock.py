"""Time the steps of a `Trainer` from outside."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback


class StepClock(TrainerCallback):  # type: ignore[misc]
    """Keeps when each optimizer step ended, in seconds of `perf_counter`, and each logged loss."""

    def __init__(self) -> None:
        self.started = 0.0
        self.ends: list[float] = []
        self.losses: list[float] = []

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Keep the time."""
        self.ends.append(time.perf_counter())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Keep the loss."""
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


__all__ = ["StepClock"]
