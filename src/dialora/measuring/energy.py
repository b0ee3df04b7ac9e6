"""The energy a piece of work takes, where codecarbon is installed (`pip install dialora[energy]`); else nothing.

Gives kilowatt-hours of the whole machine: processor, memory and GPU, measured where they can be and estimated from
their rated power where not (codecarbon's documentation, "Methodology"). Nothing is sent or written anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MEASURE_SECONDS = 5


@dataclass(slots=True)
class Energy:
    """What a metered block took; None inside the block, and where it could not be measured."""

    kwh: float | None = None


@contextmanager
def metered() -> Iterator[Energy]:
    """Measure the block; what is raised in it passes through, and leaves the energy unknown."""
    energy = Energy()
    tracker = _start()
    try:
        yield energy
    except BaseException:
        _stop(tracker)
        raise
    energy.kwh = _stop(tracker)


def _start() -> Any:
    try:
        from codecarbon import OfflineEmissionsTracker
    except ImportError:
        return None
    # The country only tells how clean the power is, which nobody asks here; without one codecarbon goes online.
    tracker = OfflineEmissionsTracker(
        country_iso_code="USA",
        measure_power_secs=MEASURE_SECONDS,
        save_to_file=False,
        allow_multiple_runs=True,
        log_level="critical",
    )
    tracker.start()
    return tracker


def _stop(tracker: Any) -> float | None:
    if tracker is None or tracker.stop() is None:
        return None
    return float(tracker.final_emissions_data.energy_consumed) or None


__all__ = ["Energy", "metered"]
