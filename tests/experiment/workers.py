"""A worker that does as a test tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dialora.experiment.launchers import process


def use_worker(monkeypatch: pytest.MonkeyPatch, code: str) -> list[subprocess.Popen[bytes]]:
    """Let launchers start this code for a worker; what is started comes into the list."""
    started = []

    def start(log: Path, environment: Any) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, start_new_session=True))
        return started[-1]

    monkeypatch.setattr(process, "_start_worker", start)
    return started
