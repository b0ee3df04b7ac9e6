"""Time the steps of a `Trainer` from outside, and let its memory be that of training alone, as dialora's is."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback

from dialora.measuring.memory import measure_peak_memory, reset_peak_memory


class StepClock(TrainerCallback):  # type: ignore[misc]
    """Keeps when each optimizer step ended, in seconds of `perf_counter`, each logged loss, and what loading took."""

    def __init__(self) -> None:
        self.started = 0.0
        self.ends: list[float] = []
        self.losses: list[float] = []
        self.loading_memory_bytes: int | None = None

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock, and forget the memory that loading took."""
        held = measure_peak_memory()
        self.loading_memory_bytes = held if reset_peak_memory() else None
        self.started = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Keep the time."""
        self.ends.append(time.perf_counter())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Keep the loss."""
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


__all__ = ["StepClock"]
