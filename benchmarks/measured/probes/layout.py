"""Build the random checkpoint of FLAN-T5-base's layout; a process of its own keeps torch out of the parent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.measured.layouts import build_layout


def layout(spec: dict[str, Any]) -> dict[str, Any]:
    """Build the checkpoint unless it is there. `spec`: folder, num_layers."""
    started = time.perf_counter()
    build_layout(Path(spec["folder"]), num_layers=spec["num_layers"])
    return {"seconds": time.perf_counter() - started}


__all__ = ["layout"]
