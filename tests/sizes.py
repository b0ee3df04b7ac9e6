"""How much slow tests do of what could go on for ever: less of each where DIALORA_QUICK is set, as in CI."""

from __future__ import annotations

import os

import pytest

IS_QUICK = bool(os.environ.get("DIALORA_QUICK"))
NUM_KILLS = 8 if IS_QUICK else 40
"""Of `compare`; each has its own moment."""
NUM_KILLS_OF_A_SEARCH = 3 if IS_QUICK else 5
NUM_KILLS_ON_RAY = 3 if IS_QUICK else 10
"""Of nodes, workers and drivers in turn."""
NUM_KILLS_OF_A_SERVER = 2 if IS_QUICK else 4
NUM_KILLS_OF_A_STUDY = 12 if IS_QUICK else 30
FUZZ_SECONDS = 10 if IS_QUICK else 30
FEW_STEPS = ["training.max_steps=8", "data.max_test_examples=40"] if IS_QUICK else []
"""Settings of the bundled experiment where it is not its numbers that are looked at."""
thorough = pytest.mark.skipif(IS_QUICK, reason="takes a minute, as others of its kind: not where DIALORA_QUICK is")
"""Marks what `make test` runs and CI does not."""
